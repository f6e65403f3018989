-- Machines that nobody owns, until they are gone. Local and disposable: the grace begins again.
CREATE TABLE IF NOT EXISTS stray (
  shard INT4 NOT NULL,
  token TEXT NOT NULL,
  tenant TEXT NOT NULL,
  cluster_id INT8 NOT NULL,
  node INT4 NOT NULL,
  incarnation INT4 NOT NULL,
  provider TEXT NOT NULL,
  provider_type TEXT NOT NULL,
  -- The provider's own name of the machine.
  machine TEXT NOT NULL,
  first_seen TIMESTAMPTZ NOT NULL,
  -- Of the grace: measured while it was seen again and again, so that no clock that jumps ends it early.
  waited_ms INT8 NOT NULL,
  -- Orders to remove it that failed, and what the last one said.
  failures INT4 NOT NULL,
  message TEXT NOT NULL,
  PRIMARY KEY (shard, token)
);
