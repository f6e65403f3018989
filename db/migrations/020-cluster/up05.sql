-- What running jobs know of nodes before the end of the job. Local and disposable: machines can be found by token.
CREATE TABLE IF NOT EXISTS node_progress (
  shard INT4 NOT NULL,
  cluster_id INT8 NOT NULL,
  number INT4 NOT NULL,
  tenant TEXT NOT NULL,
  state TEXT NOT NULL,
  addresses JSONB NOT NULL,
  machine TEXT NOT NULL,
  results JSONB NOT NULL,
  message TEXT NOT NULL,
  PRIMARY KEY (shard, cluster_id, number)
);
