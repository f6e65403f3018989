/**
 * The lexicographically greatest count vector over the preference order (docs/architecture.md, "Layout").
 *
 * One node layout after the other is chosen and given the largest count that leaves the rest solvable. Whether the
 * rest can be solved may be asked without regard to the order: a solution that used more of an earlier layout would
 * contradict that its count was the largest. For the same reason the question is monotone in the count, which is found
 * by bisection. With sets closed under taking atoms away the rest is solvable exactly where the minima can be covered
 * by the nodes that are left, and the maxima are enough to leave no node empty. Pure.
 */
import { createCover } from "./cover.js";
import { createSharing, type Budget, type Model } from "./model.js";
import type { NodeGroup } from "./types.js";

/** The groups in preference order, or undefined where there is no solution. @throws BudgetExhausted */
export function search(model: Model, budget: Budget): NodeGroup[] | undefined {
  const { atoms } = model;
  const cover = createCover(model, budget);
  let nodes = model.size;
  let needs = atoms.map((atom) => atom.min);
  let room = atoms.map((atom) => atom.max);

  /** Can `left` nodes be filled within these bounds? */
  function isSolvable(left: number, least: readonly number[], most: readonly number[]): boolean {
    if (left < 0) return false;
    let capacity = 0;
    for (let atom = 0; atom < atoms.length; atom += 1) {
      if (most[atom]! < 0 || least[atom]! > most[atom]!) return false;
      if (!model.unusable[atom]) capacity += Math.min(most[atom]!, left);
    }
    if (model.everywhere.length === 0 && capacity < left) return false;
    return cover.fits(least, left);
  }

  const after = (members: readonly number[], times: number): [number, number[], number[]] => {
    const least = [...needs];
    const most = [...room];
    for (const atom of members) {
      least[atom] = Math.max(0, least[atom]! - times);
      most[atom]! -= times;
    }
    return [nodes - times, least, most];
  };

  /** The largest count that leaves the rest solvable; 1 is known to. */
  function largestCount(members: readonly number[]): number {
    let low = 1;
    let high = Math.min(nodes, ...members.map((atom) => room[atom]!));
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (isSolvable(...after(members, middle))) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  if (model.hardwareTypes.length === 0 || model.imageTypes.length === 0 || !isSolvable(nodes, needs, room)) return undefined;
  const groups: NodeGroup[] = [];
  while (nodes > 0) {
    const chosen = mostPreferred(model, budget, room, (members) => isSolvable(...after(members, 1)), (members, possible) => {
      // At best everything that may still come to this node comes to it.
      const least = needs.map((need, atom) => (need > 0 && (possible[atom] || members.includes(atom)) ? need - 1 : need));
      return !cover.isHopeless(least, nodes - 1);
    });
    if (chosen === undefined) return undefined;
    const count = largestCount(chosen.members);
    [nodes, needs, room] = after(chosen.members, count);
    groups.push({
      count, hardwareType: model.hardwareTypes[chosen.hardware]!, imageType: model.imageTypes[chosen.image]!,
      services: [...model.everywhere, ...chosen.members.flatMap((atom) => atoms[atom]!.services)].sort(),
    });
  }
  return groups;
}

interface Chosen {
  readonly members: readonly number[];
  readonly hardware: number;
  readonly image: number;
}

/**
 * The first node layout in preference order that can be used at least once: most services, then hardware and image
 * by name, then the services' names.
 *
 * @param isUsable asked of whole sets
 * @param mayBecome asked of parts of sets, with what may still be added; false ends that part of the search
 */
function mostPreferred(
  model: Model, budget: Budget, room: readonly number[],
  isUsable: (members: readonly number[]) => boolean, mayBecome: (members: readonly number[], possible: readonly boolean[]) => boolean,
): Chosen | undefined {
  const usable = model.atoms.map((_, atom) => room[atom]! > 0 && !model.unusable[atom]);
  const weight = (atom: number): number => model.atoms[atom]!.services.length;
  const largest = model.atoms.reduce((sum, _, atom) => sum + (usable[atom] ? weight(atom) : 0), 0);
  // The size is known to be right only when a set of it was found, so sizes are tried from the largest that could be.
  for (let size = upperSize(model, usable, largest); size >= (model.everywhere.length > 0 ? 0 : 1); size -= 1) {
    for (let hardware = 0; hardware < model.hardwareTypes.length; hardware += 1) {
      for (let image = 0; image < model.imageTypes.length; image += 1) {
        const fitting = model.atoms.map((atom, index) => usable[index]! && atom.hardware.has(hardware) && atom.images.has(image));
        const members = firstOfSize(model, budget, fitting, size, isUsable, mayBecome);
        if (members !== undefined) return { members, hardware, image };
      }
    }
  }
  return undefined;
}

/** No node can carry more services than this: of each greedy clique of conflicts only the heaviest atom. */
function upperSize(model: Model, usable: readonly boolean[], largest: number): number {
  const left = new Set(usable.flatMap((can, atom) => (can ? [atom] : [])));
  let bound = 0;
  for (const atom of left) {
    const clique = [atom];
    left.delete(atom);
    for (const other of left) if (clique.every((member) => model.conflicts[member]![other])) clique.push(other);
    for (const member of clique) left.delete(member);
    bound += Math.max(...clique.map((member) => model.atoms[member]!.services.length));
  }
  return Math.min(bound, largest);
}

/** The first set of this many services by name, depth first: with an atom before without it. */
function firstOfSize(
  model: Model, budget: Budget, fitting: readonly boolean[], size: number,
  isUsable: (members: readonly number[]) => boolean, mayBecome: (members: readonly number[], possible: readonly boolean[]) => boolean,
): readonly number[] | undefined {
  const sharing = createSharing(model);
  const order = fitting.flatMap((can, atom) => (can ? [atom] : []));
  const possible = [...fitting];

  /** Services that the atoms from `index` on can add at most. */
  function reach(index: number): number {
    const left = order.slice(index).filter((atom) => possible[atom]);
    let bound = 0;
    const taken = new Set<number>();
    for (const atom of left) {
      if (taken.has(atom)) continue;
      const clique = [atom];
      for (const other of left) if (!taken.has(other) && other > atom && clique.every((member) => model.conflicts[member]![other])) clique.push(other);
      for (const member of clique) taken.add(member);
      bound += Math.max(...clique.map((member) => model.atoms[member]!.services.length));
    }
    return bound;
  }

  const walk = (index: number, count: number): readonly number[] | undefined => {
    budget.spend();
    if (count > size || count + reach(index) < size || !mayBecome(sharing.members, possible)) return undefined;
    if (count === size) return isUsable(sharing.members) ? [...sharing.members] : undefined;
    const atom = order[index];
    if (atom === undefined) return undefined;
    const wasPossible = possible[atom]!;
    if (wasPossible && sharing.add(atom)) {
      // What conflicts with it cannot come any more.
      const ruledOut = order.slice(index + 1).filter((other) => possible[other] && model.conflicts[atom]![other]);
      for (const other of ruledOut) possible[other] = false;
      const found = walk(index + 1, count + model.atoms[atom]!.services.length);
      for (const other of ruledOut) possible[other] = true;
      sharing.undo();
      if (found !== undefined) return found;
    }
    possible[atom] = false;
    const found = walk(index + 1, count);
    possible[atom] = wasPossible;
    return found;
  };
  return walk(0, 0);
}
