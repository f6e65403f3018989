/**
 * Wake-ups inside one process: "look again", never what to see. Whoever is woken reads the database; a wake-up that is
 * lost is made up for by the timer that every waiter also has.
 */
export interface Signals {
  /** Wakes everybody who subscribed to this topic. */
  notify(topic: string): void;
  /** From here on no wake-up of these topics is missed. */
  subscribe(topics: readonly string[]): Subscription;
}

export interface Subscription {
  /** Resolves when a topic was notified since the last `wait` returned, after `timeoutMs`, or when the signal fires. */
  wait(timeoutMs: number, signal?: AbortSignal): Promise<void>;
  close(): void;
}

/** Topic of everything that changes in a cluster: its jobs, tasks and nodes. */
export const clusterTopic = (cluster: bigint): string => `cluster/${cluster}`;
/** Topic of the log of any shard. */
export const LOG_TOPIC = "log";
/** Topic of new work for the job engine. */
export const JOBS_TOPIC = "jobs";
/** Topic of what scripts of a job print. */
export const logsTopic = (cluster: bigint, job: number): string => `logs/${cluster}/${job}`;

export function createSignals(): Signals {
  const subscribers = new Map<string, Set<() => void>>();
  return {
    notify(topic) {
      for (const wake of subscribers.get(topic) ?? []) wake();
    },
    subscribe(topics) {
      let notified = false;
      let resume: (() => void) | undefined;
      const wake = (): void => {
        notified = true;
        resume?.();
      };
      for (const topic of topics) {
        let wakes = subscribers.get(topic);
        if (wakes === undefined) subscribers.set(topic, (wakes = new Set()));
        wakes.add(wake);
      }
      return {
        wait(timeoutMs, signal) {
          return new Promise((resolve) => {
            const done = (): void => {
              clearTimeout(timer);
              signal?.removeEventListener("abort", done);
              resume = undefined;
              notified = false;
              resolve();
            };
            const timer = setTimeout(done, timeoutMs);
            if (notified || signal?.aborted === true) return done();
            resume = done;
            signal?.addEventListener("abort", done, { once: true });
          });
        },
        close() {
          for (const topic of topics) {
            const wakes = subscribers.get(topic);
            wakes?.delete(wake);
            if (wakes?.size === 0) subscribers.delete(topic);
          }
        },
      };
    },
  };
}
