-- What a tenant may use in a datacenter; a tenant without a row may use anything. Locked by whoever takes some of it.
CREATE TABLE IF NOT EXISTS quota_slice (
  shard INT4 NOT NULL,
  tenant TEXT NOT NULL,
  datacenter TEXT NOT NULL,
  max_clusters INT4,
  max_nodes INT4,
  epoch INT8 NOT NULL,
  seq INT8 NOT NULL,
  PRIMARY KEY (shard, tenant, datacenter)
);
