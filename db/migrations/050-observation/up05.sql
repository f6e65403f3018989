CREATE INDEX IF NOT EXISTS observed_event_by_time ON observed_event (tenant, at, number);
