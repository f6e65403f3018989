import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { createSignals } from "./signals.js";
import { watch } from "./watch.js";

/** A watch of a number that others raise, with the times of its looks in milliseconds. */
function watchNumber(pauseMs: number) {
  const signals = createSignals();
  const end = new AbortController();
  const looks: number[] = [];
  let value = 0;
  let shown = 0;
  async function* look(): AsyncGenerator<number, boolean> {
    looks.push(performance.now());
    if (value !== shown) yield await Promise.resolve((shown = value));
    return false;
  }
  const heartbeat = (): number => -1;
  return {
    looks,
    end,
    raise() {
      value += 1;
      signals.notify("number");
    },
    messages: watch(signals, ["number"], end.signal, pauseMs, look, heartbeat),
  };
}

async function nextValue(messages: AsyncGenerator<number, void>): Promise<number> {
  for (;;) {
    const { value, done } = await messages.next();
    if (done === true) throw new Error("the watch has ended");
    if (value !== -1) return value;
  }
}

describe("watch", () => {
  it("sees what comes alone without a pause", async () => {
    const pauseMs = 50;
    const { messages, raise, end } = watchNumber(pauseMs);
    await messages.next();
    let seen = 0;
    const next = nextValue(messages).then((value) => (seen = value));
    // Quiet for longer than the pause, so nothing is left to wait for.
    await sleep(pauseMs + 20);
    raise();
    // No timer has a part in it.
    await new Promise(setImmediate);
    assert.equal(seen, 1);
    await next;
    end.abort();
    await messages.return();
  });

  it("gathers what comes soon after a look", async () => {
    const pauseMs = 100;
    const { messages, looks, raise, end } = watchNumber(pauseMs);
    await messages.next();
    for (let round = 0; round < 3; round += 1) {
      raise();
      const next = nextValue(messages);
      raise();
      await next;
    }
    // A timer may fire up to a millisecond early.
    for (const [index, at] of looks.entries()) if (index > 0) assert.ok(at - looks[index - 1]! >= pauseMs - 2);
    end.abort();
    await messages.return();
  });
});
