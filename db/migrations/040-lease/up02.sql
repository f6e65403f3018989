CREATE INDEX IF NOT EXISTS cluster_lease_due ON cluster (shard, lease_due) WHERE lease_due IS NOT NULL AND state <> 'TERMINATED';
