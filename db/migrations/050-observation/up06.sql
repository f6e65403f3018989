-- The number of the next observed event of this datacenter; one row. Locked by whoever adds events, so that numbers
-- become visible in their order.
CREATE TABLE IF NOT EXISTS observed_head (
  shard INT4 NOT NULL,
  next INT8 NOT NULL,
  PRIMARY KEY (shard)
);
