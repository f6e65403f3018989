import assert from "node:assert/strict";
import { withHeartbeats } from "./heartbeats.js";

/** A source that gives what it is told to. */
function hand(): {
  source: AsyncIterable<string>;
  give(element: string): void;
  end(): void;
  fail(error: Error): void;
  readonly returned: boolean;
  readonly asked: number;
} {
  let waiting: { resolve(result: IteratorResult<string>): void; reject(error: Error): void } | undefined;
  let returned = false;
  let asked = 0;
  const iterator: AsyncIterator<string> = {
    next: () => {
      asked += 1;
      return new Promise((resolve, reject) => (waiting = { resolve, reject }));
    },
    return: async () => {
      returned = true;
      return { done: true, value: undefined };
    },
  };
  return {
    source: { [Symbol.asyncIterator]: () => iterator },
    give: (value) => waiting!.resolve({ done: false, value }),
    end: () => waiting!.resolve({ done: true, value: undefined }),
    fail: (error) => waiting!.reject(error),
    get returned() {
      return returned;
    },
    get asked() {
      return asked;
    },
  };
}

const LONG = 60_000;

describe("withHeartbeats", () => {
  it("passes elements on and ends with its source", async () => {
    const { source, give, end } = hand();
    const beating = withHeartbeats(source, new AbortController().signal, () => "beat", LONG);
    const first = beating.next();
    give("a");
    assert.deepEqual(await first, { done: false, value: "a" });
    const second = beating.next();
    await Promise.resolve();
    end();
    assert.equal((await second).done, true);
  });

  it("beats while its source is silent, with the last element to go by, and loses nothing", async () => {
    const { source, give } = hand();
    const beating = withHeartbeats(
      source,
      new AbortController().signal,
      (last) => `beat after ${last ?? "nothing"}`,
      5,
    );
    assert.equal((await beating.next()).value, "beat after nothing");
    const next = beating.next();
    give("a");
    assert.equal((await next).value, "a");
    assert.equal((await beating.next()).value, "beat after a");
    await beating.return(undefined);
  });

  it("asks its source for nothing before it is asked itself", async () => {
    const one = hand();
    const beating = withHeartbeats(one.source, new AbortController().signal, () => "beat", LONG);
    const first = beating.next();
    one.give("a");
    await first;
    assert.equal(one.asked, 1);
    await beating.return(undefined);
    assert.equal(one.returned, true);
  });

  it("ends at once when the signal fires, and ends its source", async () => {
    const one = hand();
    const stop = new AbortController();
    const beating = withHeartbeats(one.source, stop.signal, () => "beat", LONG);
    const next = beating.next();
    stop.abort();
    assert.equal((await next).done, true);
    assert.equal(one.returned, true);
    // What the source throws now is nobody's business.
    one.fail(new Error("late"));
    await new Promise(setImmediate);
  });

  it("passes an error on", async () => {
    const one = hand();
    const beating = withHeartbeats(one.source, new AbortController().signal, () => "beat", LONG);
    const next = beating.next();
    one.fail(new Error("broken"));
    await assert.rejects(next, /broken/);
  });
});
