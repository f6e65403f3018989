/**
 * Wake-ups inside one process: "look again", never what to see. Whoever is woken reads the database; a wake-up that is
 * lost is made up for by the timer that every waiter also has.
 */
export interface Signals {
  /** Wakes everybody who subscribed to this topic. */
  notify(topic: string): void;
  /** Calls `wake` at every notify of a topic, until the function it returns is called. */
  listen(topic: string, wake: () => void): () => void;
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
/** Topic of commands given to jobs of a cluster. */
export const controlTopic = (cluster: bigint): string => `control/${cluster}`;
/** Topic of the log of any shard. */
export const LOG_TOPIC = "log";
/** Topic of provisioners of other machines: invited, joined, revoked. */
export const PROVISIONERS_TOPIC = "provisioners";
/** Topic of new work for the job engine. */
export const JOBS_TOPIC = "jobs";
/** Topic of what scripts of a job print. */
export const logsTopic = (cluster: bigint, job: number): string => `logs/${cluster}/${job}`;

export function createSignals(): Signals {
  const listeners = new Map<string, Set<() => void>>();

  function listen(topic: string, wake: () => void): () => void {
    let wakes = listeners.get(topic);
    if (wakes === undefined) listeners.set(topic, (wakes = new Set()));
    const set = wakes;
    set.add(wake);
    return () => {
      set.delete(wake);
      if (set.size === 0 && listeners.get(topic) === set) listeners.delete(topic);
    };
  }

  return {
    listen,
    notify(topic) {
      for (const wake of listeners.get(topic) ?? []) wake();
    },
    subscribe(topics) {
      let notified = false;
      let resume: (() => void) | undefined;
      const wake = (): void => {
        notified = true;
        resume?.();
      };
      const ends = topics.map((topic) => listen(topic, wake));
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
          for (const end of ends) end();
        },
      };
    },
  };
}
