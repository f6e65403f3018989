CREATE UNIQUE INDEX IF NOT EXISTS provisioner_by_token ON provisioner (token_hash);
