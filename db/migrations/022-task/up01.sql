-- Tasks of a job, derived from its plan. Local and disposable. No index on what changes: updates stay in their page.
CREATE TABLE IF NOT EXISTS task (
  shard INT4 NOT NULL,
  cluster_id INT8 NOT NULL,
  job INT4 NOT NULL,
  number INT4 NOT NULL,
  tenant TEXT NOT NULL,
  node INT4 NOT NULL,
  service TEXT NOT NULL,
  action TEXT NOT NULL,
  stage INT4 NOT NULL,
  provider_type TEXT NOT NULL,
  state TEXT NOT NULL,
  -- Tries so far.
  attempt INT4 NOT NULL,
  -- Tries that count against the limit.
  failures INT4 NOT NULL,
  -- Of RETRYING: not handed out before.
  ready_at TIMESTAMPTZ,
  worker TEXT NOT NULL,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  started_at TIMESTAMPTZ,
  ended_at TIMESTAMPTZ,
  progress INT8 NOT NULL,
  PRIMARY KEY (shard, cluster_id, job, number)
);
