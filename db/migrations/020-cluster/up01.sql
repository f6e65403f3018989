CREATE TABLE IF NOT EXISTS cluster (
  shard INT4 NOT NULL,
  id INT8 NOT NULL,
  uid UUID NOT NULL,
  tenant TEXT NOT NULL,
  owner TEXT NOT NULL,
  display_name TEXT NOT NULL,
  description TEXT NOT NULL,
  state TEXT NOT NULL,
  template TEXT NOT NULL,
  template_version INT4 NOT NULL,
  provider TEXT NOT NULL,
  node_count INT4 NOT NULL,
  services TEXT[] NOT NULL,
  -- The documents it was made from, resolved: later edits of the catalog do not reach it.
  spec JSONB NOT NULL,
  -- Configuration with references in place of secrets.
  config JSONB NOT NULL,
  layout JSONB NOT NULL,
  next_node INT4 NOT NULL,
  last_job INT4 NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  epoch INT8 NOT NULL,
  seq INT8 NOT NULL,
  PRIMARY KEY (shard, id)
);
