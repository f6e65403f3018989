/**
 * How few nodes can carry every item as often as it is needed. This is weighted colouring of the conflicts, so it is
 * NP-hard in general; it is decided by prices that prove a lower bound, by covers found greedily or by rounding, and
 * by an exact search only where the two leave a gap around the number that was asked about. Pure.
 */
import type { Budget } from "./budget.js";
import { heaviest } from "./heaviest.js";
import { fractionalCover, type Fractional } from "./linear.js";
import { Chosen, type Packing } from "./packing.js";

/**
 * Prices of items such that no set that can be together is worth more than `limit`: needs worth more than
 * `nodes * limit` do not fit on `nodes` nodes. Whole numbers, so that sums are exact.
 */
export interface Bound {
  readonly prices: readonly number[];
  readonly limit: number;
}

export interface Cover {
  /** True where `nodes` nodes can carry each item as often as needed. Exact. */
  fits(needs: readonly number[], nodes: number): boolean;
  /** Bounds that were the reason of an answer so far; grows. */
  readonly bounds: readonly Bound[];
}

/** Prices are whole multiples of 1 / SCALE of a node. */
const SCALE = 1 << 20;

export function createCover(packing: Packing, budget: Budget): Cover {
  const bounds: Bound[] = [];
  /** Sets that were good in a fractional cover. */
  const sets: (readonly number[])[] = [];
  /** Per needs the most nodes they are known not to fit on. */
  const tooFew = new Map<string, number>();
  const chosen = new Chosen(packing);

  function exceeds({ prices, limit }: Bound, needs: readonly number[], nodes: number): boolean {
    let worth = 0;
    for (let item = 0; item < needs.length; item += 1) worth += prices[item]! * needs[item]!;
    return worth > nodes * limit;
  }

  /** Fills node after node, the item of highest rank first. Returns the nodes used, or more than `most`. */
  function greedy(needs: readonly number[], most: number, weighs: (item: number) => number): number {
    const left = [...needs];
    const order: number[] = [];
    for (let item = 0; item < left.length; item += 1) if (left[item]! > 0) order.push(item);
    let nodes = 0;
    while (order.length > 0 && nodes <= most) {
      budget.spend(1 + (order.length >> 2));
      order.sort((a, b) => left[b]! * weighs(b) - left[a]! * weighs(a) || a - b);
      let least = Number.POSITIVE_INFINITY;
      for (const item of order) {
        if (!chosen.canAdd(item)) continue;
        chosen.add(item);
        least = Math.min(least, left[item]!);
      }
      // Half of what is possible keeps the items in balance; the last ones go one by one.
      const times = Math.ceil(least / 2);
      while (chosen.members.length > 0) {
        left[chosen.members.at(-1)!]! -= times;
        chosen.drop();
      }
      nodes += times;
      for (let index = order.length - 1; index >= 0; index -= 1) if (left[order[index]!] === 0) order.splice(index, 1);
    }
    return nodes;
  }

  const isApart = (a: number, b: number): boolean => packing.apart[a]!.includes(b);
  /** Kept out of sets by more than pairs. */
  const isLoose = (item: number): boolean =>
    packing.wide.some((set) => set.includes(item)) || packing.axes.some(({ allowed }) => allowed[item] !== undefined);
  const flat = (): number => 1;
  const byConflicts = (item: number): number => 1 + packing.apart[item]!.length;
  const isCoveredGreedily = (needs: readonly number[], nodes: number): boolean =>
    greedy(needs, nodes, flat) <= nodes || greedy(needs, nodes, byConflicts) <= nodes;

  /** Adds the bound that the prices prove. */
  function prove({ prices }: Fractional): Bound {
    const whole = Array.from(prices, (price) => Math.floor(price * SCALE));
    const limit = heaviest(packing, whole, 0, budget)?.weight ?? 1;
    const bound = { prices: whole, limit };
    bounds.push(bound);
    return bound;
  }

  /** An answer without search, or what the parts of a fractional cover leave over when rounded down. */
  function decide(
    needs: readonly number[],
    nodes: number,
  ): boolean | { readonly needs: readonly number[]; readonly nodes: number } {
    let total = 0;
    for (let item = 0; item < needs.length; item += 1) {
      if (needs[item]! > nodes) return false;
      total += needs[item]!;
    }
    if (total <= nodes) return true;
    if (bounds.some((bound) => exceeds(bound, needs, nodes))) return false;
    if (isCoveredGreedily(needs, nodes)) return true;
    const fractional = fractionalCover(packing, needs, sets, budget);
    const bound = prove(fractional);
    if (exceeds(bound, needs, nodes)) return false;
    bounds.pop();
    const left = [...needs];
    let rest = nodes;
    for (const { members, amount } of fractional.parts) {
      const times = Math.floor(amount + 1e-6);
      rest -= times;
      for (const item of members) left[item] = Math.max(0, left[item]! - times);
    }
    return isCoveredGreedily(left, rest) ? true : { needs: left, nodes: rest };
  }

  function fits(needs: readonly number[], nodes: number): boolean {
    budget.spend(1 + (bounds.length >> 5));
    const decided = decide(needs, nodes);
    if (typeof decided === "boolean") return decided;
    const key = needs.join();
    if ((tooFew.get(key) ?? -1) >= nodes) return false;
    const rounded = decided.nodes < nodes && decided.nodes > 0 && fits(decided.needs, decided.nodes);
    if (rounded || search(needs, nodes)) return true;
    tooFew.set(key, nodes);
    return false;
  }

  /** Some node carries the item hardest to place: with it one of the largest sets that hold it. Each is tried. */
  function search(needs: readonly number[], nodes: number): boolean {
    let hardest = -1;
    for (let item = 0; item < needs.length; item += 1) {
      if (
        needs[item]! > 0 &&
        (hardest === -1 || needs[item]! * byConflicts(item) > needs[hardest]! * byConflicts(hardest))
      )
        hardest = item;
    }
    const worth = (members: readonly number[]): number =>
      members.reduce((sum, item) => sum + needs[item]! * byConflicts(item), 0);
    return maximalSets(hardest, needs)
      .map((members) => ({ members, worth: worth(members) }))
      .sort((a, b) => b.worth - a.worth)
      .some(({ members }) => {
        const left = [...needs];
        for (const item of members) left[item]! -= 1;
        return fits(left, nodes - 1);
      });
  }

  /** Every set of needed items with this one that no further needed item can join. */
  function maximalSets(first: number, needs: readonly number[]): (readonly number[])[] {
    const found: (readonly number[])[] = [];
    const others: number[] = [];
    const picked = new Chosen(packing);
    picked.add(first);
    for (let item = 0; item < needs.length; item += 1)
      if (item !== first && needs[item]! > 0 && picked.canAdd(item)) others.push(item);
    const walk = (index: number): void => {
      budget.spend(1);
      let next = index;
      while (next < others.length && !picked.canAdd(others[next]!)) next += 1;
      const item = others[next];
      if (item === undefined) {
        if (others.every((other) => picked.has(other) || !picked.canAdd(other))) found.push([...picked.members]);
        return;
      }
      picked.add(item);
      walk(next + 1);
      picked.drop();
      // Left out, it must be kept out by an item that comes later, or the set is not one of the largest.
      if (isLoose(item) || others.some((other, at) => at > next && isApart(item, other) && picked.canAdd(other)))
        walk(next + 1);
    };
    walk(0);
    return found;
  }

  return { fits, bounds };
}
