/** Work that may take so long. */

/**
 * Runs the work with a signal that fires with `signal`, or once its time is over, with a TimeoutError as its reason.
 *
 * Not `AbortSignal.timeout`: where nothing but `AbortSignal.any` knows of such a signal, Node 20 collects it before it
 * fires, and whoever waits for it waits for ever.
 *
 * @param ms 0 or more
 */
export async function withTimeLimit<T>(
  ms: number,
  signal: AbortSignal | undefined,
  work: (limited: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new DOMException(`It took longer than ${ms} ms.`, "TimeoutError")), ms);
  try {
    return await work(signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]));
  } finally {
    clearTimeout(timer);
  }
}
