/** The heaviest set of items that can be together on a node: branch and bound. Pure. */
import type { Budget } from "./budget.js";
import { Chosen, type Packing } from "./packing.js";

export interface Weighted {
  readonly weight: number;
  readonly members: readonly number[];
}

/**
 * A set of greatest weight, or undefined where none weighs more than `floor`. Items with weight 0 or less are left out.
 * At most one item of a clique can be in the set, so the sum of the heaviest of each clique bounds it.
 */
export function heaviest(
  packing: Packing,
  weights: ArrayLike<number>,
  floor: number,
  budget: Budget,
): Weighted | undefined {
  const items: number[] = [];
  for (let item = 0; item < packing.count; item += 1) if (weights[item]! > 0) items.push(item);
  items.sort((a, b) => weights[b]! - weights[a]! || a - b);
  const chosen = new Chosen(packing);
  let best: Weighted | undefined;
  let least = floor;
  /** Marks cliques met while a bound is summed up. */
  const seen = new Int32Array(packing.cliques);
  let round = 0;

  function search(start: number, weight: number): void {
    budget.spend(1);
    if (weight > least) {
      least = weight;
      best = { weight, members: [...chosen.members] };
    }
    for (let index = start; index < items.length; index += 1) {
      const item = items[index]!;
      if (!chosen.canAdd(item)) continue;
      // Items come by weight, so the first of a clique is its heaviest.
      round += 1;
      let bound = weight;
      for (let later = index; later < items.length; later += 1) {
        const other = items[later]!;
        const clique = packing.cliqueOf[other]!;
        if (seen[clique] !== round && chosen.canAdd(other)) {
          seen[clique] = round;
          bound += weights[other]!;
          if (bound > least) break;
        }
      }
      if (bound <= least) return;
      chosen.add(item);
      search(index + 1, weight + weights[item]!);
      chosen.drop();
    }
  }

  search(0, 0);
  return best;
}
