/**
 * A layout problem in the terms of the solver. Services that must be together become one item; services without any
 * constraint are on every node and need no thought. Pure.
 */
import { ownValue } from "./own-value.js";
import { createPacking, type Axis, type Packing } from "./packing.js";
import type { LayoutProblem, Quantity } from "./types.js";

/** Services that are always together, or one service. */
export interface Item {
  /** In code point order. */
  readonly services: readonly string[];
  /** How many of the nodes to lay out carry it; what the fixed nodes carry is counted off. */
  readonly min: number;
  readonly max: number;
}

export interface Model {
  /** Nodes to lay out, without the fixed ones; below 0 where there are too many of these. */
  readonly size: number;
  /** Constrained services, in order of their first names. */
  readonly items: readonly Item[];
  /** What can be together. Axis 0 is hardware, axis 1 the image. */
  readonly packing: Packing;
  /** Services without any constraint. */
  readonly everywhere: readonly string[];
  /** True where one of these is on no fixed node, so that there must be a new node. */
  readonly needsNode: boolean;
  /** Candidates in code point order. */
  readonly hardwareTypes: readonly string[];
  readonly imageTypes: readonly string[];
}

/** What holds for a service whose quantity is not given. */
export const ONCE_AT_LEAST: Quantity = { min: 1, max: Number.POSITIVE_INFINITY };

export function buildModel(problem: LayoutProblem): Model {
  const services = [...new Set(problem.services)].sort();
  const hardwareTypes = [...new Set(problem.hardwareTypes)].sort();
  const imageTypes = [...new Set(problem.imageTypes)].sort();
  const inSets = new Set([...problem.mustCoexist, ...problem.cantCoexist].flat());
  const isConstrained = (name: string): boolean =>
    inSets.has(name) ||
    [problem.quantities, problem.hardwareOf, problem.imagesOf, problem.variantsOf].some((of) =>
      Object.hasOwn(of, name),
    );
  const constrained = services.filter(isConstrained);
  const fixed = problem.fixed ?? [];
  const fixedNodes = (name: string): number =>
    fixed.reduce((sum, group) => sum + (group.services.includes(name) ? group.count : 0), 0);
  const groups = together(constrained, problem.mustCoexist);

  const axisOf = (candidates: readonly string[], lists: (name: string) => (readonly string[] | undefined)[]): Axis => ({
    count: candidates.length,
    allowed: groups.map((names) => {
      const bound = names.flatMap(lists).filter((list) => list !== undefined);
      const values = candidates.flatMap((candidate, value) =>
        bound.every((list) => list.includes(candidate)) ? [value] : [],
      );
      return values.length === candidates.length ? undefined : values;
    }),
  });
  const axes = [
    axisOf(hardwareTypes, (name) => [ownValue(problem.hardwareOf, name)]),
    axisOf(imageTypes, (name) => [ownValue(problem.imagesOf, name), ownValue(problem.variantsOf, name)]),
  ];

  const itemOf = new Map(groups.flatMap((names, item) => names.map((name): [string, number] => [name, item])));
  // A set with a member that is not in the cluster can never be violated.
  const apart = problem.cantCoexist
    .filter((set) => set.length > 0 && set.every((name) => itemOf.has(name)))
    .map((set) => [...new Set(set.map((name) => itemOf.get(name)!))].sort((a, b) => a - b));
  const isNowhere = groups.map(
    (_, item) =>
      axes.some(({ count, allowed }) => (allowed[item]?.length ?? count) === 0) ||
      apart.some((set) => set.length === 1 && set[0] === item),
  );

  const items = groups.map((names, item): Item => {
    const quantities = names.map((name) => {
      const { min, max } = ownValue(problem.quantities, name) ?? ONCE_AT_LEAST;
      return { min: Math.max(0, min - fixedNodes(name)), max: max - fixedNodes(name) };
    });
    const max = Math.min(...quantities.map((quantity) => quantity.max));
    return {
      services: names,
      min: Math.max(...quantities.map((quantity) => quantity.min)),
      max: isNowhere[item] ? Math.min(0, max) : max,
    };
  });
  const everywhere = services.filter((name) => !itemOf.has(name));
  return {
    size: problem.size - fixed.reduce((sum, group) => sum + group.count, 0),
    items,
    packing: createPacking(
      groups.map((names) => names.length),
      apart.filter((set) => set.length > 1),
      axes,
    ),
    everywhere,
    needsNode: everywhere.some((name) => fixedNodes(name) === 0),
    hardwareTypes,
    imageTypes,
  };
}

/** The services in groups that must be together: sets that overlap are one. Each group and their list in code point order. */
export function together(
  services: readonly string[],
  mustCoexist: readonly (readonly string[])[],
): readonly (readonly string[])[] {
  const groupOf = new Map(services.map((name) => [name, [name]]));
  for (const set of mustCoexist) {
    // mustCoexist speaks of the services that are in the cluster.
    const [first, ...rest] = set.filter((name) => groupOf.has(name));
    for (const name of rest) {
      const group = groupOf.get(first!)!;
      const other = groupOf.get(name)!;
      if (group === other) continue;
      group.push(...other);
      for (const member of other) groupOf.set(member, group);
    }
  }
  return [...new Set(groupOf.values())].map((group) => group.sort()).sort((a, b) => (a[0]! < b[0]! ? -1 : 1));
}
