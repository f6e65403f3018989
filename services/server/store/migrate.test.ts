import assert from "node:assert/strict";
import { useDatabase } from "../../../test/support/database.js";
import { LoomError } from "../../common/errors.js";
import { migrate, readMigrations, type Migration } from "./migrate.js";

describe("migrate", () => {
  const migrations = readMigrations();

  describe("on an empty database", () => {
    const db = useDatabase({ empty: true });

    async function snapshot(): Promise<unknown> {
      const { rows } = await db.database.pool.query(
        `SELECT c.relname, c.relkind, a.attname, a.atttypid::regtype::text AS type, a.attnotnull, c.oid::text
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
         WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1, 2, a.attnum`,
      );
      return rows;
    }

    it("can be killed at every statement and run again", async () => {
      class Killed extends Error {}
      let finished = false;
      for (let stop = 1; !finished; stop += 1) {
        let n = 0;
        try {
          await migrate(db.connection, {
            leaseMs: 200,
            beforeStatement: () => {
              n += 1;
              if (n === stop) throw new Killed();
            },
          });
          finished = true;
        } catch (thrown) {
          assert.ok(
            thrown instanceof LoomError && thrown.cause instanceof Killed,
            String((thrown as Error).cause ?? thrown),
          );
        }
      }
      const { rows } = await db.database.pool.query<{ name: string }>(
        "SELECT name FROM schema_migration ORDER BY name",
      );
      assert.deepEqual(
        rows.map(({ name }) => name),
        migrations.map(({ name }) => name),
      );
    });

    it("changes nothing when each step runs a second time", async () => {
      const before = await snapshot();
      for (const { sql, name } of migrations) {
        await db.database.pool.query(sql);
        assert.deepEqual(await snapshot(), before, name);
      }
      assert.deepEqual(await migrate(db.connection), []);
      assert.deepEqual(await snapshot(), before);
    });

    it("refuses a migration that changed after it ran", async () => {
      const changed = migrations.map((migration, index): Migration =>
        index === 3 ? { ...migration, checksum: "0" } : migration,
      );
      await assert.rejects(
        migrate(db.connection, { migrations: changed }),
        (error: LoomError) => error.reason === "SCHEMA_MISMATCH" && error.message.includes(migrations[3]!.name),
      );
    });

    it("refuses a database of a newer program", async () => {
      await assert.rejects(
        migrate(db.connection, { migrations: migrations.slice(0, -1) }),
        (error: LoomError) => error.reason === "SCHEMA_MISMATCH" && error.message.includes("newer"),
      );
    });

    it("refuses a file of two statements", async () => {
      const two: Migration = { name: "999-two/up.sql", sql: "SELECT 1; SELECT 2", checksum: "2" };
      await assert.rejects(migrate(db.connection, { migrations: [...migrations, two] }), LoomError);
      assert.deepEqual(await migrate(db.connection), []);
    });
  });

  describe("by many at once", () => {
    const db = useDatabase({ empty: true });

    it("runs each step once and in order", async () => {
      const started: string[] = [];
      const runs = await Promise.all(
        Array.from({ length: 6 }, () => migrate(db.connection, { onProgress: ({ name }) => started.push(name) })),
      );
      assert.deepEqual(
        started,
        migrations.map(({ name }) => name),
      );
      assert.equal(runs.filter((names) => names.length > 0).length, 1);
    });

    it("takes over from a holder that is silent, and the silent one stops", async () => {
      const slow: Migration = { name: "998-slow/up.sql", sql: "SELECT 1", checksum: "1" };
      const last: Migration = { name: "999-last/up.sql", sql: "SELECT 1", checksum: "1" };
      const all = [...migrations, slow, last];
      let release: () => void = () => undefined;
      const held = new Promise<void>((resolve) => (release = resolve));
      let reached: () => void = () => undefined;
      const waiting = new Promise<void>((resolve) => (reached = resolve));
      const silent = migrate(db.connection, {
        migrations: all,
        leaseMs: 400,
        beforeStatement: async (what) => {
          if (what !== `run ${slow.name}`) return;
          // As if the process had been stopped: the lease goes to nobody who renews it.
          await db.database.pool.query(
            "UPDATE migration_lease SET until = now() - interval '1 second', holder = 'gone'",
          );
          reached();
          await held;
        },
      });
      await waiting;
      assert.deepEqual(await migrate(db.connection, { migrations: all }), [slow.name, last.name]);
      await db.database.pool.query(
        "INSERT INTO migration_lease (id, holder, until) VALUES (1, 'other', now() + interval '1 hour')",
      );
      release();
      await assert.rejects(silent, (error: LoomError) => error.reason === "DATABASE_UNAVAILABLE");
    });
  });
});
