/** Provisioners that wait for commands, and commands that wait for provisioners. */
import type { SessionOffer } from "./types.js";

export interface SessionHub {
  /** A provisioner waits. @returns what withdraws the offer */
  offer(offer: SessionOffer): () => void;
  /** The longest waiting offer that serves the provider (`servedBy`); undefined where the signal fires first. */
  take(provider: string, signal: AbortSignal): Promise<SessionOffer | undefined>;
}

interface Taker {
  readonly provider: string;
  readonly give: (offer: SessionOffer | undefined) => void;
}

export function createSessionHub(): SessionHub {
  const offers = new Set<SessionOffer>();
  const takers = new Set<Taker>();
  return {
    offer(offer) {
      for (const taker of takers) {
        if (!offer.serves.has(taker.provider)) continue;
        takers.delete(taker);
        taker.give(offer);
        return () => undefined;
      }
      offers.add(offer);
      return () => void offers.delete(offer);
    },
    take(provider, signal) {
      for (const offer of offers) {
        if (!offer.serves.has(provider)) continue;
        offers.delete(offer);
        return Promise.resolve(offer);
      }
      if (signal.aborted) return Promise.resolve(undefined);
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
