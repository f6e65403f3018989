-- The epoch that local writes check. A row of its own, so that task progress does not wait for appends.
CREATE TABLE IF NOT EXISTS shard_fence (
  shard INT4 NOT NULL,
  epoch INT8 NOT NULL,
  PRIMARY KEY (shard)
);
