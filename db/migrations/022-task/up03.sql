CREATE INDEX IF NOT EXISTS task_leased ON task (lease_until) WHERE state = 'RUNNING';
