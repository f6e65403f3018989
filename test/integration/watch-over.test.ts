/** Watching over clusters of simulated machines: what is observed, and what is told. */
import assert from "node:assert/strict";
import { createObservationStore } from "../../services/server/store/observations.js";
import { createReader } from "../../services/server/store/rows.js";
import { createTransactor } from "../../services/server/store/transaction.js";
import type { ClusterView, EventView } from "../../services/server/views.js";
import { CALLER, mutation, useLoom } from "../support/loom.js";
import { until } from "../support/wait.js";
import { placeOf, watching } from "../support/watching.js";

describe("watching over clusters", function () {
  this.timeout(60_000);
  const loom = useLoom();
  const at = watching(loom);

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

  it("pages through records and observations in one order, each of them once", async () => {
    const all = (await loom.application.events.list(CALLER, "", { pageSize: 1000, pageToken: "" })).items;
    assert.ok(all.some(({ id }) => id.startsWith("observed-")) && all.some(({ id }) => !id.startsWith("observed-")));
    const times = all.map(({ time }) => time.getTime());
    assert.deepEqual(
      times,
      [...times].sort((a, b) => b - a),
    );
    for (const pageSize of [1, 3, 7]) {
      const found: EventView[] = [];
      let pageToken = "";
      do {
        const page = await loom.application.events.list(CALLER, "", { pageSize, pageToken });
        assert.ok(page.items.length <= pageSize);
        found.push(...page.items);
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      assert.deepEqual(found, all);
    }
  });

  it("goes on with a watch of events where it ended, and with one that knew of no observations", async () => {
    const cluster = await at.create("resumed", 2);
    await at.pass();
    const first = async (token: string): Promise<{ value: readonly EventView[]; resumeToken: string }> => {
      const stop = new AbortController();
      for await (const change of loom.application.events.watch(CALLER, cluster.name, token, stop.signal)) {
        stop.abort();
        return change;
      }
      throw new Error("the watch ended");
    };
    const { resumeToken } = await first("");
    at.behind("stop", cluster, 1001);
    await at.pass();
    const missed = await first(resumeToken);
    assert.deepEqual(
      missed.value.map(({ reason }) => reason),
      ["NODES_DOWN"],
    );
    assert.deepEqual((await first(missed.resumeToken)).value, []);
    const old = resumeToken.replace(/(^|,)-2:\d+/, "").replace(/^,/, "");
    assert.notEqual(old, resumeToken);
    assert.deepEqual((await first(old)).value, []);
  });
});
