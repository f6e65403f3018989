-- Provisioners of other machines, from the invitation on; join tokens by the hash of their text.
CREATE TABLE IF NOT EXISTS provisioner (
  shard INT4 NOT NULL,
  id TEXT NOT NULL,
  tenant TEXT NOT NULL,
  label TEXT NOT NULL,
  creator TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  token_hash BYTEA NOT NULL,
  token_expires_at TIMESTAMPTZ NOT NULL,
  host TEXT NOT NULL,
  datacenter TEXT NOT NULL,
  key_hash BYTEA,
  joined_at TIMESTAMPTZ,
  certificate_expires_at TIMESTAMPTZ,
  revoked_at TIMESTAMPTZ,
  epoch INT8 NOT NULL,
  seq INT8 NOT NULL,
  PRIMARY KEY (shard, id)
);
