CREATE INDEX IF NOT EXISTS log_record_by_cluster ON log_record (shard, cluster_id, seq);
