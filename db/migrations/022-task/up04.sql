CREATE INDEX IF NOT EXISTS task_log_by_position ON task_log (shard, cluster_id, job, position);
