CREATE INDEX IF NOT EXISTS cluster_by_name ON cluster (tenant, display_name);
