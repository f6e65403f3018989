import assert from "node:assert/strict";
import { setImmediate as settled } from "node:timers/promises";
import { connect, createBench, resultOf } from "../../../test/support/hub-bench.js";
import type { Stray, StrayDetails } from "../store/strays.js";
import { NO_JOB, removeStray } from "./reaper.js";

const STRAY = { shard: 1, clusterId: 7n, token: "t", tenant: "default", node: 1000, incarnation: 2 } as Stray;
const DETAILS = {
  uid: "0190a000-0000-7000-8000-000000000001",
  cluster: "demo-7",
  spec: { provider: { name: "here", body: { type: "docker" } }, hardwareTypes: {}, imageTypes: {} },
  hostname: "demo-7-1000.local",
  hardwareType: "any",
  imageType: "any",
} as unknown as StrayDetails;

describe("an order to remove a stray", () => {
  it("is a task of no job, and says why it failed in words that can be kept", async () => {
    const { hub } = createBench();
    const worker = connect(hub, 1);
    for (const [succeeded, message, said] of [
      [true, "", undefined],
      [false, "It\0is off.", "It\ufffdis off."],
    ] as const) {
      const removal = removeStray(hub, STRAY, 3n, DETAILS);
      await settled();
      const lease = worker.told.assigned.at(-1)!;
      assert.deepEqual([lease.shard, lease.epoch, lease.cluster, lease.job], [1, 3n, 7n, NO_JOB]);
      worker.results([{ ...resultOf(lease), succeeded, message }]);
      assert.equal(await removal, said);
    }
  });

  it("is not given where nobody has time for it", async () => {
    const { hub } = createBench();
    assert.match((await removeStray(hub, STRAY, 3n, DETAILS))!, /No provisioner that serves its provider has time/);
  });
});
