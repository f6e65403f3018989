/** Machines that nobody owns are removed after their grace, and no others. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { silentLogger } from "../../services/common/log.js";
import { createReader } from "../../services/server/store/rows.js";
import { createStrayStore } from "../../services/server/store/strays.js";
import { createTransactor } from "../../services/server/store/transaction.js";
import type { JobView } from "../../services/server/views.js";
import { createStrayWatch } from "../../services/server/watch-over/stray-watch.js";
import { CALLER, mutation, useLoom } from "../support/loom.js";
import { CHAOS_CATALOG } from "../support/loom-catalog.js";
import { until } from "../support/wait.js";
import { placeOf, tokenOf, watching } from "../support/watching.js";

describe("strays", function () {
  this.timeout(60_000);
  const loom = useLoom();
  const at = watching(loom);

  afterEach(() => loom.faults());

  it("removes the machines of creates that land after the cluster is gone, once their grace is over", async () => {
    loom.faults({ fault: "landLate", action: "CREATE", times: "always", lateMs: 2_000 });
    const view = await loom.application.clusters.create(CALLER, at.order("late", 2));
    await loom.ended(view.name, 1);
    assert.equal((await at.delete(view.name)).state, "COMPLETE");
    assert.equal((await at.get(view.name)).state, "TERMINATED");
    assert.equal(loom.judge(view.uid).live.size, 0);
    await until("the creates land", () => loom.judge(view.uid).live.size === 2);
    await at.pass();
    const strays = await at.strays();
    assert.deepEqual(
      strays.map(({ cluster, node, incarnation, provider }) => [cluster, node, incarnation, provider]).sort(),
      [
        [view.name, 1000, 1, "simulated"],
        [view.name, 1001, 1, "simulated"],
      ],
    );
    assert.ok(strays[0]!.removeTime.getTime() > Date.now() + 3_500_000);
    assert.equal((await at.events(view.name)).filter(({ reason }) => reason === "STRAY_FOUND").length, 2);
    await at.pass();
    assert.equal(loom.judge(view.uid).live.size, 2);
    // A Loom without patience takes over.
    await loom.restart({ timing: { strayGraceMs: 0 } });
    await at.pass();
    await until("the strays are removed", () => loom.judge(view.uid).live.size === 0);
    await until("nothing is listed any more", async () => (await at.strays()).length === 0);
    assert.equal((await at.events(view.name)).filter(({ reason }) => reason === "STRAY_REMOVED").length, 2);
    await loom.restart();
  });

  it("says nothing of machines that a delete has removed while their provider was slow to answer", async () => {
    const cluster = await at.create("quick", 2);
    const transactor = createTransactor(loom.database);
    const { shard } = placeOf(loom, cluster);
    const watch = createStrayWatch(
      { graceMs: 3_600_000, mostMs: 0 },
      {
        store: createStrayStore(transactor, createReader(transactor), [shard]),
        epochs: new Map([[shard, 1n]]),
        log: silentLogger,
        now: () => Date.now(),
        monotonic: () => performance.now(),
        remove: async () => "nobody",
        told: () => undefined,
      },
    );
    const machines = [1000, 1001].map((node) => ({
      token: tokenOf(cluster, node),
      running: true,
      machine: `m${node}`,
      clusterUid: cluster.uid,
      node,
    }));
    const sight = await watch.begin();
    assert.equal((await at.delete(cluster.name)).state, "COMPLETE");
    await watch.take(sight, machines, () => true);
    assert.deepEqual([await at.strays(), await at.events(cluster.name)], [[], []]);
    // A provider that is asked now, and still has them, tells of strays.
    await watch.take(await watch.begin(), machines, () => true);
    assert.equal((await at.strays()).length, 2);
    await watch.take(await watch.begin(), [], () => true);
    assert.deepEqual(await at.strays(), []);
    watch.stop();
  });
});

describe("two Looms with one provider", function () {
  this.timeout(60_000);
  const one = useLoom({ timing: { strayGraceMs: 0 } });
  const two = useLoom({ timing: { strayGraceMs: 0 } });

  it("never touch each other's machines", async () => {
    const provider = { journal: join(one.folder, "journal") };
    await two.application.catalog.apply(CALLER, {
      files: [{ path: "chaos.yaml", text: CHAOS_CATALOG(provider) }],
      shipped: false,
      requestId: randomUUID(),
      validateOnly: false,
    });
    const [a, b] = [watching(one), watching(two)];
    const [mine, yours] = [await a.create("mine", 3), await b.create("yours", 3)];
    for (let round = 0; round < 3; round += 1) await Promise.all([a.pass(), b.pass()]);
    assert.deepEqual([await a.observed(mine.name), await b.observed(yours.name)], ["UP UP UP", "UP UP UP"]);
    assert.deepEqual([...(await a.strays()), ...(await b.strays())], []);
    // A leftover of one is nothing to the other.
    await a.delete(mine.name);
    const token = tokenOf(mine, 1001);
    appendFileSync(
      join(one.folder, "journal"),
      `${JSON.stringify({ kind: "create", at: Date.now(), pid: process.pid, token, cluster: mine.uid, node: 1001, address: "198.18.9.9" })}\n`,
    );
    for (let round = 0; round < 3; round += 1) await b.pass();
    assert.ok(one.judge(mine.uid).live.has(token));
    await a.pass();
    await until("its own Loom removes it", () => !one.judge(mine.uid).live.has(token));
    assert.equal(one.judge(yours.uid).live.size, 3);
  });
});

describe("a Loom that looks all the time and has no patience", function () {
  this.timeout(60_000);
  const loom = useLoom({ timing: { reconcileMs: 20, strayGraceMs: 0, confirmMs: 5 } });
  const at = watching(loom);

  it("never removes a machine of a living cluster, whatever its jobs do", async () => {
    const names = ["a", "b", "c"];
    const made = await Promise.all(
      names.map(async (name) => {
        const cluster = await at.create(name, 3);
        const run = async (start: Promise<JobView>): Promise<void> => {
          const job = await start;
          assert.equal((await loom.ended(cluster.name, job.number)).state, "COMPLETE");
        };
        const { clusters } = loom.application;
        await run(clusters.addNodes(CALLER, cluster.name, "back", 2, mutation()));
        await run(clusters.replaceNode(CALLER, cluster.name, 1001, mutation()));
        await run(clusters.removeNodes(CALLER, cluster.name, { nodes: [], service: "back", count: 1 }, mutation()));
        await run(clusters.replaceNode(CALLER, cluster.name, 1001, mutation()));
        return cluster;
      }),
    );
    for (const cluster of made) {
      await until(`${cluster.name} was looked at`, async () => (await at.observed(cluster.name)) === "UP UP UP UP");
      assert.equal(loom.judge(cluster.uid).live.size, 4);
      assert.deepEqual(loom.judge(cluster.uid).lostRuns, []);
      assert.deepEqual(await at.events(cluster.name), []);
    }
    assert.deepEqual(await at.strays(), []);
  });

  it("finds by itself what happens behind its back", async () => {
    const cluster = await at.create("alone");
    await until("its job is looked at", async () => (await at.observed(cluster.name)) === "UP UP UP UP");
    at.behind("delete", cluster, 1003);
    await until("it is missing", async () => (await at.observed(cluster.name)) === "UP UP UP MISSING");
  });
});
