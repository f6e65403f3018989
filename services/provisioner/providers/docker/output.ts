/** Reading what a command prints, no faster than it is taken. */
import type { Readable } from "node:stream";

/** Bytes that are kept of a command that has ended: more than the daemon and the sockets on the way keep. */
const MOST_BYTES = 4_194_304;

export interface OutputReader {
  /** Milliseconds since something came last; 0 while something is held back on the way. */
  silentMs(): number;
  /** Whether output waits to be taken. */
  isHeld(): boolean;
  /**
   * The command has ended. What is on the way is read at once from here on and kept until it is taken: the daemon throws
   * away what nobody has read two seconds after the end.
   */
  commandEnded(): void;
  /** Fulfilled when all that was read is taken. */
  taken(): Promise<void>;
  /** Nobody takes anything any more. */
  drop(): void;
}

/**
 * Hands on what comes, in order.
 *
 * @param take where it answers with a promise, nothing more is given before that is fulfilled
 */
export function readOutput(
  stream: Readable,
  take: (chunk: Buffer) => Promise<unknown> | undefined,
  mostBytes: number = MOST_BYTES,
): OutputReader {
  let kept: Buffer[] = [];
  let bytes = 0;
  let last = performance.now();
  let isHeld = false;
  let hasEnded = false;
  let isDropped = false;
  let waiting: (() => void)[] = [];

  function flow(): void {
    const isFull = isHeld && (!hasEnded || bytes > mostBytes);
    if (isFull) stream.pause();
    else if (stream.isPaused()) {
      last = performance.now();
      stream.resume();
    }
  }

  function hand(): void {
    while (!isHeld) {
      const chunk = kept.shift();
      if (chunk === undefined) break;
      bytes -= chunk.length;
      const wait = isDropped ? undefined : take(chunk);
      if (wait === undefined) continue;
      isHeld = true;
      void wait.then(() => {
        isHeld = false;
        hand();
      });
    }
    flow();
    if (isHeld) return;
    for (const done of waiting) done();
    waiting = [];
  }

  stream.on("data", (chunk: Buffer) => {
    last = performance.now();
    kept.push(chunk);
    bytes += chunk.length;
    hand();
  });

  return {
    silentMs: () => (stream.isPaused() ? 0 : performance.now() - last),
    isHeld: () => isHeld,
    commandEnded() {
      hasEnded = true;
      flow();
    },
    taken: () => (isHeld && !isDropped ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve()),
    drop() {
      isDropped = true;
      isHeld = false;
      kept = [];
      bytes = 0;
      hand();
    },
  };
}
