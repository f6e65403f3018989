-- Machines at a provider name the UUID of their cluster.
CREATE INDEX IF NOT EXISTS cluster_by_uid ON cluster (uid);
