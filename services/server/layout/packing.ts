/**
 * What can be together on a node, without names: a layout problem reduced to items. An item is a service with
 * constraints, or several that must be together. Items are numbered in code point order of their first services, so
 * node layouts with equally many services compare by their lowest differing item.
 *
 * Every subset of items that can be together can be together too: all constraints left are of the kind "not all of
 * these on one node" or "a hardware type and an image type that all of these allow". The search relies on it.
 */

/** One choice that all items on a node must agree on: its hardware type, or its image type. */
export interface Axis {
  /** Values are 0 to count - 1, the preferred first. */
  readonly count: number;
  /** Per item the values it allows, ascending; undefined for all. */
  readonly allowed: readonly (readonly number[] | undefined)[];
}

export interface Packing {
  /** Number of items. */
  readonly count: number;
  /** Services in each item. */
  readonly sizes: readonly number[];
  /** Per item the items it is never with. */
  readonly apart: readonly (readonly number[])[];
  /** Sets of three and more items that are never all together. */
  readonly wide: readonly (readonly number[])[];
  readonly axes: readonly Axis[];
  /** Number of the clique of each item: items of one clique are pairwise apart. */
  readonly cliqueOf: readonly number[];
  readonly cliques: number;
}

/**
 * @param apart sets of two and more items that are never all together
 */
export function createPacking(
  sizes: readonly number[],
  apart: readonly (readonly number[])[],
  axes: readonly Axis[],
): Packing {
  const count = sizes.length;
  const pairs = new Set<number>();
  const addPair = (a: number, b: number): void => {
    pairs.add(Math.min(a, b) * count + Math.max(a, b));
  };
  for (const set of apart) if (set.length === 2) addPair(set[0]!, set[1]!);
  for (const { allowed } of axes) {
    for (let a = 0; a < count; a += 1) {
      for (let b = a + 1; b < count; b += 1) {
        const [first, second] = [allowed[a], allowed[b]];
        if (first !== undefined && second !== undefined && !first.some((value) => second.includes(value)))
          addPair(a, b);
      }
    }
  }
  const isApart = (a: number, b: number): boolean => pairs.has(Math.min(a, b) * count + Math.max(a, b));
  const neighbours = Array.from({ length: count }, (_, a) =>
    Array.from({ length: count }, (_, b) => b).filter((b) => isApart(a, b)),
  );
  const wide = apart.filter(
    (set) => set.length > 2 && !set.some((a, index) => set.slice(index + 1).some((b) => isApart(a, b))),
  );
  const cliqueOf = new Array<number>(count).fill(-1);
  const cliques: number[][] = [];
  // Items with most conflicts first: their cliques are the largest.
  for (const item of Array.from({ length: count }, (_, item) => item).sort(
    (a, b) => neighbours[b]!.length - neighbours[a]!.length || a - b,
  )) {
    let best = -1;
    for (const [index, clique] of cliques.entries()) {
      if (clique.every((other) => isApart(item, other)) && (best === -1 || clique.length > cliques[best]!.length))
        best = index;
    }
    if (best === -1) best = cliques.push([]) - 1;
    cliques[best]!.push(item);
    cliqueOf[item] = best;
  }
  return { count, sizes, apart: neighbours, wide, axes, cliqueOf, cliques: cliques.length };
}

/** Items on one node while they are chosen. Knows at any time which items could still come in. */
export class Chosen {
  readonly members: number[] = [];
  readonly #packing: Packing;
  /** Per item how many reasons keep it out; members count as not kept out. */
  readonly #blocked: Int32Array;
  readonly #wideOf: readonly (readonly number[])[];
  /** Per wide set how many members are chosen. */
  readonly #wideChosen: Int32Array;
  readonly #isMember: Uint8Array;
  /** Per axis and value how many members do not allow it. */
  readonly #refused: readonly Int32Array[];
  /** Per axis and item the values it does not allow; undefined for none. */
  readonly #refuses: readonly (readonly number[] | undefined)[][];

  constructor(packing: Packing) {
    this.#packing = packing;
    this.#blocked = new Int32Array(packing.count);
    this.#isMember = new Uint8Array(packing.count);
    this.#wideChosen = new Int32Array(packing.wide.length);
    const wideOf: number[][] = Array.from({ length: packing.count }, () => []);
    for (const [index, set] of packing.wide.entries()) for (const item of set) wideOf[item]!.push(index);
    this.#wideOf = wideOf;
    this.#refused = packing.axes.map((axis) => new Int32Array(axis.count));
    this.#refuses = packing.axes.map(({ count, allowed }) =>
      allowed.map((values) =>
        values === undefined
          ? undefined
          : Array.from({ length: count }, (_, value) => value).filter((value) => !values.includes(value)),
      ),
    );
  }

  has(item: number): boolean {
    return this.#isMember[item] === 1;
  }

  /** True where the item, which is no member, can join. */
  canAdd(item: number): boolean {
    if (this.#blocked[item] !== 0) return false;
    for (let axis = 0; axis < this.#refused.length; axis += 1) {
      const allowed = this.#packing.axes[axis]!.allowed[item];
      if (allowed === undefined) continue;
      const refused = this.#refused[axis]!;
      let isOpen = false;
      for (let index = 0; index < allowed.length; index += 1) {
        if (refused[allowed[index]!] === 0) {
          isOpen = true;
          break;
        }
      }
      if (!isOpen) return false;
    }
    return true;
  }

  /** Adds an item that can join. */
  add(item: number): void {
    this.members.push(item);
    this.#isMember[item] = 1;
    this.#change(item, 1);
  }

  /** Takes the item away that was added last. */
  drop(): void {
    const item = this.members.pop()!;
    this.#change(item, -1);
    this.#isMember[item] = 0;
  }

  #change(item: number, by: 1 | -1): void {
    for (const other of this.#packing.apart[item]!) this.#blocked[other]! += by;
    for (const index of this.#wideOf[item]!) {
      const set = this.#packing.wide[index]!;
      // With all but one chosen, the one is kept out.
      if (by === -1 && this.#wideChosen[index] === set.length - 1) this.#blockLast(set, -1);
      this.#wideChosen[index]! += by;
      if (by === 1 && this.#wideChosen[index] === set.length - 1) this.#blockLast(set, 1);
    }
    for (let axis = 0; axis < this.#refused.length; axis += 1) {
      const refuses = this.#refuses[axis]![item];
      if (refuses !== undefined) for (const value of refuses) this.#refused[axis]![value]! += by;
    }
  }

  #blockLast(set: readonly number[], by: 1 | -1): void {
    for (const item of set) {
      if (this.#isMember[item] === 0) {
        this.#blocked[item]! += by;
        return;
      }
    }
  }
}
