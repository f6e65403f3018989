/** Provisioners that wait for commands, and commands that wait for provisioners. */
import type { SessionOffer } from "./types.js";

export interface SessionHub {
  /** A provisioner waits. @returns what withdraws the offer */
  offer(offer: SessionOffer): () => void;
  /** The longest waiting offer that serves the provider (`servedBy`); undefined where the signal fires first. */
  take(provider: string, signal: AbortSignal): Promise<SessionOffer | undefined>;
  /** Whoever took the offer has no use for it; it waits again, unless it was withdrawn meanwhile. */
  giveBack(offer: SessionOffer): void;
}

interface Taker {
  readonly provider: string;
  readonly give: (offer: SessionOffer | undefined) => void;
}

export function createSessionHub(): SessionHub {
  const offers = new Set<SessionOffer>();
  const takers = new Set<Taker>();
  const withdrawn = new WeakSet<SessionOffer>();

  function place(offer: SessionOffer): void {
    for (const taker of takers) {
      if (!offer.serves.has(taker.provider)) continue;
      takers.delete(taker);
      return taker.give(offer);
    }
    offers.add(offer);
  }

  return {
    offer(offer) {
      place(offer);
      return () => {
        withdrawn.add(offer);
        offers.delete(offer);
      };
    },
    giveBack(offer) {
      if (!withdrawn.has(offer)) place(offer);
    },
    take(provider, signal) {
      if (signal.aborted) return Promise.resolve(undefined);
      for (const offer of offers) {
        if (!offer.serves.has(provider)) continue;
        offers.delete(offer);
        return Promise.resolve(offer);
      }
      return new Promise((resolve) => {
        const stop = (): void => taker.give(undefined);
        const taker: Taker = {
          provider,
          give(offer) {
            signal.removeEventListener("abort", stop);
            takers.delete(taker);
            resolve(offer);
          },
        };
        signal.addEventListener("abort", stop, { once: true });
        takers.add(taker);
      });
    },
  };
}
