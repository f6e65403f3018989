-- Nodes that the newest job was accepted to add, until its plan counts them among the others.
ALTER TABLE cluster ADD COLUMN IF NOT EXISTS nodes_asked INT4 NOT NULL DEFAULT 0;
