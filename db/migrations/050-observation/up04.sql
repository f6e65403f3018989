-- What was observed, for the event feed. Local; old ones are removed.
CREATE TABLE IF NOT EXISTS observed_event (
  shard INT4 NOT NULL,
  number INT8 NOT NULL,
  tenant TEXT NOT NULL,
  cluster_id INT8,
  at TIMESTAMPTZ NOT NULL,
  severity TEXT NOT NULL,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  PRIMARY KEY (shard, number)
);
