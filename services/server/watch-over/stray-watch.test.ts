import assert from "node:assert/strict";
import { setImmediate as settled } from "node:timers/promises";
import fc from "fast-check";
import { silentLogger } from "../../common/log.js";
import { machineToken } from "../../common/ids.js";
import type { Owner, Stray, StrayDetails, StrayStore } from "../store/strays.js";
import type { ObservedMachine } from "../workers/types.js";
import { createStrayWatch } from "./stray-watch.js";
import type { OwnedNode } from "./strays.js";

const UID = "0190a000-0000-7000-8000-000000000001";
const GRACE_MS = 3_600_000;
const PASS_MS = 60_000;

/** One cluster, a table in memory, clocks in the hand. */
function bench(graceMs = GRACE_MS) {
  const table = new Map<string, Stray>();
  const told: string[] = [];
  const ordered: string[] = [];
  const clock = { wall: 1_700_000_000_000, monotonic: 0 };
  const state = { isGone: true, isBusy: false, isBusyNow: false, answers: true, isOwn: true, head: 5n, changed: 5n };
  const nodes = new Map<number, OwnedNode>([[1000, { incarnation: 2, isGone: false, previous: [] }]]);
  let failure: string | undefined;
  const owner = (): Owner => ({
    shard: 1,
    id: 7n,
    uid: UID,
    tenant: "default",
    name: "demo-7",
    provider: "docker",
    providerType: "docker",
    nodes,
    isGone: state.isGone,
    isBusy: state.isBusy,
    changed: state.changed,
  });
  const store: StrayStore = {
    owners: async (uids) => new Map(uids.includes(UID) ? [[UID, owner()]] : []),
    list: async () => [...table.values()],
    heads: async () => new Map([[1, state.head]]),
    async save(_, { seen, gone, events }) {
      for (const token of gone) table.delete(token);
      for (const stray of seen) table.set(stray.token, stray);
      told.push(...events.map(({ reason }) => reason));
    },
    look: async () => ({
      owner: { ...owner(), isBusy: state.isBusy || state.isBusyNow },
      details: { uid: UID } as StrayDetails,
    }),
  };
  const start = () =>
    createStrayWatch(
      { graceMs, mostMs: 2 * PASS_MS },
      {
        store,
        epochs: new Map([[1, 1n]]),
        log: silentLogger,
        now: () => clock.wall,
        monotonic: () => clock.monotonic,
        async remove(stray) {
          ordered.push(stray.token);
          return failure;
        },
        told: () => undefined,
      },
    );
  let watch = start();
  return {
    table,
    told,
    ordered,
    clock,
    state,
    nodes,
    fail: (why: string | undefined) => (failure = why),
    restart() {
      watch.stop();
      watch = start();
    },
    /** A pass of both clocks' time after the one before. */
    async pass(machines: readonly ObservedMachine[], elapsedMs = PASS_MS, wallMs = elapsedMs) {
      clock.monotonic += elapsedMs;
      clock.wall += wallMs;
      await watch.take(await watch.begin(), state.answers ? machines : undefined, () => state.isOwn);
      await settled();
    },
  };
}

const machine = (incarnation: number, node = 1000, uid = UID): ObservedMachine => ({
  token: machineToken(uid, node, incarnation),
  running: true,
  machine: "loom-x",
  clusterUid: uid,
  node,
});

describe("watching strays", () => {
  it("waits for the whole grace, says so, and orders the end once", async () => {
    const at = bench();
    const stray = machine(1);
    await at.pass([stray]);
    assert.deepEqual(at.told, ["STRAY_FOUND"]);
    for (let minutes = 1; minutes < 60; minutes += 1) await at.pass([stray]);
    assert.deepEqual(at.ordered, []);
    await at.pass([stray]);
    assert.deepEqual(at.ordered, [stray.token]);
    assert.deepEqual(at.told, ["STRAY_FOUND", "STRAY_REMOVED"]);
    assert.equal(at.table.size, 0);
  });

  it("does not end a grace early, whatever the clocks say and however often Loom is started", () => {
    const step = fc.record({
      elapsed: fc.integer({ min: 0, max: 10 * PASS_MS }),
      wall: fc.integer({ min: -1e12, max: 1e12 }),
      restart: fc.boolean(),
      busy: fc.boolean(),
      answers: fc.boolean(),
    });
    return fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const at = bench(10 * PASS_MS);
        let seenFor = 0;
        for (const { elapsed, wall, restart, busy, answers } of steps) {
          if (restart) at.restart();
          at.state.isBusy = busy;
          at.state.answers = answers;
          await at.pass([machine(1)], elapsed, wall);
          if (!busy && answers) seenFor += Math.min(elapsed, 2 * PASS_MS);
          if (at.ordered.length > 0) {
            assert.ok(seenFor >= 10 * PASS_MS, `ordered after ${seenFor} ms`);
            return;
          }
        }
      }),
    );
  });

  it("leaves machines of living clusters, of others, and those it cannot explain", async () => {
    const at = bench(0);
    at.state.isGone = false;
    const foreign = machine(1, 1000, "0190a000-0000-7000-8000-0000000000ff");
    for (let round = 0; round < 3; round += 1) await at.pass([machine(2), machine(3), machine(1, 1001), foreign]);
    assert.deepEqual([at.ordered, at.told, [...at.table]], [[], [], []]);
    // The old one is kept until the new one has taken over.
    at.nodes.set(1000, { incarnation: 2, isGone: false, previous: [1] });
    await at.pass([machine(1), machine(2)]);
    assert.deepEqual(at.ordered, []);
    at.nodes.set(1000, { incarnation: 2, isGone: false, previous: [] });
    await at.pass([machine(1), machine(2)]);
    assert.deepEqual(at.ordered, [machine(1).token]);
  });

  it("decides nothing while a job is at work, not even at the last moment", async () => {
    const at = bench(PASS_MS);
    await at.pass([machine(1)]);
    at.state.isBusy = true;
    for (let round = 0; round < 5; round += 1) await at.pass([machine(1)]);
    assert.deepEqual(at.ordered, []);
    assert.equal(at.table.size, 1);
    // A job that was accepted since the look began.
    at.state.isBusy = false;
    at.state.isBusyNow = true;
    for (let round = 0; round < 3; round += 1) await at.pass([machine(1)]);
    assert.deepEqual(at.ordered, []);
    at.state.isBusyNow = false;
    await at.pass([machine(1)]);
    assert.deepEqual(at.ordered, [machine(1).token]);
  });

  it("does not take what a job has removed since the provider was asked for strays", async () => {
    const at = bench(0);
    at.state.changed = 6n;
    await at.pass([machine(1), machine(2)]);
    assert.deepEqual([at.told, at.ordered, at.table.size], [[], [], 0]);
    // The job had ended before this look.
    at.state.head = 6n;
    await at.pass([machine(1)]);
    assert.deepEqual(at.told, ["STRAY_FOUND", "STRAY_REMOVED"]);
  });

  it("forgets what went by itself, and only where the provider said so", async () => {
    const at = bench();
    await at.pass([machine(1)]);
    at.state.answers = false;
    await at.pass([]);
    assert.equal(at.table.size, 1);
    at.state.answers = true;
    // Another provider has said nothing about it.
    at.state.isOwn = false;
    await at.pass([]);
    assert.deepEqual([at.table.size, [...at.table.values()][0]!.waitedMs], [1, 0]);
    await at.pass([machine(1)]);
    assert.equal([...at.table.values()][0]!.waitedMs, 0);
    at.state.isOwn = true;
    await at.pass([]);
    assert.equal(at.table.size, 0);
    // It begins anew where it comes back.
    await at.pass([machine(1)]);
    assert.equal([...at.table.values()][0]!.waitedMs, 0);
  });

  it("keeps why a removal failed, and tries again with the next pass", async () => {
    const at = bench(0);
    at.fail("The daemon does not answer.");
    await at.pass([machine(1)]);
    await at.pass([machine(1)]);
    const stray = [...at.table.values()][0]!;
    assert.deepEqual([stray.failures, stray.message], [2, "The daemon does not answer."]);
    at.fail(undefined);
    await at.pass([machine(1)]);
    assert.equal(at.table.size, 0);
    assert.equal(at.ordered.length, 3);
  });
});
