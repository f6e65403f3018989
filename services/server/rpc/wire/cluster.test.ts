import assert from "node:assert/strict";
import { ChangeLeaseRequest } from "../../../../gen/services/loom/v1/cluster.js";
import { checkFields } from "../checks.js";
import { REQUEST_RULES } from "../request-rules.js";
import { leaseChangeFromWire } from "./cluster.js";

describe("the end of a lease that a request asks for", () => {
  const read = (change: ChangeLeaseRequest["change"]): unknown => {
    const request = { ...ChangeLeaseRequest.fromJSON({ name: "clusters/demo-1s" }), change };
    checkFields(request, REQUEST_RULES["ClusterService.ChangeLease"]);
    return leaseChangeFromWire(request.change!);
  };

  it("is one of three", () => {
    const time = new Date("2026-03-01T12:00:00Z");
    assert.deepEqual(read({ $case: "expireTime", value: time }), { to: "time", expireTime: time.getTime() });
    assert.deepEqual(read({ $case: "extendSeconds", value: 3600 }), { to: "later", by: 3_600_000 });
    assert.deepEqual(read({ $case: "forever", value: true }), { to: "never" });
  });

  it("is refused where it says nothing, or nothing possible", () => {
    for (const change of [
      undefined,
      { $case: "forever", value: false },
      { $case: "extendSeconds", value: 0 },
      { $case: "extendSeconds", value: -1 },
      { $case: "extendSeconds", value: 2_147_483_647 },
      { $case: "expireTime", value: new Date(Number.NaN) },
    ] as const)
      assert.throws(() => read(change), { reason: "INVALID_LEASE" });
  });
});
