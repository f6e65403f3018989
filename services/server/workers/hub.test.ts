import assert from "node:assert/strict";
import { setImmediate as settled } from "node:timers/promises";
import fc from "fast-check";
import {
  LEASE_MS,
  connect,
  createBench,
  createJob,
  leaseOf,
  resultOf,
  type Bench,
} from "../../../test/support/hub-bench.js";
import type { Slot, SlotHub } from "./hub.js";
import { leaseKey } from "./types.js";

describe("createSlotHub: leases", () => {
  let bench: Bench;
  let hub: SlotHub;
  let worker: ReturnType<typeof connect>;
  let job: ReturnType<typeof createJob>;
  const lease = leaseOf(0);

  beforeEach(async () => {
    bench = createBench();
    hub = bench.hub;
    worker = connect(hub, 2);
    job = createJob(hub, 1, 1);
    job.turn();
    await settled();
    assert.deepEqual(worker.told.assigned, [lease]);
  });

  it("hold as long as heartbeats come, and run out after that, once", () => {
    bench.clock.now = LEASE_MS - 1;
    hub.sweep();
    assert.deepEqual(job.lost, []);
    worker.heartbeat([lease, leaseOf(99)]);
    assert.deepEqual(worker.told.renewed, [[leaseKey(lease)]]);
    bench.clock.now = 2 * LEASE_MS - 2;
    hub.sweep();
    assert.deepEqual(job.lost, []);
    bench.clock.now = 2 * LEASE_MS - 1;
    hub.sweep();
    hub.sweep();
    assert.deepEqual([job.lost, worker.told.revoked], [[leaseKey(lease)], [leaseKey(lease)]]);
    worker.heartbeat([lease]);
    assert.deepEqual(worker.told.renewed.at(-1), []);
  });

  it("take a result in and acknowledge it only when it is settled", () => {
    worker.results([resultOf(lease)]);
    assert.deepEqual([job.results, worker.told.acknowledged], [[lease], []]);
    hub.settle(lease);
    hub.settle(lease);
    assert.deepEqual(worker.told.acknowledged, [leaseKey(lease)]);
  });

  it("refuse a result of a lease that nobody holds, so that it is not sent for ever", () => {
    bench.clock.now = LEASE_MS;
    hub.sweep();
    worker.results([resultOf(lease), resultOf(leaseOf(7))]);
    assert.deepEqual([job.results, worker.told.acknowledged], [[], [leaseKey(lease), leaseKey(leaseOf(7))]]);
  });

  it("outlive their stream and move to the one the worker comes back on", async () => {
    worker.close();
    const again = connect(hub, 2);
    again.heartbeat([lease]);
    again.results([resultOf(lease)]);
    hub.settle(lease);
    assert.deepEqual(
      [job.results, again.told.renewed, again.told.acknowledged, worker.told.acknowledged],
      [[lease], [[leaseKey(lease)]], [leaseKey(lease)], []],
    );
    // Both slots are free again, and no more than these.
    job.wanted = 5;
    job.turn();
    await settled();
    assert.equal(again.told.assigned.length, 2);
  });

  it("free their slot on the stream that the worker has left, though nobody has noticed that it is gone", async () => {
    const again = connect(hub, 1);
    const others = createJob(hub, 2, 9);
    others.turn();
    assert.equal(others.running.size, 2);
    again.heartbeat([lease]);
    await settled();
    assert.equal(others.running.size, 3);
  });

  it("are those of the provisioner that got them: no other ends them, prolongs them or writes their output", () => {
    const chunk = { lease, stderr: false, text: "forged", sequence: 0 };
    const others = [
      connect(hub, 2, ["docker"], "w1", "rack-2", "q"),
      connect(hub, 2, ["docker"], "w1", "", "q"),
      connect(hub, 2, ["docker"], "w1", "rack-2", "p"),
    ];
    for (const other of others) {
      bench.clock.now = 1;
      other.log(chunk);
      other.heartbeat([lease]);
      other.results([resultOf(lease)]);
      // Acknowledged so that it is not sent for ever.
      assert.deepEqual([other.told.renewed, other.told.acknowledged], [[[]], [leaseKey(lease)]]);
    }
    assert.deepEqual([job.results, bench.logged, worker.told.revoked], [[], [], []]);
    assert.equal(bench.refused.length, 3 * others.length);
    assert.equal(bench.refused[0], `output ${leaseKey(lease)} q`);
    // It ran out at its own time, and until then its holder could end it.
    worker.results([resultOf(lease)]);
    assert.deepEqual(job.results, [lease]);
    bench.clock.now = LEASE_MS;
    hub.sweep();
    assert.deepEqual(job.lost, [leaseKey(lease)]);
  });

  it("that another provisioner has now are not ended by the one that lost them", async () => {
    bench.clock.now = LEASE_MS;
    hub.sweep();
    worker.drain();
    const other = connect(hub, 1, ["docker"], "w2", "", "q");
    const [slot] = hub.take(job.client, "docker", 1);
    const next = { ...lease, attempt: 2 };
    slot!.assign({ lease: next, tenant: "tenant-1" } as never);
    await settled();
    worker.results([resultOf(lease), resultOf(next)]);
    assert.deepEqual(job.results, []);
    other.results([resultOf(next)]);
    assert.deepEqual(job.results, [next]);
  });

  it("run out where the worker does not come back", () => {
    worker.close();
    bench.clock.now = LEASE_MS;
    hub.sweep();
    assert.deepEqual([job.lost, worker.told.revoked], [[leaseKey(lease)], []]);
  });

  it("pass output on with the tenant, and no output of others", () => {
    const chunk = { lease, stderr: false, text: "hello", sequence: 0 };
    worker.log(chunk);
    worker.log({ ...chunk, lease: leaseOf(7) });
    assert.deepEqual(bench.logged, [{ chunk, tenant: "tenant-1" }]);
  });

  it("are revoked at the worker that has them", () => {
    hub.revoke(lease);
    hub.revoke(leaseOf(7));
    assert.deepEqual(worker.told.revoked, [leaseKey(lease)]);
  });
});

describe("createSlotHub: slots", () => {
  it("are handed to workers that offer the provider type, the emptiest first, in one message each", async () => {
    const { hub } = createBench();
    const [small, large, other] = [
      connect(hub, 2, ["docker"], "small"),
      connect(hub, 4, ["docker"], "large"),
      connect(hub, 9, ["local"], "other"),
    ];
    const job = createJob(hub, 1, 5);
    job.turn();
    await settled();
    assert.deepEqual([small.told.assigned.length, large.told.assigned.length, other.told.assigned.length], [2, 3, 0]);
    assert.deepEqual([small.told.batches, large.told.batches], [1, 1]);
  });

  it("come back unused", async () => {
    const { hub } = createBench();
    connect(hub, 3);
    const job = createJob(hub, 1, 3);
    for (const slot of hub.take(job.client, "docker", 3)) slot.release();
    job.turn();
    await settled();
    assert.equal(job.running.size, 3);
  });

  it("of a new worker wake those who wait", async () => {
    const { hub } = createBench();
    const job = createJob(hub, 1, 3);
    job.turn();
    assert.equal(job.running.size, 0);
    connect(hub, 2);
    await settled();
    assert.equal(job.running.size, 2);
    connect(hub, 2);
    await settled();
    assert.equal(job.running.size, 3);
  });

  it("are shared between jobs that want more than there are, and none stays free", async () => {
    const { hub } = createBench();
    const jobs = [1, 2, 3].map((number) => createJob(hub, number, 1000));
    for (const job of jobs) job.turn();
    connect(hub, 12);
    await settled();
    assert.equal(
      jobs.reduce((sum, job) => sum + job.running.size, 0),
      12,
    );
    for (const job of jobs) assert.ok(job.running.size >= 2, jobs.map(({ running }) => running.size).join());
    // A job that came later gets its turn as slots are freed, whoever frees them.
    const late = createJob(hub, 4, 1000);
    late.turn();
    for (let round = 0; round < 12; round += 1) {
      [...jobs].sort((a, b) => b.running.size - a.running.size)[0]!.finish();
      await settled();
      assert.equal(
        [...jobs, late].reduce((sum, job) => sum + job.running.size, 0),
        12,
      );
    }
    assert.ok(late.running.size >= 2, `the late job has ${late.running.size} of 12`);
  });

  it("are not kept from a job by others who wait for another provider", async () => {
    const { hub } = createBench();
    for (const number of [1, 2, 3]) createJob(hub, number, 10, "local").turn();
    connect(hub, 8);
    const job = createJob(hub, 4, 8);
    job.turn();
    assert.equal(job.running.size, 8);
  });

  it("that a job leaves go to the next", async () => {
    const { hub } = createBench();
    const [first, second] = [createJob(hub, 1, 4), createJob(hub, 2, 4)];
    first.turn();
    second.turn();
    first.wanted = 0;
    connect(hub, 1);
    await settled();
    assert.deepEqual([first.running.size, second.running.size], [0, 1]);
  });

  it("are never given twice and never lost, whatever happens", async () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({
          do: fc.constantFrom(
            "want" as const,
            "finish" as const,
            "finish" as const,
            "reconnect" as const,
            "release" as const,
          ),
          which: fc.nat(),
        }),
        fc.constant({ do: "expire" as const, which: 0 }),
      ),
      { maxLength: 40, size: "max" },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
        steps,
        async (sizes, list) => {
          const { hub, clock } = createBench();
          const workers = sizes.map((slots, index) => ({
            slots,
            stream: connect(hub, slots, ["docker"], `w${index}`),
          }));
          const total = sizes.reduce((sum, slots) => sum + slots, 0);
          const jobs = [1, 2, 3].map((number) => createJob(hub, number, 0));
          let unused: Slot[] = [];
          for (const { do: what, which } of list) {
            const job = jobs[which % jobs.length]!;
            if (what === "want") {
              job.wanted += 1 + (which % 5);
              job.turn();
            } else if (what === "finish") {
              if (job.running.size > 0) job.finish();
            } else if (what === "release") {
              unused = hub.take(job.client, "docker", 1 + (which % 3));
              for (const slot of unused) slot.release();
            } else if (what === "reconnect") {
              const worker = workers[which % workers.length]!;
              // What ran on the stream before goes on on the new one.
              const before = jobs.flatMap(({ running }) => [...running.values()]);
              worker.stream.close();
              const mine = new Set(worker.stream.told.assigned.map(leaseKey));
              worker.stream = connect(hub, worker.slots, ["docker"], "again");
              worker.stream.told.assigned.push(...before.filter((lease) => mine.has(leaseKey(lease))));
              worker.stream.heartbeat(worker.stream.told.assigned);
            } else {
              clock.now += LEASE_MS;
              hub.sweep();
            }
            await settled();
            const running = jobs.reduce((sum, { running: own }) => sum + own.size, 0);
            assert.ok(running <= total + (what === "reconnect" ? total : 0), `${running} tasks on ${total} slots`);
            if (what === "expire") continue;
            if (list.every((step) => step.do !== "reconnect") && jobs.some(({ wanted }) => wanted > 0))
              assert.equal(running, total, "a slot stays free while somebody wants it");
          }
          for (const job of jobs) job.wanted = 0;
          while (jobs.some(({ running }) => running.size > 0)) jobs.find(({ running }) => running.size > 0)!.finish();
          await settled();
          const last = createJob(hub, 9, 1000);
          last.turn();
          await settled();
          assert.equal(last.running.size, total, "slots were lost or made up");
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("createSlotHub: offers", () => {
  it("of Loom's own provisioner go before those of other machines, whoever came first and whatever works there", () => {
    for (const order of [
      ["rack-2", ""],
      ["", "rack-2"],
    ])
      for (const available of [true, false]) {
        const { hub } = createBench();
        for (const label of order) {
          const isOwn = label === "";
          const words = { fields: isOwn ? [{ name: "password" } as never] : [], description: isOwn ? "own" : "other" };
          const state = { available: available || !isOwn, unavailableReason: available || !isOwn ? "" : "no daemon" };
          connect(hub, 1, ["docker"], "w1", label, isOwn ? "p" : "q", { ...words, ...state });
        }
        assert.deepEqual(
          hub
            .offers()
            .map((offer) => [offer.description, offer.fields.length, offer.available, offer.unavailableReason]),
          [["own", 1, true, ""]],
        );
      }
  });

  it("are those of connected workers, once each, providers first", () => {
    const { hub } = createBench();
    const first = connect(hub, 1, ["local", "docker"]);
    connect(hub, 1, ["docker"]);
    assert.deepEqual(
      hub.offers().map(({ type }) => type),
      ["docker", "local"],
    );
    first.close();
    assert.deepEqual(
      hub.offers().map(({ type }) => type),
      ["docker"],
    );
  });
});
