-- Nodes that are not as they should be; those without a row are up. Local and disposable.
CREATE TABLE IF NOT EXISTS node_observation (
  shard INT4 NOT NULL,
  cluster_id INT8 NOT NULL,
  number INT4 NOT NULL,
  tenant TEXT NOT NULL,
  incarnation INT4 NOT NULL,
  -- DOWN or MISSING.
  observed TEXT NOT NULL,
  since TIMESTAMPTZ NOT NULL,
  message TEXT NOT NULL,
  PRIMARY KEY (shard, cluster_id, number)
);
