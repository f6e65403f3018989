import assert from "node:assert/strict";
import { setImmediate as tick } from "node:timers/promises";
import { createSignals, type Signals } from "./signals.js";
import { HEARTBEAT_MS, watch } from "./watch.js";

/** A value that is watched: each look takes a few turns of the loop, with the reading in the middle. */
function watchValue(signals: Signals, abort: AbortController, pauseMs = 0) {
  const state = { value: 0 };
  let sent = -1;
  const words = watch<number | "heartbeat">(
    signals,
    ["value"],
    abort.signal,
    pauseMs,
    async function* () {
      await tick();
      await tick();
      const { value } = state;
      await tick();
      await tick();
      if (value !== sent) yield value;
      sent = value;
      return value === 99;
    },
    () => "heartbeat",
  );
  return { state, words };
}

/** Reads until a value comes; heartbeats are passed over. */
async function nextValue(words: AsyncGenerator<number | "heartbeat", void>): Promise<number> {
  for (;;) {
    const { value } = await words.next();
    if (typeof value === "number") return value;
  }
}

describe("watch, whenever things happen", function () {
  // A wake-up that is lost costs the time of a heartbeat, which is longer than a test may take.
  this.timeout(HEARTBEAT_MS - 500);

  it("sees a change at whatever moment it comes", async () => {
    for (const pauseMs of [0, 1]) {
      for (let turns = 0; turns < 15; turns += 1) {
        const signals = createSignals();
        const abort = new AbortController();
        const { state, words } = watchValue(signals, abort, pauseMs);
        assert.equal(await nextValue(words), 0);
        const next = nextValue(words);
        for (let turn = 0; turn < turns; turn += 1) await tick();
        state.value = 1;
        signals.notify("value");
        assert.equal(await next, 1);
        abort.abort();
        await words.next();
      }
    }
  });

  it("sees the newest of many changes, and every change only once", async () => {
    const signals = createSignals();
    const { state, words } = watchValue(signals, new AbortController());
    const seen: number[] = [];
    const reader = (async () => {
      for await (const word of words) if (word !== "heartbeat") seen.push(word);
    })();
    for (let value = 1; value < 99; value += 1) {
      state.value = value;
      signals.notify("value");
      if (value % 7 === 0) await tick();
    }
    state.value = 99;
    signals.notify("value");
    await reader;
    assert.equal(seen.at(-1), 99);
    assert.deepEqual(
      seen,
      [...new Set(seen)].sort((a, b) => a - b),
    );
  });

  it("sends a heartbeat after the first look, so that a reader knows where it stands", async () => {
    const abort = new AbortController();
    const { words } = watchValue(createSignals(), abort);
    assert.deepEqual([(await words.next()).value, (await words.next()).value], [0, "heartbeat"]);
    abort.abort();
    assert.equal((await words.next()).done, true);
  });

  it("ends at an abort in a pause, in a wait and in a look", async () => {
    for (const turns of [0, 1, 3, 5, 8]) {
      const signals = createSignals();
      const abort = new AbortController();
      const { state, words } = watchValue(signals, abort, 2 * HEARTBEAT_MS);
      assert.equal(await nextValue(words), 0);
      state.value = 1;
      signals.notify("value");
      const rest = (async () => {
        for await (const _ of words);
      })();
      for (let turn = 0; turn < turns; turn += 1) await tick();
      abort.abort();
      await rest;
    }
  });

  it("ends at an abort between two words of one look", async () => {
    const abort = new AbortController();
    const words = watch<number>(
      createSignals(),
      [],
      abort.signal,
      0,
      async function* () {
        yield await Promise.resolve(1);
        yield 2;
        return false;
      },
      () => 0,
    );
    assert.equal((await words.next()).value, 1);
    abort.abort();
    assert.equal((await words.next()).done, true);
  });

  it("passes an error of a look on and lets go of its topics", async () => {
    const signals = createSignals();
    const listened: string[] = [];
    const spied: Signals = {
      ...signals,
      subscribe(topics) {
        listened.push("open");
        const subscription = signals.subscribe(topics);
        return {
          wait: subscription.wait,
          close() {
            listened.push("closed");
            subscription.close();
          },
        };
      },
    };
    const words = watch<string>(
      spied,
      ["a"],
      new AbortController().signal,
      0,
      async function* () {
        yield await Promise.reject(new Error("no database"));
        return false;
      },
      () => "heartbeat",
    );
    await assert.rejects(async () => {
      for await (const _ of words);
    }, /no database/);
    assert.deepEqual(listened, ["open", "closed"]);
  });
});
