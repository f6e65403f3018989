-- The head of each shard's log. Locked by every append, so records of a shard are in one order.
CREATE TABLE IF NOT EXISTS shard_head (
  shard INT4 NOT NULL,
  epoch INT8 NOT NULL,
  owner_dc TEXT NOT NULL,
  state TEXT NOT NULL,
  next_seq INT8 NOT NULL,
  last_hash BYTEA NOT NULL,
  db_incarnation TEXT NOT NULL,
  PRIMARY KEY (shard)
);
