-- A job that made the node, or made it again, has been completed.
ALTER TABLE node ADD COLUMN IF NOT EXISTS is_finished BOOL NOT NULL DEFAULT false;
