/** Leases on a whole server over a real database: how they are given, changed and ended. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { small } from "../chaos/operations.js";
import { DAY, HOUR, MINUTE, useLeases } from "../support/leases.js";
import { CALLER, mutation, useLoom } from "../support/loom.js";
import { until } from "../support/wait.js";

describe("leases", function () {
  this.timeout(120_000);
  const { loom, now, forward, made, get, change, pass, events, jobs, outlive } = useLeases();

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
    forward(MINUTE);
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
    forward(9 * HOUR + MINUTE);
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
    forward(9 * HOUR + 58 * MINUTE);
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
    forward(10 * DAY);
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
      forward(minutes * MINUTE);
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
