/**
 * How few nodes can carry every atom as often as it must be carried. This is weighted colouring of the conflicts, so
 * it is NP-hard in general; here it is decided by a clique bound from below, greedy covers from above, and an exact
 * search only where the two leave a gap around the number that was asked about. Pure.
 */
import { createSharing, type Budget, type Model } from "./model.js";

export interface Cover {
  /** True where `nodes` nodes can carry atom a at least `needs[a]` times, for all a. */
  fits(needs: readonly number[], nodes: number): boolean;
  /** True where that is certainly impossible; cheap. */
  isHopeless(needs: readonly number[], nodes: number): boolean;
}

export function createCover(model: Model, budget: Budget): Cover {
  const atomCount = model.atoms.length;
  const known = new Map<string, number>();
  const sharing = createSharing(model);

  /** Atoms of a clique never share a node, so their needs add up. Branch and bound over the atoms by need. */
  function cliqueExceeds(needs: readonly number[], limit: number): boolean {
    const order = [...needs.keys()].filter((atom) => needs[atom]! > 0).sort((a, b) => needs[b]! - needs[a]!);
    let tries = 0;
    const grow = (candidates: readonly number[], weight: number): boolean => {
      if (weight > limit) return true;
      let rest = candidates.reduce((sum, atom) => sum + needs[atom]!, 0);
      for (let index = 0; index < candidates.length; index += 1) {
        if (weight + rest <= limit || (tries += 1) > 2000) return false;
        const atom = candidates[index]!;
        budget.spend();
        if (grow(candidates.slice(index + 1).filter((other) => model.conflicts[atom]![other]), weight + needs[atom]!)) return true;
        rest -= needs[atom]!;
      }
      return false;
    };
    return grow(order, 0);
  }

  /** Fills nodes with the neediest atoms first, the same set as often as all of it is needed. Returns the nodes used. */
  function greedy(needs: readonly number[], rank: (atom: number, left: readonly number[]) => number): number {
    const left = [...needs];
    let nodes = 0;
    for (;;) {
      const order = [...left.keys()].filter((atom) => left[atom]! > 0).sort((a, b) => rank(b, left) - rank(a, left) || a - b);
      if (order.length === 0) return nodes;
      const members: number[] = [];
      for (const atom of order) if (sharing.add(atom)) members.push(atom);
      for (const _ of members) sharing.undo();
      if (members.length === 0) return Number.POSITIVE_INFINITY;
      const times = Math.min(...members.map((atom) => left[atom]!));
      for (const atom of members) left[atom]! -= times;
      nodes += times;
      budget.spend(order.length);
    }
  }

  const degree = model.conflicts.map((row) => row.filter(Boolean).length);
  const RANKS: readonly ((atom: number, left: readonly number[]) => number)[] = [
    (atom, left) => left[atom]!,
    (atom, left) => left[atom]! * (1 + degree[atom]!),
    (atom) => degree[atom]!,
  ];

  /** Exact: the neediest atom is on some node; every maximal set with it is tried, as often as it can be. */
  function search(needs: readonly number[], nodes: number): boolean {
    const total = needs.reduce((sum, need) => sum + need, 0);
    if (total === 0) return true;
    if (nodes <= 0 || cliqueExceeds(needs, nodes)) return false;
    const key = needs.join(",");
    const enough = known.get(key);
    if (enough !== undefined && nodes >= enough) return true;
    const tooFew = known.get(`!${key}`);
    if (tooFew !== undefined && nodes <= tooFew) return false;
    let first = -1;
    for (let atom = 0; atom < atomCount; atom += 1) if (needs[atom]! > 0 && (first === -1 || needs[atom]! > needs[first]!)) first = atom;
    const found = eachMaximalSet(first, needs, (members) => {
      const most = Math.min(...members.map((atom) => needs[atom]!), nodes);
      // As often as possible first; fewer times leaves parts of the set to be combined otherwise.
      for (let times = most; times >= 1; times = times > 8 ? Math.floor(times / 2) : times - 1) {
        const left = [...needs];
        for (const atom of members) left[atom]! -= times;
        if (search(left, nodes - times)) return true;
      }
      return false;
    });
    known.set(found ? key : `!${key}`, nodes);
    return found;
  }

  function eachMaximalSet(first: number, needs: readonly number[], visit: (members: readonly number[]) => boolean): boolean {
    const others = [...needs.keys()].filter((atom) => needs[atom]! > 0 && atom !== first);
    const local = createSharing(model);
    if (!local.add(first)) return false;
    const walk = (index: number, left: readonly number[]): boolean => {
      budget.spend();
      if (index === others.length) {
        // Maximal: nothing that was left out would fit.
        for (const atom of left) {
          if (local.add(atom)) {
            local.undo();
            return false;
          }
        }
        return visit([...local.members]);
      }
      const atom = others[index]!;
      if (local.add(atom)) {
        const found = walk(index + 1, left);
        local.undo();
        if (found) return true;
        return walk(index + 1, [...left, atom]);
      }
      return walk(index + 1, left);
    };
    return walk(0, []);
  }

  const isHopeless = (needs: readonly number[], nodes: number): boolean => {
    for (let atom = 0; atom < atomCount; atom += 1) {
      if (needs[atom]! > 0 && (needs[atom]! > nodes || model.unusable[atom])) return true;
    }
    return cliqueExceeds(needs, nodes);
  };

  return {
    isHopeless,
    fits(needs, nodes) {
      budget.spend();
      if (isHopeless(needs, nodes)) return false;
      return RANKS.some((rank) => greedy(needs, rank) <= nodes) || search(needs, nodes);
    },
  };
}
