-- Cluster ids of a shard: the next one to give, and how far a logged block reaches.
CREATE TABLE IF NOT EXISTS shard_id (
  shard INT4 NOT NULL,
  next INT8 NOT NULL,
  upto INT8 NOT NULL,
  PRIMARY KEY (shard)
);
