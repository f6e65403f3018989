-- What a job that did not complete left to be done for services of the node: { service: "install" or "start" }.
ALTER TABLE node ADD COLUMN IF NOT EXISTS halfway JSONB NOT NULL DEFAULT '{}';
