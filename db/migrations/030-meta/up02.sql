CREATE INDEX IF NOT EXISTS document_newest ON document (tenant, kind, name) WHERE newest;
