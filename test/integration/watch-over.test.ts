/** Watching over clusters of simulated machines: what is observed, what is told, and what happens to strays. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { clusterIdOf, machineToken, shardOf } from "../../services/common/ids.js";
import { createObservationStore } from "../../services/server/store/observations.js";
import { createReader } from "../../services/server/store/rows.js";
import { createTransactor } from "../../services/server/store/transaction.js";
import type { ClusterView, EventView, JobView, NodeView } from "../../services/server/views.js";
import { CALLER, mutation, useLoom, type TestLoom } from "../support/loom.js";
import { CHAOS_CATALOG } from "../support/loom-catalog.js";
import { until } from "../support/wait.js";

const PAGE = { pageSize: 100, pageToken: "" };

/** What a test does with one Loom. */
function handle(loom: TestLoom) {
  const clusters = () => loom.application.clusters;
  return {
    async create(name: string, nodeCount = 4): Promise<ClusterView> {
      const view = await clusters().create(CALLER, {
        displayName: name,
        template: "small",
        nodeCount,
        description: "",
        provider: "",
        services: [],
        hardwareType: "",
        imageType: "",
        dnsSuffix: "",
        config: {},
        withDependencies: false,
        lease: undefined,
        requestId: randomUUID(),
        validateOnly: false,
      });
      assert.equal((await loom.ended(view.name, 1)).state, "COMPLETE");
      return view;
    },
    nodes: async (name: string): Promise<readonly NodeView[]> =>
      (await clusters().listNodes(CALLER, name, { ...PAGE, showDeleted: false })).items,
    async observed(name: string): Promise<string> {
      const nodes = await clusters().listNodes(CALLER, name, { ...PAGE, showDeleted: false });
      return nodes.items.map(({ observed }) => observed).join(" ");
    },
    get: (name: string) => clusters().get(CALLER, name),
    events: async (name = ""): Promise<EventView[]> =>
      [...(await loom.application.events.list(CALLER, name, PAGE)).items].filter(({ id }) =>
        id.startsWith("observed-"),
      ),
    strays: async () => (await loom.application.strays.list(CALLER, PAGE)).items,
    async delete(name: string): Promise<JobView> {
      const job = await clusters().delete(CALLER, name, mutation());
      return loom.ended(name, job.number);
    },
    /** Something happens to a machine behind Loom's back. */
    behind(kind: "stop" | "start" | "delete", cluster: ClusterView, node: number): void {
      const line = {
        kind,
        at: Date.now(),
        pid: process.pid,
        token: tokenOf(cluster, node),
        cluster: cluster.uid,
        node,
      };
      appendFileSync(join(loom.folder, "journal"), `${JSON.stringify(line)}\n`);
    },
    pass: () => loom.server.watcher.pass(),
  };
}

const tokenOf = (cluster: ClusterView, node: number, incarnation = 1): string =>
  machineToken(cluster.uid, node, incarnation);

describe("watching over clusters", function () {
  this.timeout(60_000);
  const loom = useLoom();
  const at = handle(loom);

  afterEach(() => loom.faults());

  it("shows what is down and what is missing, says so once, and what a repair makes of it", async () => {
    const cluster = await at.create("broken");
    assert.equal(await at.observed(cluster.name), "UNKNOWN UNKNOWN UNKNOWN UNKNOWN");
    assert.equal((await at.get(cluster.name)).observed, undefined);
    await at.pass();
    assert.equal(await at.observed(cluster.name), "UP UP UP UP");
    assert.deepEqual((await at.get(cluster.name)).observed, { down: 0, missing: 0, isUnknown: false, message: "" });
    assert.deepEqual(await at.events(cluster.name), []);

    at.behind("stop", cluster, 1001);
    at.behind("stop", cluster, 1002);
    at.behind("delete", cluster, 1003);
    await at.pass();
    assert.equal(await at.observed(cluster.name), "UP DOWN DOWN MISSING");
    assert.deepEqual((await at.get(cluster.name)).observed, { down: 2, missing: 1, isUnknown: false, message: "" });
    const events = await at.events(cluster.name);
    assert.deepEqual(events.map(({ reason }) => reason).sort(), ["NODES_DOWN", "NODES_MISSING"]);
    const down = events.find(({ reason }) => reason === "NODES_DOWN")!;
    assert.equal(
      down.message,
      `2 nodes (1001, 1002) are down: their machines are there but do not run. "loom repair ${cluster.name}" starts them.`,
    );
    const since = (await at.nodes(cluster.name))[1]!.observedSince!;
    await at.pass();
    assert.equal((await at.events(cluster.name)).length, 2);
    assert.deepEqual((await at.nodes(cluster.name))[1]!.observedSince, since);
    // Nobody repairs unasked.
    assert.equal(loom.judge(cluster.uid).live.size, 3);

    const job = await loom.application.clusters.repair(CALLER, cluster.name, mutation());
    assert.equal((await loom.ended(cluster.name, job.number)).state, "COMPLETE");
    assert.equal(await at.observed(cluster.name), "UNKNOWN UNKNOWN UNKNOWN UNKNOWN");
    await at.pass();
    assert.equal(await at.observed(cluster.name), "UP UP UP UP");
    assert.equal((await at.events(cluster.name))[0]!.message, "2 nodes (1001, 1002) run again.");
    assert.equal(loom.judge(cluster.uid).live.size, 4);
    assert.deepEqual(await at.strays(), []);
  });

  it("tells watchers of clusters and of events", async () => {
    const cluster = await at.create("watched");
    await at.pass();
    const stop = new AbortController();
    const seen: (ClusterView | undefined)[] = [];
    const told: EventView[] = [];
    const watching = Promise.all([
      (async () => {
        for await (const { value } of loom.application.clusters.watch(CALLER, cluster.name, "", stop.signal))
          seen.push(value);
      })(),
      (async () => {
        for await (const { value } of loom.application.events.watch(CALLER, "", "", stop.signal)) told.push(...value);
      })(),
    ]);
    try {
      await until("the watch has begun", () => seen.length > 0);
      at.behind("stop", cluster, 1002);
      await at.pass();
      await until("the change is seen", () => seen.at(-1)?.observed?.down === 1);
      await until("the event is seen", () => told.some(({ reason }) => reason === "NODES_DOWN"));
    } finally {
      stop.abort();
      await watching;
    }
  });

  it("knows nothing where the provider does not answer, and says so once", async () => {
    const cluster = await at.create("unreachable");
    at.behind("stop", cluster, 1001);
    await at.pass();
    const before = (await at.events()).length;
    loom.faults({ fault: "unreachable", action: "INVENTORY", times: "always" });
    at.behind("delete", cluster, 1002);
    await at.pass();
    await at.pass();
    assert.equal(await at.observed(cluster.name), "UNKNOWN UNKNOWN UNKNOWN UNKNOWN");
    const { observed } = await at.get(cluster.name);
    assert.deepEqual({ ...observed, message: "" }, { down: 0, missing: 0, isUnknown: true, message: "" });
    assert.match(observed!.message, /simulated provider cannot be reached/);
    assert.match((await at.nodes(cluster.name))[0]!.observedMessage, /cannot be reached/);
    const events = (await at.events()).slice(0, -before || undefined);
    assert.deepEqual(
      events.map(({ reason, cluster: of }) => [reason, of]),
      [["PROVIDER_UNREACHABLE", ""]],
    );
    loom.faults();
    await at.pass();
    assert.equal(await at.observed(cluster.name), "UP DOWN MISSING UP");
    const after = (await at.events()).slice(0, -before || undefined).map(({ reason }) => reason);
    // What was known before is not told again.
    assert.deepEqual(after.sort(), ["NODES_MISSING", "PROVIDER_REACHABLE", "PROVIDER_UNREACHABLE"]);
  });

  it("does not judge what a job is working on, nor what a job has changed since", async () => {
    const cluster = await at.create("busy");
    loom.faults({ fault: "hang", action: "CREATE", cluster: cluster.uid, times: "always" });
    const job = await loom.application.clusters.addNodes(CALLER, cluster.name, "back", 1, mutation());
    await until("the job is at work", () =>
      loom.journal(cluster.uid).some(({ kind, node }) => kind === "call" && node === 1004),
    );
    at.behind("stop", cluster, 1001);
    await at.pass();
    assert.equal((await at.get(cluster.name)).observed, undefined);
    assert.match(await at.observed(cluster.name), /^UNKNOWN( UNKNOWN){4}$/);
    assert.deepEqual(await at.events(cluster.name), []);
    loom.faults();
    await loom.application.jobs.cancel(CALLER, cluster.name, job.number, mutation());
    await loom.ended(cluster.name, job.number);
    await loom.server.watcher.observeCluster(placeOf(loom, cluster));
    assert.match(await at.observed(cluster.name), /^UP DOWN UP UP/);
  });

  it("throws a look away that a job has overtaken, or that an older owner of the shard made", async () => {
    const cluster = await at.create("overtaken");
    const { shard, id } = placeOf(loom, cluster);
    const transactor = createTransactor(loom.database);
    const store = createObservationStore(transactor, createReader(transactor), () => Date.now());
    const before = (await store.one(shard, id))!;
    const look = {
      cluster: before,
      bad: [{ number: 1001, incarnation: 1, observed: "DOWN" as const, message: "" }],
      message: "",
      events: [
        { tenant: "default", clusterId: id, severity: "WARNING" as const, reason: "NODES_DOWN" as const, message: "x" },
      ],
    };
    await assert.rejects(store.save({ shard, epoch: 0n }, [look]), { reason: "FENCED" });
    const job = await loom.application.clusters.addNodes(CALLER, cluster.name, "back", 1, mutation());
    assert.deepEqual(await store.save({ shard, epoch: 1n }, [look]), []);
    await loom.ended(cluster.name, job.number);
    assert.deepEqual(await store.save({ shard, epoch: 1n }, [look]), []);
    assert.deepEqual(await at.events(cluster.name), []);
    assert.match(await at.observed(cluster.name), /^UNKNOWN( UNKNOWN)*$/);
    const now = (await store.one(shard, id))!;
    assert.deepEqual(await store.save({ shard, epoch: 1n }, [{ ...look, cluster: now }]), [id]);
    assert.match(await at.observed(cluster.name), /^UP DOWN( UP)*$/);
  });

  it("removes the machines of creates that land after the cluster is gone, once their grace is over", async () => {
    loom.faults({ fault: "landLate", action: "CREATE", times: "always", lateMs: 2_000 });
    const view = await loom.application.clusters.create(CALLER, {
      displayName: "late",
      template: "small",
      nodeCount: 2,
      description: "",
      provider: "",
      services: [],
      hardwareType: "",
      imageType: "",
      dnsSuffix: "",
      config: {},
      withDependencies: false,
      lease: undefined,
      requestId: randomUUID(),
      validateOnly: false,
    });
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

  it("tells of hundreds of nodes at once in one event", async function () {
    const cluster = await at.create("storm", 300);
    await at.pass();
    const nodes = await loom.application.clusters.listNodes(CALLER, cluster.name, {
      pageSize: 1000,
      pageToken: "",
      showDeleted: false,
    });
    for (const { number } of nodes.items) at.behind("stop", cluster, number);
    await at.pass();
    assert.equal((await at.get(cluster.name)).observed?.down, 300);
    const events = await at.events(cluster.name);
    assert.equal(events.length, 1);
    assert.match(events[0]!.message, /^300 nodes \(1000 to 1299\) are down/);
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
    const [a, b] = [handle(one), handle(two)];
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
  const at = handle(loom);

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

function placeOf(loom: TestLoom, { name }: ClusterView): { shard: number; id: bigint } {
  const id = clusterIdOf(name)!;
  return { id, shard: shardOf(id, loom.server.installation.space) };
}
