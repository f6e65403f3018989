/** Seeded numbers for benchmarks: the same seed gives the same inputs on every machine. */

export interface Random {
  /** A whole number from `least` to `most`. */
  whole(least: number, most: number): number;
  /** True with this probability, 0 to 1. */
  chance(probability: number): boolean;
}

/** Mulberry32 (Tommy Ettinger, 2017): 32 bits of state, good enough for test inputs. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  return {
    whole: (least, most) => least + Math.floor(next() * (most - least + 1)),
    chance: (probability) => next() < probability,
  };
}
