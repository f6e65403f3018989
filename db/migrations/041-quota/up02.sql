-- What is used of quotas is counted from it alone.
CREATE INDEX IF NOT EXISTS cluster_in_use ON cluster (tenant, shard, node_count, nodes_asked) WHERE state <> 'TERMINATED';
