-- Every mutation. Payloads are deflated JSON of the record's body.
CREATE TABLE IF NOT EXISTS log_record (
  shard INT4 NOT NULL,
  seq INT8 NOT NULL,
  epoch INT8 NOT NULL,
  format INT4 NOT NULL,
  kind TEXT NOT NULL,
  tenant TEXT NOT NULL,
  cluster_id INT8,
  job INT4,
  actor TEXT NOT NULL,
  request_id TEXT,
  at TIMESTAMPTZ NOT NULL,
  payload BYTEA NOT NULL,
  prev_hash BYTEA NOT NULL,
  hash BYTEA NOT NULL,
  PRIMARY KEY (shard, seq)
);
