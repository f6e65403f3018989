-- Jobs that a runner has to carry on.
CREATE INDEX IF NOT EXISTS job_open ON job (shard, cluster_id, number) WHERE state NOT IN ('COMPLETE', 'FAILED', 'CANCELLED');
