-- Who runs a job and how far it is. Local and disposable.
CREATE TABLE IF NOT EXISTS job_run (
  shard INT4 NOT NULL,
  cluster_id INT8 NOT NULL,
  job INT4 NOT NULL,
  tenant TEXT NOT NULL,
  runner INT4 NOT NULL,
  holder TEXT NOT NULL,
  lease_until TIMESTAMPTZ NOT NULL,
  -- Raised by every step of the job; tasks carry the number of the step that changed them last.
  progress INT8 NOT NULL,
  -- Sequence number of the last JobControl record that the tasks know.
  control_seq INT8 NOT NULL,
  task_count INT4 NOT NULL,
  done_count INT4 NOT NULL,
  running_count INT4 NOT NULL,
  retrying_count INT4 NOT NULL,
  failed_count INT4 NOT NULL,
  waiting_for TEXT NOT NULL,
  PRIMARY KEY (shard, cluster_id, job)
);
