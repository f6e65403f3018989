import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { withTimeLimit } from "./time-limit.js";

/** Fulfilled with why, when the signal fires. */
const fired = (signal: AbortSignal): Promise<unknown> =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve(signal.reason), { once: true }));

describe("withTimeLimit", () => {
  it("ends the time of work that nothing else refers to, however often memory is collected", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const collecting = setInterval(collect, 1);
    try {
      for (const signal of [undefined, new AbortController().signal]) {
        const why = await withTimeLimit(50, signal, fired);
        assert.equal((why as Error).name, "TimeoutError");
      }
    } finally {
      clearInterval(collecting);
    }
  });

  it("passes on the signal of whoever waits, with its reason", async () => {
    const caller = new AbortController();
    const why = withTimeLimit(60_000, caller.signal, fired);
    caller.abort("enough");
    assert.equal(await why, "enough");
    assert.equal(await withTimeLimit(60_000, caller.signal, async (signal) => signal.aborted), true);
  });

  it("lets a process end that has done its work", async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    // By then mocha has its own timer.
    await new Promise(setImmediate);
    const before = timers();
    assert.equal(await withTimeLimit(60_000, undefined, async () => 1), 1);
    await assert.rejects(
      withTimeLimit(60_000, undefined, () => Promise.reject(new Error("no"))),
      /no/,
    );
    assert.equal(timers(), before);
  });
});
