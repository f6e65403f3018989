-- Access tokens, by the hash of their text.
CREATE TABLE IF NOT EXISTS access_token (
  shard INT4 NOT NULL,
  id UUID NOT NULL,
  tenant TEXT NOT NULL,
  user_name TEXT NOT NULL,
  role TEXT NOT NULL,
  label TEXT NOT NULL,
  hash BYTEA NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  revoked_at TIMESTAMPTZ,
  PRIMARY KEY (shard, id)
);
