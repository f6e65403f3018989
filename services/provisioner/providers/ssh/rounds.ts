/** Work that many want done at about the same time, done once for all of them. */

/**
 * Runs the work, one at a time for each key. Who asks while it runs waits for the next time, together with all others who
 * do: what runs already may be too old for them.
 *
 * @param work never rejects
 */
export type Rounds<T> = (key: string, work: () => Promise<T>) => Promise<T>;

export function createRounds<T>(): Rounds<T> {
  const running = new Map<string, Promise<T>>();
  const next = new Map<string, Promise<T>>();

  function start(key: string, work: () => Promise<T>): Promise<T> {
    const round = work();
    running.set(key, round);
    void round.then(() => running.get(key) === round && running.delete(key));
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
