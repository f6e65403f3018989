-- Generated passwords and sensitive values of a cluster, sealed with the key file.
CREATE TABLE IF NOT EXISTS secret (
  shard INT4 NOT NULL,
  cluster_id INT8 NOT NULL,
  path TEXT NOT NULL,
  tenant TEXT NOT NULL,
  sealed BYTEA NOT NULL,
  PRIMARY KEY (shard, cluster_id, path)
);
