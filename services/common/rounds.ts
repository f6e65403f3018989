/** Work that many want done at about the same time, done once for all of them. */

/**
 * Runs the work, one at a time for each key. Who asks while it runs waits for the next time, together with all others who
 * do: what runs already may be too old for them. However slow the work is, no queue grows before it.
 *
 * @param work never rejects; of several that wait, the first one's
 */
export type Rounds<T> = (key: string, work: () => Promise<T>) => Promise<T>;

export function createRounds<T>(): Rounds<T> {
  const running = new Map<string, Promise<T>>();
  const next = new Map<string, Promise<T>>();

  function start(key: string, work: () => Promise<T>): Promise<T> {
    const round = work();
    running.set(key, round);
    // Where somebody waits, it is that one's turn, and nobody comes between.
    void round.then(() => next.has(key) || running.delete(key));
    return round;
  }

  return (key, work) => {
    const before = running.get(key);
    if (before === undefined) return start(key, work);
    const waiting = next.get(key);
    if (waiting !== undefined) return waiting;
    const round = before.then(() => {
      next.delete(key);
      return start(key, work);
    });
    next.set(key, round);
    return round;
  };
}
