-- How ids are split; one row, written at the first start and never changed.
CREATE TABLE IF NOT EXISTS installation (
  id INT4 NOT NULL,
  datacenter TEXT NOT NULL,
  ids_start INT4 NOT NULL,
  ids_increment INT4 NOT NULL,
  shards INT4 NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (id)
);
