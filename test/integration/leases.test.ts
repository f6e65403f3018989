/** Leases on a whole server over a real database: how they are given, changed and ended, and that no death disturbs it. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { clusterIdOf } from "../../services/common/ids.js";
import type { LeaseChange } from "../../services/server/leases/rules.js";
import { decodeBody } from "../../services/server/records/codec.js";
import type { RecordBody } from "../../services/server/records/types.js";
import { apply } from "../../services/server/store/apply/apply.js";
import { createTransactor } from "../../services/server/store/transaction.js";
import type { ClusterView, EventView, JobView } from "../../services/server/views.js";
import { small } from "../chaos/operations.js";
import { CALLER, Died, mutation, useLoom, type Instance } from "../support/loom.js";
import { until } from "../support/wait.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const TEMPLATES = `
kind: ClusterTemplate
name: leased
extends: small
lease: { initial: 8h, max: 3d, step: 1d }
---
kind: ClusterTemplate
name: stepped
extends: small
lease: { step: 1h }
`;

describe("leases", function () {
  this.timeout(120_000);
  /** Added to the machine's clock. */
  let ahead = 0;
  const now = (): number => Date.now() + ahead;
  const loom = useLoom({ now, timing: { unreachableMs: 100 } });
  let clusters = 0;

  before(() =>
    loom.application.catalog.apply(CALLER, {
      files: [{ path: "leases.yaml", text: TEMPLATES }],
      shipped: false,
      requestId: randomUUID(),
      validateOnly: false,
    }),
  );

  beforeEach(async () => {
    loom.faults();
    if (loom.instance.isDead) await loom.restart();
    loom.instance.hooks = {};
  });

  /** A cluster that is ACTIVE. */
  async function made(lease?: number, template = "small"): Promise<ClusterView> {
    clusters += 1;
    const request = { ...small(`l${clusters}`, randomUUID(), 2), template, ...(lease === undefined ? {} : { lease }) };
    const { name } = await loom.application.clusters.create(CALLER, request);
    assert.equal((await loom.ended(name, 1)).state, "COMPLETE");
    return loom.application.clusters.get(CALLER, name);
  }

  const get = (name: string): Promise<ClusterView> => loom.application.clusters.get(CALLER, name);
  const change = (name: string, to: LeaseChange, requestId = randomUUID()): Promise<ClusterView> =>
    loom.application.clusters.changeLease(CALLER, name, to, mutation(requestId));
  const pass = (): Promise<number> => loom.server.leases.pass();

  async function events(name: string, reason: string): Promise<EventView[]> {
    const { items } = await loom.application.events.list(CALLER, name, { pageSize: 1000, pageToken: "" });
    return items.filter((event) => event.reason === reason);
  }

  async function jobs(name: string): Promise<readonly JobView[]> {
    return (await loom.application.jobs.list(CALLER, name, { pageSize: 1000, pageToken: "", states: [] })).items;
  }

  /** Time goes on until the lease of a cluster is over. */
  async function outlive(name: string): Promise<void> {
    const { expireTime } = await get(name);
    ahead += Math.max(0, expireTime!.getTime() - now()) + 1000;
  }

  const soon = (time: Date | undefined, wanted: number): void =>
    assert.ok(Math.abs(time!.getTime() - wanted) < MINUTE, `${String(time?.toISOString())} is not near ${wanted}`);

  it("are what is asked for, within what the template allows", async () => {
    const asked = (template: string, lease?: number) => ({
      ...small("asked", randomUUID(), 2),
      template,
      validateOnly: true,
      ...(lease === undefined ? {} : { lease }),
    });
    const create = async (template: string, lease?: number): Promise<Date | undefined> =>
      (await loom.application.clusters.create(CALLER, asked(template, lease))).expireTime;
    assert.equal(await create("small"), undefined);
    assert.equal(await create("small", 0), undefined);
    soon(await create("small", HOUR), now() + HOUR);
    soon(await create("leased"), now() + 8 * HOUR);
    soon(await create("leased", HOUR), now() + HOUR);
    await assert.rejects(create("leased", DAY), { reason: "INVALID_LEASE" });
    await assert.rejects(create("leased", 0), { reason: "INVALID_LEASE" });
  });

  it("are given once, however often the request is repeated", async () => {
    const request = { ...small("again", randomUUID(), 2), lease: HOUR };
    const first = await loom.application.clusters.create(CALLER, request);
    ahead += MINUTE;
    const again = await loom.application.clusters.create(CALLER, request);
    assert.deepEqual(again.expireTime, first.expireTime);
    await assert.rejects(loom.application.clusters.create(CALLER, { ...request, lease: 2 * HOUR }), {
      reason: "REQUEST_ID_REUSED",
    });
    await loom.ended(first.name, 1);
  });

  it("are changed by the rules, once for each request, and say so", async () => {
    const { name, etag, expireTime } = await made(undefined, "leased");
    const first = expireTime!.getTime();
    const requestId = randomUUID();
    const later = await change(name, { to: "later", by: DAY }, requestId);
    assert.equal(later.expireTime!.getTime(), first + DAY);
    assert.notEqual(later.etag, etag);
    assert.deepEqual((await change(name, { to: "later", by: DAY }, requestId)).expireTime, later.expireTime);
    await assert.rejects(change(name, { to: "later", by: DAY + 1000 }), {
      reason: "INVALID_LEASE",
      message: /1d at once/,
    });
    await change(name, { to: "later", by: DAY });
    await assert.rejects(change(name, { to: "later", by: DAY }), { reason: "INVALID_LEASE", message: /3d in all/ });
    await assert.rejects(change(name, { to: "never" }), { reason: "INVALID_LEASE" });
    const sooner = now() + HOUR;
    assert.equal((await change(name, { to: "time", expireTime: sooner })).expireTime!.getTime(), sooner);
    const dry = { ...mutation(), validateOnly: true };
    const preview = await loom.application.clusters.changeLease(CALLER, name, { to: "later", by: HOUR }, dry);
    assert.equal(preview.expireTime!.getTime(), sooner + HOUR);
    assert.equal((await get(name)).expireTime!.getTime(), sooner);
    const stale = { ...mutation(), etag };
    await assert.rejects(loom.application.clusters.changeLease(CALLER, name, { to: "later", by: HOUR }, stale), {
      reason: "ETAG_MISMATCH",
    });
    const changes = await events(name, "LEASE_CHANGED");
    assert.equal(changes.length, 3);
    assert.equal(changes[0]!.actor, CALLER.user);
  });

  it("keep to the step of a template that has no maximum", async () => {
    const { name } = await made(HOUR, "stepped");
    await assert.rejects(change(name, { to: "later", by: 2 * HOUR }), {
      reason: "INVALID_LEASE",
      message: /1h at once/,
    });
    await assert.rejects(change(name, { to: "never" }), { reason: "INVALID_LEASE" });
    soon((await change(name, { to: "later", by: HOUR })).expireTime, now() + 2 * HOUR);
  });

  it("warn once, some time before, and again after an extension", async () => {
    const { name } = await made(10 * HOUR);
    const { etag } = await get(name);
    await pass();
    assert.deepEqual(await events(name, "LEASE_ENDS_SOON"), []);
    ahead += 9 * HOUR + MINUTE;
    assert.ok((await pass()) >= 1);
    await pass();
    const [warning, ...more] = await events(name, "LEASE_ENDS_SOON");
    assert.deepEqual(more, []);
    assert.equal(warning!.severity, "WARNING");
    assert.equal(warning!.actor, CALLER.user);
    assert.equal((await get(name)).etag, etag, "a warning is no change of the cluster");
    await change(name, { to: "later", by: 10 * HOUR });
    await pass();
    assert.equal((await events(name, "LEASE_ENDS_SOON")).length, 1);
    ahead += 9 * HOUR + 58 * MINUTE;
    await pass();
    assert.equal((await events(name, "LEASE_ENDS_SOON")).length, 2);
    assert.equal((await get(name)).state, "ACTIVE");
  });

  it("end with the deletion of the cluster, asked for once, as its owner", async () => {
    const { name, uid } = await made(HOUR);
    await pass();
    assert.equal((await jobs(name)).length, 1);
    await outlive(name);
    await Promise.all([pass(), pass(), pass()]);
    const [last, ...before] = await jobs(name);
    assert.equal(before.length, 1);
    assert.deepEqual([last!.kind, last!.actor], ["DELETE", CALLER.user]);
    assert.equal((await loom.ended(name, 2)).state, "COMPLETE");
    assert.equal((await get(name)).state, "TERMINATED");
    assert.equal((await get(name)).expireTime, undefined);
    assert.equal(loom.judge(uid).live.size, 0);
    ahead += 10 * DAY;
    await pass();
    assert.equal((await jobs(name)).length, 2);
    const [expired, ...more] = await events(name, "LEASE_EXPIRED");
    assert.deepEqual(more, []);
    assert.match(expired!.message, /^The lease ended at .* UTC\. Job 2 accepted, to delete the cluster\.$/);
    await assert.rejects(change(name, { to: "never" }), { reason: "CLUSTER_STATE", message: /is gone/ });
  });

  it("end in every state, but not while a job is at work", async () => {
    const grown = (await made(HOUR)).name;
    loom.faults({ fault: "fail", action: "INSTALL", service: "back", times: "always" });
    const { name } = await loom.application.clusters.create(CALLER, {
      ...small("broken", randomUUID(), 2),
      lease: HOUR,
    });
    assert.equal((await loom.ended(name, 1)).state, "FAILED");
    assert.equal((await get(name)).state, "INCOMPLETE");
    await loom.application.clusters.addNodes(CALLER, grown, "back", 1, mutation());
    assert.equal((await loom.ended(grown, 2)).state, "FAILED");
    assert.equal((await get(grown)).state, "INCONSISTENT");
    loom.faults();
    const busy = (await made(HOUR)).name;
    loom.faults({ fault: "unreachable", action: "CREATE", times: "always" });
    await loom.application.clusters.addNodes(CALLER, busy, "back", 1, mutation());
    for (const each of [name, grown, busy]) await outlive(each);
    await pass();
    assert.equal((await loom.ended(name, 2)).state, "COMPLETE");
    assert.equal((await loom.ended(grown, 3)).state, "COMPLETE");
    for (const each of [name, grown]) assert.equal((await get(each)).state, "TERMINATED");
    assert.equal((await jobs(busy)).length, 2, "a job at work is let end");
    // It may be given more time meanwhile.
    await change(busy, { to: "later", by: HOUR });
    loom.faults();
    assert.equal((await loom.ended(busy, 2)).state, "COMPLETE");
    await pass();
    assert.equal((await jobs(busy)).length, 2);
    await outlive(busy);
    await pass();
    assert.equal((await loom.ended(busy, 3)).state, "COMPLETE");
    assert.equal((await get(busy)).state, "TERMINATED");
  });

  it("are ended again after a while where the deletion fails, less and less often", async () => {
    const { name, uid } = await made(HOUR);
    loom.faults({ fault: "fail", action: "DELETE", times: "always" });
    await outlive(name);
    await pass();
    assert.equal((await loom.ended(name, 2)).state, "FAILED");
    assert.equal((await get(name)).state, "INCOMPLETE");
    const tried = async (minutes: number): Promise<number> => {
      ahead += minutes * MINUTE;
      await pass();
      return (await jobs(name)).length - 1;
    };
    assert.equal(await tried(2), 1);
    assert.equal(await tried(2), 2);
    assert.equal(await tried(10), 2, "not while the one before is at work or when it was just tried");
    assert.equal((await loom.ended(name, 3)).state, "FAILED");
    assert.equal(await tried(0), 3);
    assert.equal((await loom.ended(name, 4)).state, "FAILED");
    assert.equal(await tried(11), 3);
    const again = await events(name, "LEASE_EXPIRED");
    assert.match(again[0]!.message, /This is try 3\.$/);
    // With more time it is a cluster as any other, and counting begins anew.
    await change(name, { to: "later", by: HOUR });
    assert.equal(await tried(30), 3);
    loom.faults();
    assert.equal(await tried(31), 4);
    assert.equal((await loom.ended(name, 5)).state, "COMPLETE");
    assert.equal((await get(name)).state, "TERMINATED");
    assert.equal(loom.judge(uid).live.size, 0);
  });

  it("cannot be changed while the cluster is being deleted", async () => {
    const { name } = await made(HOUR);
    loom.faults({ fault: "unreachable", action: "DELETE", times: "always" });
    await loom.application.clusters.delete(CALLER, name, mutation());
    const refused = await change(name, { to: "later", by: HOUR }).then(
      () => undefined,
      (thrown: { reason: string }) => thrown.reason,
    );
    assert.equal(refused, "CLUSTER_STATE");
    loom.faults();
    await loom.ended(name, 2);
  });

  it("end the same where Loom dies before or after any write of it", async () => {
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
    ahead += 10 * HOUR + 50 * MINUTE;
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

describe("passes over leases", function () {
  this.timeout(60_000);
  const loom = useLoom({ timing: { leasePassMs: 50 } });

  it("come by themselves", async () => {
    const request = { ...small("brief", randomUUID(), 2), lease: 2000 };
    const { name } = await loom.application.clusters.create(CALLER, request);
    await until(
      "the cluster is gone",
      async () => (await loom.application.clusters.get(CALLER, name)).state === "TERMINATED",
      30_000,
    );
  });
});
