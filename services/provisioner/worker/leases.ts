/**
 * When a stream's leases run out. A lease holds for `leaseMs` from the moment a heartbeat that was answered was sent, by
 * this process's own monotonic clock: the server cannot have renewed it earlier, so it never ends later here than there.
 *
 * Answers come in the order of the heartbeats. A server may join several answers in one message and says nothing where
 * it renews nothing, so each lease has a queue of its own: every time it is named answers its oldest heartbeat.
 */

export interface Renewals {
  /** A heartbeat with these leases is sent now. */
  sent(keys: Iterable<string>, now: number): void;
  /**
   * The server renewed these. Answers with when the heartbeat of each was sent that this answers, and with the leases
   * that the same or an older heartbeat asked for in vain.
   */
  renewed(keys: readonly string[]): {
    readonly sentAt: ReadonlyMap<string, number>;
    readonly refused: readonly string[];
  };
  /** The task has ended. */
  forget(key: string): void;
  /** A new stream: answers to older heartbeats will not come. */
  reset(): void;
}

interface Asked {
  /** Number of the heartbeat. */
  readonly beat: number;
  readonly at: number;
}

export function createRenewals(): Renewals {
  const waiting = new Map<string, Asked[]>();
  let beats = 0;
  return {
    sent(keys, now) {
      beats += 1;
      for (const key of keys) {
        const asked = waiting.get(key);
        if (asked === undefined) waiting.set(key, [{ beat: beats, at: now }]);
        else asked.push({ beat: beats, at: now });
      }
    },
    renewed(keys) {
      const sentAt = new Map<string, number>();
      let answered = 0;
      for (const key of keys) {
        const asked = waiting.get(key)?.shift();
        if (asked === undefined) continue;
        sentAt.set(key, asked.at);
        answered = Math.max(answered, asked.beat);
      }
      const refused = [...waiting]
        .filter(([, asked]) => asked.length > 0 && asked[0]!.beat <= answered)
        .map(([key]) => key);
      return { sentAt, refused };
    },
    forget: (key) => void waiting.delete(key),
    reset: () => waiting.clear(),
  };
}
