/** Quotas on a whole server over a real database: what takes them, what gives them back, and that nobody races past them. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { CreateCluster } from "../../services/server/application.js";
import { decodeBody } from "../../services/server/records/codec.js";
import { apply } from "../../services/server/store/apply/apply.js";
import { createTransactor } from "../../services/server/store/transaction.js";
import type { JobView, QuotaView } from "../../services/server/views.js";
import { small } from "../chaos/operations.js";
import { CALLER, Died, mutation, useLoom, type Instance } from "../support/loom.js";
import { until } from "../support/wait.js";

const OTHER = { ...CALLER, tenant: "other" };

describe("quotas", function () {
  this.timeout(120_000);
  const loom = useLoom({ timing: { unreachableMs: 100 } });
  let clusters = 0;
  const request = (nodes = 2): CreateCluster => small(`q${(clusters += 1)}`, randomUUID(), nodes);
  const create = (asked: CreateCluster): Promise<string> =>
    loom.application.clusters.create(CALLER, asked).then(({ name }) => name);

  const quota = (): Promise<QuotaView> => loom.application.system.getQuota(CALLER);
  async function used(): Promise<[number, number]> {
    const { usedClusters, usedNodes } = await quota();
    return [usedClusters, usedNodes];
  }
  const limit = (maxClusters: number | undefined, maxNodes: number | undefined): Promise<QuotaView> =>
    loom.application.system.setQuota(CALLER, { maxClusters, maxNodes }, mutation());

  beforeEach(async () => {
    loom.faults();
    if (loom.instance.isDead) await loom.restart();
    loom.instance.hooks = {};
    await limit(undefined, undefined);
    const { items } = await loom.application.clusters.list(CALLER, {
      pageSize: 1000,
      pageToken: "",
      states: [],
      displayName: "",
      template: "",
    });
    for (const { name, state, job } of items) {
      if (state === "PENDING") await loom.ended(name, job!.number);
      const { number } = await loom.application.clusters.delete(CALLER, name, mutation());
      await loom.ended(name, number);
    }
    assert.deepEqual(await used(), [0, 0]);
  });

  it("are without limit until somebody sets one, and are told with what is used", async () => {
    const { maxClusters, maxNodes, datacenter, tenant } = await quota();
    assert.deepEqual([maxClusters, maxNodes, datacenter, tenant], [undefined, undefined, "local", "default"]);
    await loom.ended(await create(request(3)), 1);
    assert.deepEqual(await used(), [1, 3]);
    const set = await limit(5, 0);
    assert.deepEqual([set.maxClusters, set.maxNodes, set.usedClusters, set.usedNodes], [5, 0, 1, 3]);
    const { items } = await loom.application.events.list(CALLER, "", { pageSize: 10, pageToken: "" });
    assert.equal(
      items.find(({ reason }) => reason === "QUOTA_CHANGED")?.message,
      "Quota changed: 5 clusters and 0 nodes in local.",
    );
  });

  it("refuse what does not fit, saying how much is used, allowed and needed", async () => {
    await limit(2, 5);
    await loom.ended(await create(request(3)), 1);
    await assert.rejects(create(request(3)), {
      reason: "QUOTA_EXCEEDED",
      code: "RESOURCE_EXHAUSTED",
      message: /may have 5 nodes and has 3; 3 more would be 6\. .*"loom quota set --nodes 6"/,
      metadata: { tenant: "default", resource: "nodes", allowed: "5", used: "3", asked: "3" },
    });
    await loom.ended(await create(request(2)), 1);
    await limit(2, undefined);
    await assert.rejects(create(request(2)), { reason: "QUOTA_EXCEEDED", message: /may have 2 clusters and has 2/ });
    assert.deepEqual(await used(), [2, 5]);
  });

  it("hold for added nodes as for new ones, from the moment they are accepted", async () => {
    await limit(undefined, 4);
    const name = await create(request(2));
    await loom.ended(name, 1);
    loom.faults({ fault: "unreachable", action: "CREATE", times: "always" });
    const job = await loom.application.clusters.addNodes(CALLER, name, "back", 1, mutation());
    assert.deepEqual(await used(), [1, 3]);
    await assert.rejects(create(request(2)), { reason: "QUOTA_EXCEEDED" });
    loom.faults();
    await loom.ended(name, job.number);
    assert.deepEqual(await used(), [1, 3]);
    await assert.rejects(loom.application.clusters.addNodes(CALLER, name, "back", 2, mutation()), {
      reason: "QUOTA_EXCEEDED",
      message: /may have 4 nodes and has 3; 2 more would be 5/,
    });
    assert.equal((await loom.application.clusters.get(CALLER, name)).state, "ACTIVE");
  });

  it("are not taken twice where nodes are asked for again after a job that was never planned", async () => {
    const name = await create(request(2));
    await loom.ended(name, 1);
    await limit(undefined, 4);
    const add = (): Promise<JobView> => loom.application.clusters.addNodes(CALLER, name, "back", 2, mutation());
    let isHeld = true;
    loom.instance.hooks = {
      beforeStatement: (statement) =>
        statement === "take job" ? until("the job is cancelled", () => !isHeld) : undefined,
    };
    const { number } = await add();
    await loom.application.jobs.cancel(CALLER, name, number, mutation());
    isHeld = false;
    assert.equal((await loom.ended(name, number)).state, "CANCELLED");
    // It may be retried.
    assert.deepEqual(await used(), [1, 4]);
    await assert.rejects(create(request(2)), { reason: "QUOTA_EXCEEDED" });
    assert.equal((await loom.ended(name, (await add()).number)).state, "COMPLETE");
    assert.deepEqual(await used(), [1, 4]);
  });

  it("are given back when the nodes or the cluster are gone, and not before", async () => {
    const name = await create(request(4));
    await loom.ended(name, 1);
    await limit(1, 4);
    const which = { nodes: [], service: "back", count: 1 };
    const removal = await loom.application.clusters.removeNodes(CALLER, name, which, mutation());
    await loom.ended(name, removal.number);
    assert.deepEqual(await used(), [1, 3]);
    loom.faults({ fault: "fail", action: "DELETE", times: "always" });
    const failing = await loom.application.clusters.delete(CALLER, name, mutation());
    assert.equal((await loom.ended(name, failing.number)).state, "FAILED");
    assert.deepEqual(await used(), [1, 3]);
    await assert.rejects(create(request(2)), { reason: "QUOTA_EXCEEDED" });
    loom.faults();
    const last = await loom.application.clusters.delete(CALLER, name, mutation());
    await loom.ended(name, last.number);
    assert.deepEqual(await used(), [0, 0]);
    await loom.ended(await create(request(4)), 1);
  });

  it("are kept by a create that failed: its nodes are there to be looked at", async () => {
    loom.faults({ fault: "fail", action: "INSTALL", service: "back", times: "always" });
    const broken = await create(request(2));
    assert.equal((await loom.ended(broken, 1)).state, "FAILED");
    assert.deepEqual(await used(), [1, 2]);
    await limit(1, 9);
    await assert.rejects(create(request(2)), { reason: "QUOTA_EXCEEDED" });
  });

  it("are taken once by a request that is repeated, and not at all by a dry run", async () => {
    await limit(1, 2);
    const asked = request(2);
    const dry = await loom.application.clusters.create(CALLER, {
      ...asked,
      requestId: randomUUID(),
      validateOnly: true,
    });
    assert.ok(dry.plan !== undefined);
    assert.deepEqual(await used(), [0, 0]);
    const name = await create(asked);
    assert.equal(await create(asked), name);
    assert.deepEqual(await used(), [1, 2]);
    await loom.ended(name, 1);
    // Full, and the same request is answered as before; a dry run of another is refused as it would be.
    assert.equal(await create(asked), name);
    await assert.rejects(create({ ...request(2), validateOnly: true }), { reason: "QUOTA_EXCEEDED" });
  });

  it("are not passed by requests that come at once, in whatever shards they land", async () => {
    await limit(undefined, 7);
    const asked = Array.from({ length: 12 }, () => request(2));
    const outcomes = await Promise.allSettled(asked.map(create));
    const names = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
    assert.equal(names.length, 3);
    for (const outcome of outcomes)
      if (outcome.status === "rejected") assert.equal((outcome.reason as { reason: string }).reason, "QUOTA_EXCEEDED");
    assert.deepEqual(await used(), [3, 6]);
    for (const name of names) await loom.ended(name, 1);
    const grow = names.map((name) => loom.application.clusters.addNodes(CALLER, name, "back", 1, mutation()));
    const grown = await Promise.allSettled(grow);
    assert.equal(grown.filter(({ status }) => status === "fulfilled").length, 1);
    assert.deepEqual(await used(), [3, 7]);
  });

  it("do not wait for each other in a circle with a change of the limits", async () => {
    await limit(undefined, 100);
    const work: Promise<unknown>[] = [];
    for (let round = 0; round < 10; round += 1) work.push(create(request(2)), limit(undefined, 100 + round), quota());
    await Promise.all(work);
    assert.deepEqual(await used(), [10, 20]);
  });

  it("belong to a tenant: another one has its own", async () => {
    await limit(0, 0);
    const other = await loom.application.system.getQuota(OTHER);
    assert.deepEqual([other.tenant, other.maxNodes, other.usedNodes], ["other", undefined, 0]);
    await assert.rejects(create(request(2)), { reason: "QUOTA_EXCEEDED" });
  });

  it("are set with an etag, once for each request, and change nothing in a dry run", async () => {
    const { etag } = await limit(3, 4);
    const set = loom.application.system.setQuota;
    const limits = { maxClusters: 4, maxNodes: undefined };
    assert.equal((await set(CALLER, limits, { ...mutation(), validateOnly: true })).maxClusters, 4);
    assert.equal((await quota()).maxClusters, 3);
    const requestId = randomUUID();
    const changed = await set(CALLER, limits, { requestId, validateOnly: false, etag });
    assert.notEqual(changed.etag, etag);
    assert.deepEqual(await set(CALLER, limits, { requestId, validateOnly: false, etag }), changed);
    await assert.rejects(set(CALLER, limits, { ...mutation(), etag }), { reason: "ETAG_MISMATCH" });
    // What changes nothing is no change.
    assert.equal((await set(CALLER, limits, mutation())).etag, changed.etag);
  });

  it("are counted the same where Loom dies before or after any write of an acceptance", async () => {
    await limit(1, 2);
    for (const when of ["before", "after"] as const) {
      for (let nth = 1; ; nth += 1) {
        const life: Instance = loom.instance;
        const asked = request(2);
        let writes = 0;
        const count = (statement: string): void => {
          if (statement === "accept create" && (writes += 1) === nth) void life.crash();
        };
        life.hooks = when === "before" ? { beforeStatement: count } : { afterCommit: count };
        await life.application.clusters.create(CALLER, asked).catch((thrown: unknown) => {
          if (!(thrown instanceof Died)) throw thrown;
        });
        const isDead = life.isDead;
        life.hooks = {};
        if (isDead) await loom.restart();
        const name = await create(asked);
        assert.deepEqual(await used(), [1, 2], `death ${when} write ${nth}`);
        await loom.ended(name, 1);
        const { number } = await loom.application.clusters.delete(CALLER, name, mutation());
        await loom.ended(name, number);
        if (!isDead) break;
        assert.ok(nth < 50);
      }
    }
  });

  it("can be told from the records alone", async () => {
    await limit(7, 9);
    await limit(8, undefined);
    const read = async (): Promise<unknown> => (await loom.database.pool.query("SELECT * FROM quota_slice")).rows;
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
    }>("SELECT * FROM log_record WHERE kind = 'MetaChanged' ORDER BY seq");
    await createTransactor(loom.database).run("replay", async (tx) => {
      await tx.query("DELETE FROM quota_slice");
      for (const row of rows) {
        const body = decodeBody(row.payload, row.format);
        if (body.kind === "MetaChanged" && body.quota !== undefined)
          await apply(tx, { ...row, clusterId: undefined, body: { kind: "MetaChanged", quota: body.quota } });
      }
    });
    assert.deepEqual(await read(), before);
    await until("it is still right", async () => (await quota()).maxClusters === 8);
  });
});
