/** Signs of life on streams: a proxy may answer pings for a server that is gone, so only a message proves anything. */

/** No stream is silent for longer, in milliseconds. Clients are promised 5 seconds. */
export const HEARTBEAT_MS = 4_000;

/**
 * The elements of a source, with heartbeats where it is silent. Waits for the consumer before it asks the source for
 * more, and ends the source when the consumer stops or the signal fires.
 *
 * @param heartbeat makes a heartbeat; gets the last element of the source, undefined before the first
 * @param periodMs longest silence
 */
export async function* withHeartbeats<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal,
  heartbeat: (last: T | undefined) => T,
  periodMs: number = HEARTBEAT_MS,
): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  let last: T | undefined;
  let timer: NodeJS.Timeout | undefined;
  let wake: (() => void) | undefined;
  const aborted = (): void => wake?.();
  signal.addEventListener("abort", aborted);
  try {
    let pending = iterator.next();
    for (;;) {
      const next = await Promise.race([
        pending,
        new Promise<undefined>((resolve) => {
          wake = () => resolve(undefined);
          timer = setTimeout(resolve, periodMs, undefined);
        }),
      ]);
      clearTimeout(timer);
      if (signal.aborted) {
        // Nobody waits for it any more, but a rejection must not go unhandled.
        pending.catch(() => undefined);
        return;
      }
      if (next === undefined) {
        yield heartbeat(last);
      } else if (next.done === true) {
        return;
      } else {
        last = next.value;
        yield next.value;
        pending = iterator.next();
      }
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", aborted);
    // Not awaited: a source that sits in an await of its own settles only when its signal fires.
    iterator.return?.()?.then(undefined, () => undefined);
  }
}
