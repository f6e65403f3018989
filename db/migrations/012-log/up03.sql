CREATE INDEX IF NOT EXISTS log_record_by_time ON log_record (tenant, at, shard, seq);
