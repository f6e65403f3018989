/**
 * A layout problem in the terms of the solver. Services that must share their nodes become one atom, so what may stand
 * on one node is a family of sets of atoms that is closed under taking atoms away: cantCoexist forbids supersets, and
 * fewer services leave more hardware and images to choose from. The search rests on that. Pure.
 */
import type { LayoutProblem, Quantity } from "./types.js";

/** Services that are always together. */
export interface Atom {
  /** In code point order. */
  readonly services: readonly string[];
  readonly min: number;
  readonly max: number;
  /** Indexes into the model's hardware and image lists that every service of the atom accepts. */
  readonly hardware: ReadonlySet<number>;
  readonly images: ReadonlySet<number>;
}

export interface Model {
  /** Nodes to lay out, without the fixed ones. */
  readonly size: number;
  /** Constrained services, in order of their first names. */
  readonly atoms: readonly Atom[];
  /** Services without any constraint: they are on every node. */
  readonly everywhere: readonly string[];
  /** Candidates in code point order. */
  readonly hardwareTypes: readonly string[];
  readonly imageTypes: readonly string[];
  /** conflicts[a][b]: the two atoms cannot share a node, whatever else is on it. */
  readonly conflicts: readonly (readonly boolean[])[];
  /** Sets of three or more atoms that cannot all share a node. */
  readonly largeConflicts: readonly (readonly number[])[];
  /** Atoms that can be on no node at all. */
  readonly unusable: readonly boolean[];
}

const FREE: Quantity = { min: 1, max: Number.POSITIVE_INFINITY };

export function buildModel(problem: LayoutProblem): Model {
  const services = [...new Set(problem.services)].sort();
  const present = new Set(services);
  const hardwareTypes = [...new Set(problem.hardwareTypes)].sort();
  const imageTypes = [...new Set(problem.imageTypes)].sort();
  const constrained = new Set(
    services.filter((name) =>
      problem.quantities[name] !== undefined || problem.hardwareOf[name] !== undefined || problem.imagesOf[name] !== undefined || problem.variantsOf[name] !== undefined
      || [...problem.mustCoexist, ...problem.cantCoexist].some((set) => set.includes(name))));

  // mustCoexist speaks of the services that are in the cluster, and is transitive where its sets overlap.
  const leader = new Map([...constrained].map((name) => [name, name]));
  const find = (name: string): string => (leader.get(name) === name ? name : find(leader.get(name)!));
  for (const set of problem.mustCoexist) {
    const [first, ...rest] = set.filter((name) => present.has(name)).sort();
    for (const other of rest) {
      const [a, b] = [find(first!), find(other)].sort();
      leader.set(b!, a!);
    }
  }
  const groups = new Map<string, string[]>();
  for (const name of [...constrained].sort()) {
    const group = groups.get(find(name));
    if (group === undefined) groups.set(find(name), [name]);
    else group.push(name);
  }
  const fixedCount = (name: string): number => (problem.fixed ?? []).reduce((sum, group) => sum + (group.services.includes(name) ? group.count : 0), 0);
  const allowed = (candidates: readonly string[], lists: readonly (readonly string[] | undefined)[]): Set<number> =>
    new Set(candidates.flatMap((name, index) => (lists.every((list) => list === undefined || list.includes(name)) ? [index] : [])));

  const atoms = [...groups.values()].sort((a, b) => (a[0]! < b[0]! ? -1 : 1)).map((names): Atom => {
    const quantities = names.map((name) => {
      const { min, max } = problem.quantities[name] ?? FREE;
      return { min: Math.max(0, min - fixedCount(name)), max: max - fixedCount(name) };
    });
    return {
      services: names,
      min: Math.max(...quantities.map(({ min }) => min)),
      max: Math.min(...quantities.map(({ max }) => max)),
      hardware: allowed(hardwareTypes, names.map((name) => problem.hardwareOf[name])),
      images: allowed(imageTypes, names.flatMap((name) => [problem.imagesOf[name], problem.variantsOf[name]])),
    };
  });

  const atomOf = new Map(atoms.flatMap((atom, index) => atom.services.map((name): [string, number] => [name, index])));
  const unusable = atoms.map((atom) => atom.hardware.size === 0 || atom.images.size === 0);
  const conflicts = atoms.map((a) => atoms.map((b) => a !== b && (isDisjoint(a.hardware, b.hardware) || isDisjoint(a.images, b.images))));
  const largeConflicts: number[][] = [];
  for (const set of problem.cantCoexist) {
    // A set with a member that is not in the cluster can never be violated.
    if (set.length === 0 || !set.every((name) => present.has(name))) continue;
    const members = [...new Set(set.map((name) => atomOf.get(name)!))].sort((a, b) => a - b);
    if (members.length === 1) unusable[members[0]!] = true;
    else if (members.length === 2) conflicts[members[0]!]![members[1]!] = conflicts[members[1]!]![members[0]!] = true;
    else largeConflicts.push(members);
  }
  const fixed = (problem.fixed ?? []).reduce((sum, group) => sum + group.count, 0);
  return {
    size: problem.size - fixed, atoms, everywhere: services.filter((name) => !constrained.has(name)), hardwareTypes, imageTypes, conflicts, largeConflicts, unusable,
  };
}

function isDisjoint(a: ReadonlySet<number>, b: ReadonlySet<number>): boolean {
  for (const item of a) if (b.has(item)) return false;
  return true;
}

/** Counts steps of a search and ends it when there were too many. */
export class Budget {
  steps = 0;
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  /** @throws BudgetExhausted */
  spend(steps = 1): void {
    this.steps += steps;
    if (this.steps > this.#most) throw new BudgetExhausted();
  }
}

export class BudgetExhausted extends Error {}

/** What may still stand on a node that some atoms are on already. */
export interface Sharing {
  /** Adds an atom; false, and nothing added, where it cannot be there. */
  add(atom: number): boolean;
  /** Takes the atom added last away. */
  undo(): void;
  readonly members: readonly number[];
}

/** A node to put atoms on one by one. Sets of hardware and images are kept by count of the atoms that refuse them. */
export function createSharing(model: Model): Sharing {
  const members: number[] = [];
  const refusedHardware = new Int32Array(model.hardwareTypes.length);
  const refusedImages = new Int32Array(model.imageTypes.length);
  const blocked = new Int32Array(model.atoms.length);
  const inLarge = model.largeConflicts.map(() => 0);
  const largeOf: number[][] = model.atoms.map((_, atom) => model.largeConflicts.flatMap((set, index) => (set.includes(atom) ? [index] : [])));

  function refuse(atom: number, change: 1 | -1): void {
    const { hardware, images } = model.atoms[atom]!;
    for (let index = 0; index < refusedHardware.length; index += 1) if (!hardware.has(index)) refusedHardware[index]! += change;
    for (let index = 0; index < refusedImages.length; index += 1) if (!images.has(index)) refusedImages[index]! += change;
    const row = model.conflicts[atom]!;
    for (let other = 0; other < row.length; other += 1) if (row[other]) blocked[other]! += change;
    for (const index of largeOf[atom]!) inLarge[index]! += change;
  }

  return {
    members,
    add(atom) {
      if (model.unusable[atom] || blocked[atom]! > 0) return false;
      for (const index of largeOf[atom]!) if (inLarge[index] === model.largeConflicts[index]!.length - 1) return false;
      refuse(atom, 1);
      if (!refusedHardware.includes(0) || !refusedImages.includes(0)) {
        refuse(atom, -1);
        return false;
      }
      members.push(atom);
      return true;
    },
    undo() {
      refuse(members.pop()!, -1);
    },
  };
}
