/** Something that is done now and then, one pass after the other. */

export interface Passes {
  start(): void;
  /** Ends when the pass under way has. */
  stop(): Promise<void>;
}

export interface PassTiming {
  /** Milliseconds between the end of one pass and the next one. */
  readonly passMs: number;
  /** Milliseconds before the first one. */
  readonly firstMs: number;
}

/** @param failed told of a pass that threw; the next one comes all the same */
export function createPasses(
  timing: PassTiming,
  pass: () => Promise<unknown>,
  failed: (thrown: unknown) => void,
): Passes {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
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
  };
}
