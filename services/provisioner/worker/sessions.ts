/** Keeps a few streams waiting for commands, for as long as the provisioner runs. */
import { setMaxListeners } from "node:events";
import type { WorkerServiceClient } from "../../../gen/services/loom/internal/v1/worker.js";
import type { Provider } from "../providers/provider.js";
import type { ProvisionerClock, ProvisionerLog } from "./provisioner.js";
import { waitForCommand } from "./session.js";

export interface SessionsOptions {
  readonly name: string;
  readonly connect: () => WorkerServiceClient;
  readonly providers: readonly Provider[];
  readonly log: ProvisionerLog;
  readonly clock: ProvisionerClock;
}

export interface Sessions {
  /** Runs until {@link Sessions.stop}; never rejects. */
  run(): Promise<void>;
  /** Ends every command. */
  stop(): Promise<void>;
}

/** So many commands can start without waiting for another stream. */
const SPARE = 4;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

export function createSessions(options: SessionsOptions): Sessions {
  const { clock } = options;
  const stopped = new AbortController();
  const { signal } = stopped;
  // Every stream listens.
  setMaxListeners(0, signal);
  const running = new Set<Promise<void>>();
  let wake: () => void = () => {};

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (signal.aborted) wake();
    });
  }

  /** Streams over one connection, until one of them ends that waited. @returns whether the server was reached */
  async function connection(): Promise<boolean> {
    const client = options.connect();
    const session = { name: options.name, client, providers: options.providers, log: options.log };
    const own = new Set<Promise<void>>();
    let reached = false;
    let broken = false;
    let waiting = 0;
    let changed: () => void = () => {};
    const stop = (): void => changed();
    signal.addEventListener("abort", stop, { once: true });

    function wait(): void {
      let isWaiting = true;
      waiting += 1;
      const left = (): void => {
        if (isWaiting) waiting -= 1;
        isWaiting = false;
        changed();
      };
      const stream = waitForCommand(session, left, signal).then((answered) => {
        // One that waited in vain tells that there is no connection any more.
        broken ||= isWaiting;
        reached ||= answered;
        left();
        own.delete(stream);
        running.delete(stream);
      });
      own.add(stream);
      running.add(stream);
    }

    while (!signal.aborted && !broken) {
      while (waiting < SPARE) wait();
      await new Promise<void>((resolve) => (changed = resolve));
    }
    signal.removeEventListener("abort", stop);
    // Commands that run on it go on; others come over the next one.
    void Promise.all(own).then(() => client.close());
    return reached;
  }

  return {
    async run() {
      let ms = FIRST_PAUSE_MS;
      while (!signal.aborted) {
        const reached = await connection();
        if (signal.aborted) break;
        ms = reached ? FIRST_PAUSE_MS : Math.min(ms * 2, LONGEST_PAUSE_MS);
        await pause(ms * (0.5 + clock.random() / 2));
      }
    },
    async stop() {
      stopped.abort();
      wake();
      await Promise.all(running);
    },
  };
}
