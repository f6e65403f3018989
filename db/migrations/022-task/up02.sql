CREATE INDEX IF NOT EXISTS task_ready ON task (ready_at) WHERE state IN ('READY', 'RETRYING');
