import assert from "node:assert/strict";
import { useDatabase } from "../../../test/support/database.js";
import { startProxy, type PostgresProxy } from "../../../test/support/postgres-proxy.js";
import type { LoomError } from "../../common/errors.js";
import { assertSafeDatabase, openDatabase, type Database } from "./database.js";
import { createTransactor, type Transactor } from "./transaction.js";

describe("lost connections", () => {
  const db = useDatabase();
  let proxy: PostgresProxy;
  let database: Database;
  let transactor: Transactor;
  let tries = 0;
  let retries = 0;

  const count = async (): Promise<number> => (await db.database.pool.query("SELECT 1 FROM thing")).rowCount!;
  const insert = () =>
    transactor.run("insert", async (tx) => {
      tries += 1;
      await tx.query("INSERT INTO thing VALUES (gen_random_uuid())");
    });
  const rejectsWith = (promise: Promise<unknown>, reason: string) =>
    assert.rejects(promise, (thrown: LoomError) => {
      assert.equal(thrown.reason, reason, String(thrown.cause));
      return true;
    });

  before(async () => {
    await db.database.pool.query("CREATE TABLE thing (id UUID PRIMARY KEY)");
    proxy = await startProxy(db.connection);
    database = await openDatabase(proxy.connection);
    transactor = createTransactor(database, { onRetry: () => void (retries += 1) });
  });
  after(async () => {
    await database.close();
    await proxy.close();
  });
  beforeEach(async () => {
    tries = 0;
    retries = 0;
    await db.database.pool.query("DELETE FROM thing");
  });

  it("at COMMIT, whose answer is lost: unknown, not repeated, and it did happen", async () => {
    proxy.cutOnce({ at: "COMMIT", lose: "answer" });
    await rejectsWith(insert(), "OUTCOME_UNKNOWN");
    assert.equal(tries, 1);
    assert.equal(await count(), 1);
  });

  it("at COMMIT, which never arrives: unknown, not repeated, and it did not happen", async () => {
    proxy.cutOnce({ at: "COMMIT", lose: "request" });
    await rejectsWith(insert(), "OUTCOME_UNKNOWN");
    assert.equal(tries, 1);
    assert.equal(await count(), 0);
  });

  it("before COMMIT: repeated, and it happens once", async () => {
    for (const lose of ["request", "answer"] as const) {
      for (const at of ["BEGIN", "INSERT"]) {
        await db.database.pool.query("DELETE FROM thing");
        retries = 0;
        proxy.cutOnce({ at, lose });
        await insert();
        assert.equal(retries, 1, `${at} ${lose}`);
        assert.equal(await count(), 1, `${at} ${lose}`);
      }
    }
  });

  it("of one statement: repeated where it reads, unknown where it writes", async () => {
    proxy.cutOnce({ at: "SELECT 42", lose: "answer" });
    assert.deepEqual(await transactor.statement("read", "SELECT 42 AS answer"), [{ answer: 42 }]);
    proxy.cutOnce({ at: "INSERT", lose: "answer" });
    await rejectsWith(transactor.statement("write", "INSERT INTO thing VALUES (gen_random_uuid())"), "OUTCOME_UNKNOWN");
    assert.equal(await count(), 1);
  });

  it("that lie idle in the pool are replaced", async () => {
    const { rows } = await database.pool.query("SELECT pg_backend_pid() AS pid");
    await db.database.pool.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1", [
      rows[0].pid,
    ]);
    await insert();
    assert.equal(await count(), 1);
  });

  it("to a database that is not there, or does not let us in, are said as such", async () => {
    await rejectsWith(openDatabase({ ...db.connection, host: "/nonexistent" }), "DATABASE_UNAVAILABLE");
    await rejectsWith(openDatabase({ ...db.connection, host: "127.0.0.1", port: 1 }), "DATABASE_UNAVAILABLE");
    await rejectsWith(openDatabase({ ...db.connection, password: "wrong" }), "DATABASE_UNAVAILABLE");
    await assert.rejects(openDatabase({ ...db.connection, database: "none" }), /wrong user, password or database/);
  });

  it("leave Prisma, which shares the pool, working", async () => {
    const written = { name: "x/up.sql", checksum: "c", appliedAt: new Date("2026-01-02T03:04:05.678Z") };
    await database.prisma.schemaMigration.create({ data: written });
    assert.deepEqual(await database.prisma.schemaMigration.findUnique({ where: { name: "x/up.sql" } }), written);
    assert.equal(database.dialect, "postgresql");
  });
});

describe("a database that may forget", () => {
  const db = useDatabase();

  const refused = async (pool: Database["pool"], setting: string): Promise<void> =>
    assert.rejects(
      assertSafeDatabase(pool),
      (thrown: LoomError) => thrown.reason === "UNSAFE_DATABASE" && thrown.message.includes(setting),
    );

  it("is refused", async () => {
    await assertSafeDatabase(db.database.pool);
    for (const value of ["off", "local", "remote_write"]) {
      await db.database.pool.query(`ALTER DATABASE ${db.connection.database} SET synchronous_commit = ${value}`);
      const other = await openDatabase(db.connection);
      await refused(other.pool, `synchronous_commit = ${value}`).finally(() => other.close());
    }
    await db.database.pool.query(`ALTER DATABASE ${db.connection.database} SET synchronous_commit = remote_apply`);
    const other = await openDatabase(db.connection);
    await assertSafeDatabase(other.pool).finally(() => other.close());
  });
});
