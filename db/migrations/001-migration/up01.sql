-- Which migrations have run, with the checksum of their text.
CREATE TABLE IF NOT EXISTS schema_migration (
  name TEXT NOT NULL,
  checksum TEXT NOT NULL,
  applied_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (name)
);
