-- Machines that others have taken over from, and that may still be there: a list of
-- { incarnation, machine, addresses, results }.
ALTER TABLE node ADD COLUMN IF NOT EXISTS previous JSONB NOT NULL DEFAULT '[]';
