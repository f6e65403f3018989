import assert from "node:assert/strict";
import { createSignals } from "./signals.js";

/** What waits for so long has missed its wake-up. */
const NEVER_MS = 10_000;

describe("createSignals", function () {
  this.timeout(NEVER_MS / 2);

  it("wakes a waiter, and one that begins to wait after it was notified", async () => {
    const signals = createSignals();
    const subscription = signals.subscribe(["a", "b"]);
    const waits = subscription.wait(NEVER_MS);
    signals.notify("b");
    await waits;
    signals.notify("a");
    await subscription.wait(NEVER_MS);
    subscription.close();
  });

  it("does not forget a notify that comes between the end of a wait and the next one", async () => {
    const signals = createSignals();
    const subscription = signals.subscribe(["a"]);
    const waits = subscription.wait(1);
    await waits;
    signals.notify("a");
    await subscription.wait(NEVER_MS);
    const again = subscription.wait(NEVER_MS);
    signals.notify("a");
    // The wait is over, and whoever waited has not gone on yet.
    signals.notify("a");
    await again;
    await subscription.wait(NEVER_MS);
    subscription.close();
  });

  it("wakes once for all that came before", async () => {
    const signals = createSignals();
    const subscription = signals.subscribe(["a"]);
    signals.notify("a");
    signals.notify("a");
    await subscription.wait(NEVER_MS);
    const abort = new AbortController();
    let isWoken = false;
    const waits = subscription.wait(NEVER_MS, abort.signal).then(() => (isWoken = true));
    await new Promise(setImmediate);
    assert.equal(isWoken, false);
    abort.abort();
    await waits;
    subscription.close();
  });

  it("ends a wait in time and at an abort, also one that came before", async () => {
    const signals = createSignals();
    const subscription = signals.subscribe(["a"]);
    await subscription.wait(1);
    const abort = new AbortController();
    const waits = subscription.wait(NEVER_MS, abort.signal);
    abort.abort();
    await waits;
    await subscription.wait(NEVER_MS, abort.signal);
    subscription.close();
  });

  it("wakes nobody of another topic, nobody who has closed, and nobody twice", async () => {
    const signals = createSignals();
    const calls: string[] = [];
    const end = signals.listen("a", () => calls.push("first"));
    signals.listen("a", () => {
      calls.push("second");
      end();
    });
    signals.notify("b");
    signals.notify("a");
    signals.notify("a");
    assert.deepEqual(calls, ["first", "second", "second"]);
    end();
    const closed = signals.subscribe(["c"]);
    closed.close();
    signals.notify("c");
    let isWoken = false;
    const waits = closed.wait(5).then(() => {
      isWoken = true;
    });
    await Promise.resolve();
    assert.equal(isWoken, false);
    await waits;
  });
});
