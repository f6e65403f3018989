-- Who migrates now: one row, a lease that its holder renews.
CREATE TABLE IF NOT EXISTS migration_lease (
  id INT4 NOT NULL,
  holder TEXT NOT NULL,
  until TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (id)
);
