import assert from "node:assert/strict";
import { useDatabase } from "../../../test/support/database.js";
import { deferred, until } from "../../../test/support/wait.js";
import { LoomError, type Reason } from "../../common/errors.js";
import { isUniqueViolation } from "./sql-errors.js";
import { createTransactor, MAX_ATTEMPTS, type TransactorOptions } from "./transaction.js";

const reason =
  (expected: Reason) =>
  (thrown: unknown): boolean => {
    assert.ok(thrown instanceof LoomError, String(thrown));
    assert.equal(thrown.reason, expected, String(thrown.cause));
    return true;
  };

describe("transactor", () => {
  const db = useDatabase();
  let retries: { name: string; code: string | undefined }[] = [];

  const transactor = (options: TransactorOptions = {}) =>
    createTransactor(db.database, {
      onRetry: (name, _attempt, error) => retries.push({ name, code: (error as { code?: string }).code }),
      ...options,
    });
  const values = async (): Promise<number[]> =>
    (await db.database.pool.query<{ value: number }>("SELECT value FROM thing ORDER BY id")).rows.map(
      ({ value }) => value,
    );
  const setEpoch = (epoch: number) =>
    db.database.pool.query(
      "INSERT INTO shard_fence (shard, epoch) VALUES (64, $1) ON CONFLICT (shard) DO UPDATE SET epoch = excluded.epoch",
      [epoch],
    );
  /** Another process waits for a lock. */
  const somebodyWaits = () =>
    until(
      "a session that waits for a lock",
      async () =>
        (
          await db.database.pool.query(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
          )
        ).rowCount !== 0,
    );

  before(() => db.database.pool.query("CREATE TABLE thing (id INT4 PRIMARY KEY, value INT4 NOT NULL)"));
  beforeEach(async () => {
    retries = [];
    await db.database.pool.query("DELETE FROM thing");
    await db.database.pool.query("INSERT INTO thing VALUES (1, 0), (2, 0)");
    await setEpoch(1);
  });

  it("commits what it does and gives the types of the driver their meaning", async () => {
    const [row] = await transactor().run("types", (tx) =>
      tx.rows<{ a: bigint; b: Date; c: Buffer; d: bigint[] }>(
        "SELECT 9007199254740993::int8 AS a, '2026-01-02T03:04:05.678Z'::timestamptz AS b, '\\x0102'::bytea AS c, ARRAY[1, 9007199254740993]::int8[] AS d",
      ),
    );
    assert.deepEqual(row, {
      a: 9007199254740993n,
      b: new Date("2026-01-02T03:04:05.678Z"),
      c: Buffer.of(1, 2),
      d: [1n, 9007199254740993n],
    });
    const { rowCount } = await transactor().inShard("write", { shard: 64, epoch: 1n }, (tx) =>
      tx.query("UPDATE thing SET value = $1", [7], "write_thing"),
    );
    assert.equal(rowCount, 2);
    assert.deepEqual(await values(), [7, 7]);
  });

  it("undoes everything where the function throws, and passes the error on", async () => {
    const mine = new Error("mine");
    await assert.rejects(
      transactor().run("throws", async (tx) => {
        await tx.query("UPDATE thing SET value = 1");
        throw mine;
      }),
      (thrown) => thrown === mine,
    );
    await assert.rejects(
      transactor().run("unique", (tx) => tx.query("INSERT INTO thing VALUES (1, 1)")),
      (thrown) => reason("INTERNAL")(thrown) && isUniqueViolation(thrown, "thing_pkey"),
    );
    assert.deepEqual(await values(), [0, 0]);
  });

  it("does not take a commit that the database turned into a rollback for a success", async () => {
    await assert.rejects(
      transactor().run("swallows", async (tx) => {
        await tx.query("UPDATE thing SET value = 1");
        await tx.query("SELECT 1 / 0").catch(() => undefined);
      }),
      reason("INTERNAL"),
    );
    assert.deepEqual(await values(), [0, 0]);
  });

  describe("fence", () => {
    it("refuses an older epoch, a newer one and an unknown shard", async () => {
      for (const fence of [
        { shard: 64, epoch: 0n },
        { shard: 64, epoch: 2n },
        { shard: 65, epoch: 1n },
      ]) {
        await assert.rejects(
          transactor().inShard("fenced", fence, (tx) => tx.query("UPDATE thing SET value = 1")),
          reason("FENCED"),
        );
      }
      assert.deepEqual(await values(), [0, 0]);
    });

    it("makes a change of epoch wait for transactions that have passed it", async () => {
      const inside = deferred();
      const goOn = deferred();
      const holder = transactor().inShard("holder", { shard: 64, epoch: 1n }, async (tx) => {
        inside.resolve();
        await goOn.promise;
        await tx.query("UPDATE thing SET value = 1 WHERE id = 1");
      });
      await inside.promise;
      let bumped = false;
      const bump = setEpoch(2).then(() => (bumped = true));
      await somebodyWaits();
      assert.equal(bumped, false);
      goOn.resolve();
      await holder;
      await bump;
      await assert.rejects(
        transactor().inShard("zombie", { shard: 64, epoch: 1n }, (tx) => tx.query("UPDATE thing SET value = 2")),
        reason("FENCED"),
      );
      assert.deepEqual(await values(), [1, 0]);
    });

    it("stops a zombie that arrives while the epoch changes", async () => {
      const bump = await db.database.pool.connect();
      await bump.query("BEGIN");
      await bump.query("UPDATE shard_fence SET epoch = 2 WHERE shard = 64");
      const zombie = transactor().inShard("zombie", { shard: 64, epoch: 1n }, (tx) =>
        tx.query("UPDATE thing SET value = 2"),
      );
      const refused = assert.rejects(zombie, reason("FENCED"));
      await somebodyWaits();
      await bump.query("COMMIT");
      bump.release();
      await refused;
      assert.deepEqual(await values(), [0, 0]);
    });

    it("ends a holder that is paused, and runs it again when it wakes up", async () => {
      const inside = deferred();
      const goOn = deferred();
      let tries = 0;
      const holder = transactor().inShard("paused", { shard: 64, epoch: 1n }, async (tx) => {
        tries += 1;
        await tx.query("UPDATE thing SET value = value + 1 WHERE id = 1");
        inside.resolve();
        if (tries === 1) await goOn.promise;
        await tx.query("UPDATE thing SET value = value + 1 WHERE id = 2");
      });
      await inside.promise;
      // Succeeds while the holder is still paused, since the database ends the holder's session after two seconds.
      await transactor().run("other", (tx) => tx.query("UPDATE thing SET value = value + 10 WHERE id = 1"));
      assert.ok(
        retries.some(({ name, code }) => name === "other" && code === "55P03"),
        "waited no longer than lock_timeout at a time",
      );
      goOn.resolve();
      await holder;
      assert.equal(tries, 2);
      assert.ok(
        retries.some(({ name, code }) => name === "paused" && code === "25P03"),
        JSON.stringify(retries),
      );
      assert.deepEqual(await values(), [11, 1]);
    });
  });

  describe("retries", () => {
    it("repeats what the database could not serialize", async () => {
      const both = [deferred(), deferred()];
      const swap = (mine: 0 | 1) => {
        let tries = 0;
        return transactor().run(`skew ${mine}`, async (tx) => {
          tries += 1;
          await tx.query("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE");
          const [row] = await tx.rows<{ sum: number }>("SELECT sum(value)::int4 AS sum FROM thing");
          both[mine]!.resolve();
          if (tries === 1) await both[1 - mine]!.promise;
          await tx.query("UPDATE thing SET value = $2 WHERE id = $1", [mine + 1, row!.sum + 1]);
        });
      };
      await Promise.all([swap(0), swap(1)]);
      assert.ok(
        retries.some(({ code }) => code === "40001"),
        JSON.stringify(retries),
      );
      assert.deepEqual((await values()).sort(), [1, 2], "as if one had run after the other");
    });

    it("repeats the victim of a deadlock", async () => {
      const both = [deferred(), deferred()];
      const lock = (mine: 0 | 1) => {
        let tries = 0;
        return transactor().run("deadlock", async (tx) => {
          tries += 1;
          await tx.query("UPDATE thing SET value = value + 1 WHERE id = $1", [mine + 1]);
          both[mine]!.resolve();
          if (tries === 1) await both[1 - mine]!.promise;
          await tx.query("UPDATE thing SET value = value + 1 WHERE id = $1", [2 - mine]);
        });
      };
      await Promise.all([lock(0), lock(1)]);
      assert.ok(retries.length > 0);
      assert.deepEqual(await values(), [2, 2]);
    });

    it("gives up after a bounded number of tries with bounded waits", async () => {
      const waits: number[] = [];
      let tries = 0;
      await assert.rejects(
        transactor({ random: () => 1, sleep: async (ms) => void waits.push(ms) }).run("always", async (tx) => {
          tries += 1;
          await tx.query("DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END $$");
        }),
        reason("DATABASE_UNAVAILABLE"),
      );
      assert.equal(tries, MAX_ATTEMPTS);
      assert.deepEqual(waits, [50, 100, 200, 400, 800, 1000, 1000, 1000, 1000]);
      assert.deepEqual(new Set(retries.map(({ name }) => name)), new Set(["always"]));
    });

    it("does not repeat what a caller threw", async () => {
      let tries = 0;
      await assert.rejects(
        transactor().run("once", async () => {
          tries += 1;
          throw new LoomError("CLUSTER_BUSY", "busy");
        }),
        reason("CLUSTER_BUSY"),
      );
      assert.equal(tries, 1);
    });

    it("repeats a transaction whose session an administrator ended", async () => {
      let tries = 0;
      await transactor().run("terminated", async (tx) => {
        tries += 1;
        const [row] = await tx.rows<{ pid: number }>("SELECT pg_backend_pid() AS pid");
        if (tries === 1) {
          await db.database.pool.query("SELECT pg_terminate_backend($1)", [row!.pid]);
          await until(
            "the end of the session",
            async () =>
              (await db.database.pool.query("SELECT 1 FROM pg_stat_activity WHERE pid = $1", [row!.pid])).rowCount ===
              0,
          );
        }
        await tx.query("UPDATE thing SET value = value + 1");
      });
      assert.equal(tries, 2);
      assert.deepEqual(await values(), [1, 1]);
    });
  });

  describe("hooks", () => {
    class Died extends Error {}

    it("let the process die at every statement, which leaves nothing or everything", async () => {
      const died = new Set<number>();
      for (let stop = 1; ; stop += 1) {
        await db.database.pool.query("UPDATE thing SET value = 0");
        let committed = false;
        const run = transactor({
          hooks: {
            beforeStatement: (_name, n) => {
              if (n === stop) throw new Died();
            },
            afterCommit: () => {
              committed = true;
            },
          },
        }).inShard("dies", { shard: 64, epoch: 1n }, async (tx) => {
          await tx.query("UPDATE thing SET value = 1 WHERE id = 1");
          await tx.query("UPDATE thing SET value = 1 WHERE id = 2");
        });
        const outcome = await run.then(
          () => "done",
          (thrown) => (thrown instanceof Died ? "died" : thrown),
        );
        assert.deepEqual(await values(), committed ? [1, 1] : [0, 0]);
        if (outcome === "done") break;
        assert.equal(outcome, "died");
        died.add(stop);
      }
      assert.deepEqual([...died], [1, 2, 3, 4, 5], "BEGIN, fence, two updates, COMMIT");
    });

    it("let it die after the commit, before the caller knows", async () => {
      const dies = transactor({
        hooks: {
          afterCommit: () => {
            throw new Died();
          },
        },
      });
      await assert.rejects(
        dies.run("dies", (tx) => tx.query("UPDATE thing SET value = 1")),
        Died,
      );
      await assert.rejects(dies.statement("dies", "UPDATE thing SET value = value + 1"), Died);
      assert.deepEqual(await values(), [2, 2]);
      assert.deepEqual(await dies.statement("reads", "SELECT value FROM thing WHERE id = 1"), [{ value: 2 }]);
    });
  });
});
