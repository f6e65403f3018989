-- Every version of every catalog document; a deleted one ends in a version that says so.
CREATE TABLE IF NOT EXISTS document (
  shard INT4 NOT NULL,
  tenant TEXT NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  version INT4 NOT NULL,
  body JSONB NOT NULL,
  shipped BOOL NOT NULL,
  deleted BOOL NOT NULL,
  newest BOOL NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  epoch INT8 NOT NULL,
  seq INT8 NOT NULL,
  PRIMARY KEY (shard, tenant, kind, name, version)
);
