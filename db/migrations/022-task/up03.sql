-- What scripts printed, in deflated chunks.
CREATE TABLE IF NOT EXISTS task_log (
  shard INT4 NOT NULL,
  cluster_id INT8 NOT NULL,
  job INT4 NOT NULL,
  task INT4 NOT NULL,
  attempt INT4 NOT NULL,
  stream INT4 NOT NULL,
  sequence INT4 NOT NULL,
  tenant TEXT NOT NULL,
  -- Order of arrival at this server over all tasks.
  position INT8 NOT NULL,
  bytes INT4 NOT NULL,
  text BYTEA NOT NULL,
  PRIMARY KEY (shard, cluster_id, job, task, attempt, stream, sequence)
);
