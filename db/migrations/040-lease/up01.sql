-- When the lease of a cluster ends, when something is due because of it (a warning, the end, another try), how often
-- its end was tried, and what a machine of each hardware type costs.
ALTER TABLE cluster
  ADD COLUMN IF NOT EXISTS expires_at TIMESTAMPTZ,
  ADD COLUMN IF NOT EXISTS lease_due TIMESTAMPTZ,
  ADD COLUMN IF NOT EXISTS expiry_tries INT4 NOT NULL DEFAULT 0,
  ADD COLUMN IF NOT EXISTS prices JSONB NOT NULL DEFAULT '{}';
