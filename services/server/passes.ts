/** Something that is done now and then, one pass after the other. */

export interface Passes<T> {
  start(): void;
  /** Ends when the pass under way has. */
  stop(): Promise<void>;
  /** One pass, now. */
  pass(): Promise<T>;
}

export interface PassTiming {
  /** Milliseconds between the end of one pass and the next one. */
  readonly passMs: number;
  /** Milliseconds before the first one. */
  readonly firstMs: number;
}

/**
 * @param work of a pass, which looks now and then whether it is to stop
 * @param failed told of a pass that threw; the next one comes all the same
 */
export function createPasses<T>(
  timing: PassTiming,
  work: (isStopped: () => boolean) => Promise<T>,
  failed: (thrown: unknown) => void,
): Passes<T> {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  const pass = (): Promise<T> => work(() => isStopped);
  let running: Promise<unknown> = Promise.resolve();

  function schedule(ms: number): void {
    if (isStopped) return;
    timer = setTimeout(() => {
      running = pass()
        .catch(failed)
        .finally(() => schedule(timing.passMs));
    }, ms);
  }

  return {
    start: () => schedule(timing.firstMs),
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await running;
    },
    pass,
  };
}
