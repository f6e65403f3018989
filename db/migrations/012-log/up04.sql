-- Request ids that were answered, so that the same id gives the first answer again.
CREATE TABLE IF NOT EXISTS op_guard (
  shard INT4 NOT NULL,
  request_id TEXT NOT NULL,
  tenant TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  seq INT8 NOT NULL,
  cluster_id INT8,
  job INT4,
  -- The answer itself, where it cannot be read again.
  answer JSONB,
  at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (shard, request_id)
);
