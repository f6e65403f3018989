/**
 * The lexicographically greatest count vector over the preference order (docs/architecture.md, "Layout").
 *
 * Node layouts are looked at once, in preference order, and each gets the largest count that leaves the rest solvable.
 * Whether the rest can be solved may be asked without regard to the order: a solution that used more of an earlier
 * layout would contradict that its count was the largest. For the same reason the question is monotone in the count,
 * which is found by bisection, and a node layout that could not be used once can never be used later.
 *
 * Node layouts are not listed. They are enumerated by services, depth first, and whole branches are left out that are
 * too small, or too cheap for a bound of cover.ts, or part of a set that was tried in vain. Pure.
 */
import type { Budget } from "./budget.js";
import { createCover } from "./cover.js";
import { hasSolution, isFeasible, spareRoom, wholeOf, type Rest } from "./feasible.js";
import type { Model } from "./model.js";
import { Chosen } from "./packing.js";
import type { NodeGroup } from "./types.js";

/** The groups in preference order, or undefined where there is no solution. @throws OutOfSteps */
export function search(model: Model, budget: Budget): NodeGroup[] | undefined {
  const { packing, items } = model;
  const cover = createCover(packing, budget);
  if (!hasSolution(model, cover)) return undefined;
  let rest = wholeOf(model);
  const groups: NodeGroup[] = [];
  const chosen = new Chosen(packing);
  /** Every usable set has an item of each of these: sets without one were tried in vain. */
  const hits: (readonly number[])[] = [];
  /** Bounds of the cover as they bind the next set: what it must be worth, above 0. */
  let prices: { readonly of: readonly number[]; readonly least: number }[] = [];
  let boundsSeen = 0;
  const largestItem = Math.max(1, ...packing.sizes);
  // Marks cliques while a sum over the heaviest of each is made.
  const heaviestOf = new Float64Array(packing.cliques);

  /** Looks at the bounds from `from` on. */
  function refreshPrices(from: number): void {
    if (from === 0) prices = [];
    for (const { prices: of, limit } of cover.bounds.slice(from)) {
      let worth = 0;
      for (let item = 0; item < of.length; item += 1) worth += of[item]! * rest.needs[item]!;
      const least = worth - (rest.nodes - 1) * limit;
      if (least > 0) prices.push({ of: of.map((price, item) => (rest.needs[item]! > 0 ? price : 0)), least });
    }
    boundsSeen = cover.bounds.length;
  }

  const after = (members: readonly number[], times: number): Rest => {
    const needs = [...rest.needs];
    const rooms = [...rest.rooms];
    for (const item of members) {
      needs[item] = Math.max(0, needs[item]! - times);
      rooms[item]! -= times;
    }
    return { nodes: rest.nodes - times, needs, rooms };
  };

  /** Uses the chosen set as often as it can be used, if at all. */
  function use(hardware: number, image: number): void {
    const { members } = chosen;
    if (!isFeasible(model, after(members, 1), cover)) {
      const hit = items.flatMap((_, item) => (rest.needs[item]! > 0 && !chosen.has(item) ? [item] : []));
      if (hit.length > 0) hits.push(hit);
      return;
    }
    let low = 1;
    let high = members.reduce((most, item) => Math.min(most, rest.rooms[item]!), rest.nodes);
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (isFeasible(model, after(members, middle), cover)) low = middle;
      else high = middle - 1;
    }
    rest = after(members, low);
    refreshPrices(0);
    groups.push({
      count: low,
      hardwareType: model.hardwareTypes[hardware]!,
      imageType: model.imageTypes[image]!,
      services: [...model.everywhere, ...members.flatMap((item) => items[item]!.services)].sort(),
    });
  }

  /** All sets of exactly `size` services that are best placed on this hardware and image, in order of names. */
  function eachOfSize(size: number, hardware: number, image: number): void {
    const candidates = items.flatMap((_, item) =>
      rest.rooms[item]! > 0 &&
      (packing.axes[0]!.allowed[item]?.includes(hardware) ?? true) &&
      (packing.axes[1]!.allowed[item]?.includes(image) ?? true)
        ? [item]
        : [],
    );
    // A better hardware type or image must be refused by some item of the set.
    const refusals: number[][] = [];
    for (const [axis, best] of [hardware, image].entries()) {
      for (let value = 0; value < best; value += 1) {
        refusals.push(candidates.filter((item) => packing.axes[axis]!.allowed[item]?.includes(value) === false));
      }
    }
    const isOpen = (item: number): boolean => rest.rooms[item]! > 0 && chosen.canAdd(item);

    /** False where no set with the chosen items and some of the candidates from `start` on can be used. */
    function canBecome(start: number, count: number): boolean {
      const places = spareRoom(model, rest) + 1 - chosen.members.length;
      if (places < 0 || places * largestItem < size - count || chosen.members.some((item) => rest.rooms[item] === 0))
        return false;
      const open: number[] = [];
      for (let index = start; index < candidates.length; index += 1)
        if (isOpen(candidates[index]!)) open.push(candidates[index]!);
      const most = (weights: readonly number[]): number => {
        heaviestOf.fill(0);
        let sum = 0;
        for (const item of open) {
          const clique = packing.cliqueOf[item]!;
          const more = weights[item]! - heaviestOf[clique]!;
          if (more <= 0) continue;
          sum += more;
          heaviestOf[clique] = weights[item]!;
        }
        return sum;
      };
      if (count + most(packing.sizes) < size) return false;
      if (cover.bounds.length > boundsSeen) refreshPrices(boundsSeen);
      for (const { of, least } of prices) {
        let worth = 0;
        for (const item of chosen.members) worth += of[item]!;
        if (worth < least && worth + most(of) < least) return false;
      }
      const meets = (hit: readonly number[]): boolean =>
        hit.some((item) => chosen.has(item)) || open.some((item) => hit.includes(item));
      return refusals.every(meets) && hits.every(meets);
    }

    const walk = (start: number, count: number): void => {
      for (let index = start; ; index += 1) {
        budget.spend(1 + ((hits.length + prices.length) >> 5));
        const isWhole = count === size;
        if (rest.nodes === 0 || !canBecome(isWhole ? candidates.length : index, count)) return;
        if (isWhole) {
          use(hardware, image);
          return;
        }
        while (
          index < candidates.length &&
          (count + packing.sizes[candidates[index]!]! > size || !isOpen(candidates[index]!))
        )
          index += 1;
        const item = candidates[index];
        if (item === undefined) return;
        chosen.add(item);
        walk(index + 1, count + packing.sizes[item]!);
        chosen.drop();
      }
    };
    walk(0, 0);
  }

  refreshPrices(0);
  for (let size = packing.sizes.reduce((sum, one) => sum + one, 0); size >= 0 && rest.nodes > 0; size -= 1) {
    if (size === 0 && model.everywhere.length === 0) break;
    for (let hardware = 0; hardware < model.hardwareTypes.length; hardware += 1) {
      for (let image = 0; image < model.imageTypes.length; image += 1) eachOfSize(size, hardware, image);
    }
  }
  if (rest.nodes > 0) throw new Error("the layout search ended with nodes left");
  return groups;
}
