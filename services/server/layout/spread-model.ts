/**
 * Services that come to nodes that are there, in the terms of the layout solver. Services that must be together are one
 * unit. Units that nothing keeps from one another need no thought; for the others each kind of node is an item of the
 * solver too, needed as often as there are such nodes, so that every node of a solution is one of those. Pure.
 */
import type { Budget } from "./budget.js";
import { ONCE_AT_LEAST, together, type Item, type Model } from "./model.js";
import { ownValue } from "./own-value.js";
import { createPacking } from "./packing.js";
import type { LayoutProblem, NodeGroup, Quantity } from "./types.js";

/** Services that come to the same nodes. */
export interface Unit extends Item {
  /** Indexes of the groups whose nodes may carry it, ascending. */
  readonly groups: readonly number[];
}

export interface SpreadModel {
  /** Units that are kept from no other unit, in the order in which they are placed. */
  readonly free: readonly Unit[];
  /** For the others; undefined where there are none. `hardwareTypes` are kinds of nodes, as indexes of `kinds`. */
  readonly model: Model | undefined;
  /** Groups that differ in nothing that matters to those units, as indexes. */
  readonly kinds: readonly (readonly number[])[];
  /** True where a unit has too few places whatever the others do. */
  readonly isHopeless: boolean;
}

export function quantityOf(problem: LayoutProblem, service: string): Quantity {
  return ownValue(problem.quantities, service) ?? ONCE_AT_LEAST;
}

/** True where some constraint keeps the service off these machines. */
function isBarred(problem: LayoutProblem, { hardwareType, imageType }: NodeGroup, service: string): boolean {
  const refuses = (table: LayoutProblem["hardwareOf"], type: string): boolean =>
    ownValue(table, service)?.includes(type) === false;
  return (
    refuses(problem.hardwareOf, hardwareType) ||
    refuses(problem.imagesOf, imageType) ||
    refuses(problem.variantsOf, imageType)
  );
}

/**
 * @param services those that come, in the order in which they are placed
 */
export function spreadModel(
  problem: LayoutProblem,
  present: readonly NodeGroup[],
  services: readonly string[],
  budget: Budget,
): SpreadModel {
  budget.spend((1 + problem.mustCoexist.length + problem.cantCoexist.length) * (present.length + services.length));
  const comes = new Set(services);
  const there = present.map((group) => new Set(group.services));
  const isThere = (name: string): boolean => there.some((names) => names.has(name));
  const rank = new Map(services.map((name, index) => [name, index]));
  const members = [...together(services, problem.mustCoexist)].sort(
    (a, b) => Math.min(...a.map((name) => rank.get(name)!)) - Math.min(...b.map((name) => rank.get(name)!)),
  );
  const unitOf = new Map(members.flatMap((names, unit) => names.map((name): [string, number] => [name, unit])));

  /** Per group the sets of units that cannot be on one of its nodes together. */
  const apart = present.map((_, group) =>
    problem.cantCoexist
      .filter((set) => set.some((name) => comes.has(name)))
      .map((set) => set.filter((name) => !there[group]!.has(name)))
      .filter((left) => left.every((name) => comes.has(name)))
      .map((left) => [...new Set(left.map((name) => unitOf.get(name)!))].sort((a, b) => a - b)),
  );
  const units = members.map((names, unit): Unit => {
    const anchors = new Set(
      problem.mustCoexist
        .filter((set) => set.some((name) => names.includes(name)))
        .flatMap((set) => set.filter(isThere)),
    );
    const allowed = present.flatMap((group, index) =>
      [...anchors].some((name) => !there[index]!.has(name)) ||
      names.some((name) => isBarred(problem, group, name)) ||
      apart[index]!.some((set) => set.length === 1 && set[0] === unit)
        ? []
        : [index],
    );
    const quantities = names.map((name) => quantityOf(problem, name));
    // Where one of the services that it must be with is, it is too.
    const bound = nodesOf(
      present,
      present.flatMap((_, index) => ([...anchors].some((name) => there[index]!.has(name)) ? [index] : [])),
    );
    return {
      services: names,
      groups: allowed,
      min: Math.max(bound, ...quantities.map(({ min }) => min)),
      max: Math.min(...quantities.map(({ max }) => max)),
    };
  });
  const isHopeless = units.some(({ min, max, groups }) => min > Math.min(max, nodesOf(present, groups)));

  const allows = (group: number, set: readonly number[]): boolean =>
    set.every((unit) => units[unit]!.groups.includes(group));
  const edges = apart.map((sets, group) => unique(sets.filter((set) => set.length > 1 && allows(group, set))));
  const bound = new Set(edges.flat(2));
  const free = units.filter((_, unit) => !bound.has(unit));
  const numbers = [...bound].sort((a, b) => a - b);
  const kinds = new Map<string, number[]>();
  for (const [group] of present.entries()) {
    const open = numbers.filter((unit) => allows(group, [unit]));
    if (open.length === 0) continue;
    const key = JSON.stringify([open, edges[group]!.map((set) => set.join()).sort()]);
    const alike = kinds.get(key);
    if (alike === undefined) kinds.set(key, [group]);
    else alike.push(group);
  }
  const groupsOf = [...kinds.values()];
  return {
    free,
    kinds: groupsOf,
    isHopeless,
    model:
      numbers.length === 0 || isHopeless
        ? undefined
        : solverModel(
            numbers.map((unit) => units[unit]!),
            groupsOf.map((groups) => ({
              count: nodesOf(present, groups),
              open: numbers.map((unit) => allows(groups[0]!, [unit])),
              apart: edges[groups[0]!]!.map((set) => set.map((unit) => numbers.indexOf(unit))),
            })),
          ),
  };
}

export function nodesOf(present: readonly NodeGroup[], groups: readonly number[]): number {
  return groups.reduce((sum, group) => sum + present[group]!.count, 0);
}

function unique(sets: readonly (readonly number[])[]): (readonly number[])[] {
  return [...new Map(sets.map((set) => [set.join(), set])).values()];
}

interface Kind {
  /** Nodes. */
  readonly count: number;
  /** Per unit whether these nodes may carry it. */
  readonly open: readonly boolean[];
  /** Sets of units that these nodes cannot carry together. */
  readonly apart: readonly (readonly number[])[];
}

function solverModel(units: readonly Unit[], kinds: readonly Kind[]): Model {
  const valuesOf = (unit: number): readonly number[] | undefined => {
    const values = kinds.flatMap(({ open }, kind) => (open[unit] ? [kind] : []));
    return values.length === kinds.length ? undefined : values;
  };
  const apart = unique(kinds.flatMap((kind) => kind.apart)).flatMap((set) => {
    const holds = kinds.map(({ apart: sets }) => sets.some((other) => other.join() === set.join()));
    const matters = kinds.map(({ open }) => set.every((unit) => open[unit]));
    // Where only some kinds of nodes keep them apart, the kind is one more that they cannot be together with.
    return kinds.every((_, kind) => holds[kind] || !matters[kind])
      ? [set]
      : kinds.flatMap((_, kind) => (holds[kind] ? [[...set, units.length + kind]] : []));
  });
  return {
    size: kinds.reduce((sum, { count }) => sum + count, 0),
    items: [...units, ...kinds.map(({ count }) => ({ services: [], min: count, max: count }))],
    packing: createPacking([...units.map(({ services }) => services.length), ...kinds.map(() => 1)], apart, [
      {
        count: kinds.length,
        allowed: [...units.map((_, unit) => valuesOf(unit)), ...kinds.map((_, kind) => [kind])],
      },
      { count: 1, allowed: [...units, ...kinds].map(() => undefined) },
    ]),
    everywhere: [],
    needsNode: false,
    hardwareTypes: kinds.map((_, kind) => String(kind)),
    imageTypes: [""],
  };
}
