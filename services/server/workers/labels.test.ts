import assert from "node:assert/strict";
import { setImmediate as settled } from "node:timers/promises";
import { connect, createBench, createJob } from "../../../test/support/hub-bench.js";
import { servedBy } from "./types.js";

describe("the hub and labels", () => {
  it("hands tasks of a provider to those who serve it, and to nobody else", async () => {
    const { hub } = createBench();
    const here = connect(hub, 4, ["docker"], "here");
    const there = connect(hub, 4, ["docker"], "there", "rack-2");
    assert.deepEqual(
      ["docker", "docker@rack-2", "docker@rack-3", "local"].map((provider) => hub.isServed(provider)),
      [true, true, false, false],
    );
    const slots = (provider: string): string[] => {
      const client = { slotsFreed: () => undefined, result: () => undefined, lost: () => undefined };
      const taken = hub.take(client, provider, 10);
      hub.leave(client);
      const workers = taken.map(({ worker }) => worker);
      taken.forEach((slot) => slot.release());
      return workers;
    };
    assert.deepEqual(slots(servedBy("docker", "")), Array(4).fill("here"));
    assert.deepEqual(slots(servedBy("docker", "rack-2")), Array(4).fill("there"));
    assert.deepEqual(slots(servedBy("docker", "rack-3")), []);
    there.close();
    assert.deepEqual(slots(servedBy("docker", "rack-2")), []);
    here.close();
  });

  it("asks for inventories where the machines are", async () => {
    const { hub } = createBench();
    const [here, there] = [connect(hub, 1, ["docker"], "here"), connect(hub, 1, ["docker"], "there", "rack-2")];
    const question = { providerType: "docker", provider: "far", fields: {} };
    const answers = [hub.inventory({ ...question, provisioner: "rack-2" }), hub.inventory(question)];
    assert.deepEqual([here.told.asked.length, there.told.asked.length], [1, 1]);
    for (const worker of [here, there])
      worker.inventory({ query: worker.told.asked[0]!.query, machines: [], error: "", more: false });
    await Promise.all(answers);
    await assert.rejects(hub.inventory({ ...question, provisioner: "rack-3" }), { reason: "PROVIDER_UNREACHABLE" });
  });

  it("gives nothing more to one that drains, and wakes others when it is gone", async () => {
    const { hub } = createBench();
    const worker = connect(hub, 2);
    const job = createJob(hub, 1, 1);
    job.turn();
    await settled();
    assert.equal(worker.told.assigned.length, 1);
    worker.drain();
    job.wanted = 3;
    job.turn();
    await settled();
    assert.equal(worker.told.assigned.length, 1);
    // What it runs is still its own.
    worker.heartbeat(worker.told.assigned);
    assert.equal(worker.told.renewed.at(-1)!.length, 1);
    const next = connect(hub, 2, ["docker"], "w2");
    await settled();
    assert.equal(next.told.assigned.length, 2);
  });
});
