/**
 * When a stream's leases run out. A lease holds for `leaseMs` from the moment its last heartbeat was sent, by this
 * process's own monotonic clock: the server cannot have renewed it earlier, so it never ends later here than there.
 */

export interface Renewals {
  /** A heartbeat with these leases is sent now. */
  sent(keys: readonly string[], now: number): void;
  /**
   * The server renewed these. Answers when the heartbeat that this answers was sent, and what it asked for in vain;
   * undefined where no heartbeat asked for them.
   */
  renewed(keys: readonly string[]): { readonly sentAt: number; readonly refused: readonly string[] } | undefined;
  /** A new stream: answers to older heartbeats will not come. */
  reset(): void;
}

export function createRenewals(): Renewals {
  let waiting: { readonly at: number; readonly keys: ReadonlySet<string> }[] = [];
  return {
    sent(keys, now) {
      waiting.push({ at: now, keys: new Set(keys) });
    },
    renewed(keys) {
      // Answers come in order; a heartbeat that was passed over will not be answered any more.
      const index = waiting.findIndex((heartbeat) => keys.every((key) => heartbeat.keys.has(key)));
      if (index < 0) return undefined;
      const heartbeat = waiting[index]!;
      waiting = waiting.slice(index + 1);
      const renewed = new Set(keys);
      return { sentAt: heartbeat.at, refused: [...heartbeat.keys].filter((key) => !renewed.has(key)) };
    },
    reset() {
      waiting = [];
    },
  };
}
