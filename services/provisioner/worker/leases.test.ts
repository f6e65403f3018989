import { strict as assert } from "node:assert";
import { createRenewals } from "./leases.js";

describe("renewals", () => {
  it("count from when the heartbeat was sent", () => {
    const renewals = createRenewals();
    renewals.sent(["a"], 100);
    renewals.sent(["a", "b"], 200);
    assert.deepEqual(renewals.renewed(["a"]), { sentAt: 100, refused: [] });
    assert.deepEqual(renewals.renewed(["a", "b"]), { sentAt: 200, refused: [] });
    assert.equal(renewals.renewed(["a"]), undefined);
  });

  it("tell what was asked for in vain", () => {
    const renewals = createRenewals();
    renewals.sent(["a", "b"], 100);
    assert.deepEqual(renewals.renewed(["b"]), { sentAt: 100, refused: ["a"] });
  });

  it("pass over heartbeats that were not answered", () => {
    const renewals = createRenewals();
    renewals.sent([], 100);
    renewals.sent(["a"], 200);
    assert.deepEqual(renewals.renewed(["a"]), { sentAt: 200, refused: [] });
  });

  it("begin anew with a new stream", () => {
    const renewals = createRenewals();
    renewals.sent(["a"], 100);
    renewals.reset();
    assert.equal(renewals.renewed(["a"]), undefined);
  });
});
