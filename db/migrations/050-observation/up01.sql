-- What the provider last said of a cluster as a whole. Local and disposable: the next look makes it again.
CREATE TABLE IF NOT EXISTS cluster_observation (
  shard INT4 NOT NULL,
  cluster_id INT8 NOT NULL,
  tenant TEXT NOT NULL,
  -- Of the last record about the last job when the look began: what is older than a job says nothing any more.
  job INT4 NOT NULL,
  job_seq INT8 NOT NULL,
  -- False: the provider did not answer, and nodes are UNKNOWN.
  is_known BOOL NOT NULL,
  -- Of is_known.
  since TIMESTAMPTZ NOT NULL,
  -- Why the provider did not answer.
  message TEXT NOT NULL,
  down INT4 NOT NULL,
  missing INT4 NOT NULL,
  -- Raised by every change.
  version INT8 NOT NULL,
  PRIMARY KEY (shard, cluster_id)
);
