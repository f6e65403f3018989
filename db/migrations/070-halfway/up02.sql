-- Services that were stopped on purpose.
ALTER TABLE node ADD COLUMN IF NOT EXISTS stopped TEXT[] NOT NULL DEFAULT '{}';
