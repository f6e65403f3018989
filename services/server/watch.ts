/**
 * Watching: look, send what is new, wait for a wake-up or a heartbeat's time, look again. What is sent is always read
 * from the database after the wake-up, so a watcher that missed ten of them sees one newest state.
 */
import type { Signals } from "./signals.js";

/** Milliseconds without a word after which a heartbeat is sent; clients give a stream up after three times that. */
export const HEARTBEAT_MS = 4000;

/**
 * What comes alone is seen at once; what follows within `pauseMs` of a look is gathered for the next one.
 *
 * @param pauseMs shortest time from the end of a look to the next one
 * @param look yields what is new; returns true at the end of the watch
 * @param heartbeat what is sent where a look found nothing
 */
export async function* watch<T>(
  signals: Signals,
  topics: readonly string[],
  signal: AbortSignal,
  pauseMs: number,
  look: () => AsyncGenerator<T, boolean>,
  heartbeat: () => T,
): AsyncGenerator<T, void> {
  const subscription = signals.subscribe(topics);
  try {
    let lastWord = performance.now();
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      const generator = look();
      let step = await generator.next();
      for (; step.done !== true; step = await generator.next()) {
        lastWord = performance.now();
        yield step.value;
        if (signal.aborted) return;
      }
      if (step.value) return;
      if (isFirst || performance.now() - lastWord >= HEARTBEAT_MS) {
        lastWord = performance.now();
        yield heartbeat();
      }
      const looked = performance.now();
      await subscription.wait(Math.max(1, HEARTBEAT_MS - (looked - lastWord)), signal);
      const rest = pauseMs - (performance.now() - looked);
      if (rest > 0 && !signal.aborted) await pause(rest, signal);
    }
  } finally {
    subscription.close();
  }
}

/** Collects wake-ups that come close together. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}
