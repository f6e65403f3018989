-- Tries that have ended; one that runs is in its task.
CREATE TABLE IF NOT EXISTS attempt (
  shard INT4 NOT NULL,
  cluster_id INT8 NOT NULL,
  job INT4 NOT NULL,
  task INT4 NOT NULL,
  number INT4 NOT NULL,
  tenant TEXT NOT NULL,
  state TEXT NOT NULL,
  worker TEXT NOT NULL,
  runner INT4 NOT NULL,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  exit_code INT4 NOT NULL,
  started_at TIMESTAMPTZ NOT NULL,
  ended_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (shard, cluster_id, job, task, number)
);
