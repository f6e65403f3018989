/** The end of a lease while Loom dies, and what its records tell by themselves. */
import assert from "node:assert/strict";
import { clusterIdOf } from "../../services/common/ids.js";
import { decodeBody } from "../../services/server/records/codec.js";
import type { RecordBody } from "../../services/server/records/types.js";
import { apply } from "../../services/server/store/apply/apply.js";
import { createTransactor } from "../../services/server/store/transaction.js";
import { HOUR, MINUTE, useLeases } from "../support/leases.js";
import { Died, type Instance } from "../support/loom.js";
import { until } from "../support/wait.js";

describe("the end of a lease", function () {
  this.timeout(120_000);
  const { loom, forward, made, change, pass, events, jobs, outlive } = useLeases();

  it("is the same where Loom dies before or after any write of it", async () => {
    /** False where everything was over before the death. */
    async function dieAt(when: "before" | "after", nth: number): Promise<boolean> {
      const { name, uid } = await made(HOUR);
      await outlive(name);
      const life: Instance = loom.instance;
      let writes = 0;
      const count = (statement: string): void => {
        if (statement !== "read" && statement !== "open jobs" && (writes += 1) === nth) void life.crash();
      };
      life.hooks = when === "before" ? { beforeStatement: count } : { afterCommit: count };
      const isGone = async (): Promise<boolean> =>
        (await loom.database.pool.query("SELECT 1 FROM cluster WHERE uid = $1 AND state = 'TERMINATED'", [uid]))
          .rowCount === 1;
      await life.server.leases.pass().catch((thrown: unknown) => {
        if (!(thrown instanceof Died)) throw thrown;
      });
      await until("it is dead, or all is over", async () => life.isDead || isGone(), 30_000);
      const isDead = life.isDead;
      life.hooks = {};
      if (isDead) {
        await loom.restart();
        // As after each start.
        await until("the cluster is gone", async () => (await pass(), await isGone()), 30_000);
      }
      const what = `death ${when} write ${nth}`;
      assert.deepEqual(
        (await jobs(name)).map(({ kind }) => kind),
        ["DELETE", "CREATE"],
        what,
      );
      assert.equal((await events(name, "LEASE_EXPIRED")).length, 1, what);
      const verdict = loom.judge(uid);
      assert.equal(verdict.live.size, 0, what);
      assert.deepEqual(verdict.repeatedSuccesses, [], what);
      return isDead;
    }
    for (const when of ["before", "after"] as const) {
      let nth = 1;
      while (await dieAt(when, nth)) nth += nth < 12 ? 1 : 5;
      assert.ok(nth > 3, `only ${nth} writes`);
    }
  });

  it("can be told from the records alone", async () => {
    const { name } = await made(10 * HOUR, "stepped");
    await change(name, { to: "later", by: HOUR });
    forward(10 * HOUR + 50 * MINUTE);
    await pass();
    loom.faults({ fault: "fail", action: "DELETE", times: "always" });
    await outlive(name);
    await pass();
    await loom.ended(name, 2);
    loom.faults();
    const id = clusterIdOf(name)!;
    const read = async (): Promise<unknown> =>
      (
        await loom.database.pool.query(
          "SELECT state, expires_at, lease_due, expiry_tries, nodes_asked, node_count, prices FROM cluster WHERE id = $1",
          [id],
        )
      ).rows;
    const before = await read();
    const { rows } = await loom.database.pool.query<{
      shard: number;
      seq: bigint;
      epoch: bigint;
      format: number;
      tenant: string;
      actor: string;
      at: Date;
      payload: Buffer;
    }>("SELECT * FROM log_record WHERE cluster_id = $1 ORDER BY seq", [id]);
    const bodies: RecordBody[] = rows.map((row) => decodeBody(row.payload, row.format));
    for (const kind of ["LeaseChanged", "LeaseWarned"] as const) assert.ok(bodies.some((body) => body.kind === kind));
    await createTransactor(loom.database).run("replay", async (tx) => {
      await tx.query("DELETE FROM cluster WHERE id = $1", [id]);
      for (const table of ["job", "node", "secret", "node_progress"])
        await tx.query(`DELETE FROM ${table} WHERE cluster_id = $1`, [id]);
      for (const [index, row] of rows.entries()) {
        const body = bodies[index]!;
        if (body.kind !== "IdBlock") await apply(tx, { ...row, clusterId: id, body });
      }
    });
    assert.deepEqual(await read(), before);
  });
});
