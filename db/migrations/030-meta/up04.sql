CREATE UNIQUE INDEX IF NOT EXISTS access_token_by_hash ON access_token (hash);
