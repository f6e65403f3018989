import { strict as assert } from "node:assert";
import { createRenewals } from "./leases.js";

describe("renewals", () => {
  const answer = (renewals: ReturnType<typeof createRenewals>, ...keys: string[]) => {
    const { sentAt, refused } = renewals.renewed(keys);
    return { ...Object.fromEntries(sentAt), refused };
  };

  it("count from when the heartbeat was sent", () => {
    const renewals = createRenewals();
    renewals.sent(["a"], 100);
    renewals.sent(["a", "b"], 200);
    assert.deepEqual(answer(renewals, "a"), { a: 100, refused: [] });
    assert.deepEqual(answer(renewals, "a", "b"), { a: 200, b: 200, refused: [] });
    assert.deepEqual(answer(renewals, "a"), { refused: [] });
  });

  it("tell what was asked for in vain", () => {
    const renewals = createRenewals();
    renewals.sent(["a", "b"], 100);
    assert.deepEqual(answer(renewals, "b"), { b: 100, refused: ["a"] });
  });

  it("take several answers in one message", () => {
    const renewals = createRenewals();
    renewals.sent(["a"], 100);
    renewals.sent(["a", "b", "c"], 200);
    assert.deepEqual(answer(renewals, "a", "a", "b"), { a: 200, b: 200, refused: ["c"] });
  });

  it("do not refuse what only a later heartbeat asked for", () => {
    const renewals = createRenewals();
    renewals.sent(["a"], 100);
    renewals.sent(["a", "b"], 200);
    assert.deepEqual(answer(renewals, "a"), { a: 100, refused: [] });
  });

  it("forget what has ended, and begin anew with a new stream", () => {
    const renewals = createRenewals();
    renewals.sent(["a", "b"], 100);
    renewals.forget("a");
    assert.deepEqual(answer(renewals, "b"), { b: 100, refused: [] });
    renewals.sent(["b"], 200);
    renewals.reset();
    assert.deepEqual(answer(renewals, "b"), { refused: [] });
  });
});
