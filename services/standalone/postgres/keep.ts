/**
 * Starts the database again where it has ended by itself: somebody killed it, the kernel took its memory, the disk was
 * full. Everything above waits meanwhile: requests are refused with a reason, jobs go on when it is back.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { LoomError } from "../../common/errors.js";
import type { RunningPostgres } from "./start.js";

export interface KeepOptions {
  /** Starts it on the same folder. */
  start(): Promise<RunningPostgres>;
  /** Told of every end and every new start. */
  tell(what: string): void;
  /** Starts within `windowMs` after which it is given up; what ends again and again helps nobody. */
  readonly most?: number;
  readonly windowMs?: number;
  /** Between two tries, and between two looks whether a full disk has room again. */
  readonly pauseMs?: number;
}

export interface KeptPostgres {
  /** Resolves with why it is given up. */
  readonly failed: Promise<string>;
  /** Ends it, and keeps it from being started again. */
  stop(): Promise<void>;
}

export function keepPostgres(first: RunningPostgres, options: KeepOptions): KeptPostgres {
  const { tell, most = 5, windowMs = 600_000, pauseMs = 2_000 } = options;
  const stopping = new AbortController();
  let running = first;
  const starts: number[] = [];
  let restarting: Promise<string | undefined> = Promise.resolve(undefined);

  /** Starts it until it runs. Throws where that is given up. */
  async function again(): Promise<RunningPostgres> {
    let said = "";
    for (;;) {
      const now = performance.now();
      while (starts.length > 0 && starts[0]! < now - windowMs) starts.shift();
      if (starts.length >= most)
        throw new LoomError("DATABASE_UNAVAILABLE", `it was started ${starts.length} times in a short while.`);
      try {
        const started = await options.start();
        starts.push(performance.now());
        return started;
      } catch (thrown) {
        const error = LoomError.from(thrown);
        // However long a full disk lasts: somebody makes room in the end. Everything else is counted.
        if (error.reason !== "DISK_FULL") starts.push(performance.now());
        if (error.message !== said) tell(`the database cannot be started: ${error.message}`);
        said = error.message;
        await sleep(pauseMs, undefined, { signal: stopping.signal });
      }
    }
  }

  /** Why it is given up; undefined where it runs again, or is not wanted any more. */
  async function restart(): Promise<string | undefined> {
    tell("the database has ended by itself and is started again; requests and jobs wait for it");
    try {
      running = await again();
    } catch (thrown) {
      if (stopping.signal.aborted) return undefined;
      return `The database has ended by itself and does not come back: ${LoomError.from(thrown).message} Its log is in postgres/log of the data folder. Nothing acknowledged is lost; start Loom again when the reason is gone.`;
    }
    if (stopping.signal.aborted) return undefined;
    // Everything above looks for it where it was.
    if (running.connection.host !== first.connection.host)
      return "The database has ended by itself and answers at another place now. Start Loom again.";
    tell("the database is back");
    return undefined;
  }

  async function keep(): Promise<string> {
    for (;;) {
      await running.ended;
      if (stopping.signal.aborted) return new Promise<never>(() => undefined);
      restarting = restart();
      const why = await restarting;
      if (why !== undefined) return why;
    }
  }

  return {
    failed: keep(),
    async stop() {
      stopping.abort();
      // One that was just being started is stopped as well.
      await restarting;
      await running.stop();
    },
  };
}
