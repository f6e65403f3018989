CREATE INDEX IF NOT EXISTS job_by_time ON job (tenant, accepted_at, shard, cluster_id, number);
