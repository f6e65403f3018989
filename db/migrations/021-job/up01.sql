CREATE TABLE IF NOT EXISTS job (
  shard INT4 NOT NULL,
  cluster_id INT8 NOT NULL,
  number INT4 NOT NULL,
  tenant TEXT NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  request JSONB NOT NULL,
  -- What OpPlanned holds; the task graph is derived from it.
  planned JSONB,
  actor TEXT NOT NULL,
  accepted_at TIMESTAMPTZ NOT NULL,
  ended_at TIMESTAMPTZ,
  epoch INT8 NOT NULL,
  seq INT8 NOT NULL,
  PRIMARY KEY (shard, cluster_id, number)
);
