CREATE INDEX IF NOT EXISTS cluster_by_time ON cluster (tenant, created_at, id);
