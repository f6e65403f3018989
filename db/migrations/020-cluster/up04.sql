CREATE TABLE IF NOT EXISTS node (
  shard INT4 NOT NULL,
  cluster_id INT8 NOT NULL,
  number INT4 NOT NULL,
  tenant TEXT NOT NULL,
  incarnation INT4 NOT NULL,
  state TEXT NOT NULL,
  hostname TEXT NOT NULL,
  hardware_type TEXT NOT NULL,
  image_type TEXT NOT NULL,
  services TEXT[] NOT NULL,
  addresses JSONB NOT NULL,
  machine TEXT NOT NULL,
  results JSONB NOT NULL,
  message TEXT NOT NULL,
  PRIMARY KEY (shard, cluster_id, number)
);
