/** Layout problems, and the rules of layouts applied one by one: slow and plain, to hold the solver against. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { LayoutProblem, NodeGroup, NodeLayout, Quantity } from "../../services/server/layout/types.js";

const FREE: Quantity = { min: 1, max: Number.POSITIVE_INFINITY };

/** A problem without constraints, to be added to. */
export function problemOf(size: number, services: readonly string[], more: Partial<LayoutProblem> = {}): LayoutProblem {
  return {
    size,
    services,
    hardwareTypes: ["small"],
    imageTypes: ["debian"],
    mustCoexist: [],
    cantCoexist: [],
    quantities: {},
    hardwareOf: {},
    imagesOf: {},
    variantsOf: {},
    ...more,
  };
}

/** Node layouts by the rules as they are written down, every subset looked at; the preferred first. */
export function preferences(problem: LayoutProblem): NodeLayout[] {
  const { services, mustCoexist, cantCoexist } = problem;
  const isConstrained = (name: string): boolean =>
    [problem.quantities, problem.hardwareOf, problem.imagesOf, problem.variantsOf].some((of) => name in of) ||
    [...mustCoexist, ...cantCoexist].some((set) => set.includes(name));
  const bound = services.filter(isConstrained);
  const unbound = services.filter((name) => !isConstrained(name));
  const found: NodeLayout[] = [];
  for (let bits = unbound.length > 0 ? 0 : 1; bits < 1 << bound.length; bits += 1) {
    const subset = bound.filter((_, index) => (bits & (1 << index)) !== 0);
    const separate = cantCoexist.some((set) => set.length > 0 && set.every((name) => subset.includes(name)));
    const torn = mustCoexist.some((set) => {
      const present = set.filter((name) => services.includes(name));
      return present.some((name) => subset.includes(name)) && !present.every((name) => subset.includes(name));
    });
    if (separate || torn) continue;
    const all = [...subset, ...unbound].sort();
    const allows = (of: Readonly<Record<string, readonly string[]>>, value: string): boolean =>
      all.every((name) => of[name]?.includes(value) ?? true);
    const kinds = problem.hardwareTypes
      .flatMap((hardwareType) =>
        problem.imageTypes
          .filter(
            (imageType) =>
              allows(problem.hardwareOf, hardwareType) &&
              allows(problem.imagesOf, imageType) &&
              allows(problem.variantsOf, imageType),
          )
          .map((imageType) => ({ hardwareType, imageType, services: all })),
      )
      .sort(compare);
    if (kinds[0] !== undefined) found.push(kinds[0]);
  }
  return found.sort(compare);
}

function compare(a: NodeLayout, b: NodeLayout): number {
  if (a.services.length !== b.services.length) return b.services.length - a.services.length;
  for (const [one, other] of [
    [a.hardwareType, b.hardwareType],
    [a.imageType, b.imageType],
    ...a.services.map((name, index) => [name, b.services[index]!]),
  ]) {
    if (one !== other) return one! < other! ? -1 : 1;
  }
  return 0;
}

/** Tries every count vector in descending lexicographic order. */
export function bruteForce(problem: LayoutProblem): NodeGroup[] | undefined {
  const layouts = preferences(problem);
  const fixed = problem.fixed ?? [];
  const counts = new Map(
    problem.services.map((name) => [
      name,
      fixed.reduce((sum, group) => sum + (group.services.includes(name) ? group.count : 0), 0),
    ]),
  );
  const quantity = (name: string): Quantity => problem.quantities[name] ?? FREE;
  const vector: number[] = [];
  const walk = (index: number, left: number): boolean => {
    if ([...counts].some(([name, count]) => count > quantity(name).max)) return false;
    if (left === 0) return [...counts].every(([name, count]) => count >= quantity(name).min);
    const layout = layouts[index];
    if (layout === undefined) return false;
    for (let count = left; count >= 0; count -= 1) {
      for (const name of layout.services) counts.set(name, counts.get(name)! + count);
      vector[index] = count;
      if (walk(index + 1, left - count)) return true;
      vector[index] = 0;
      for (const name of layout.services) counts.set(name, counts.get(name)! - count);
    }
    return false;
  };
  const size = problem.size - fixed.reduce((sum, group) => sum + group.count, 0);
  if (size < 0 || !walk(0, size)) return undefined;
  return layouts.flatMap((layout, index) => ((vector[index] ?? 0) > 0 ? [{ count: vector[index]!, ...layout }] : []));
}

const NAMES = ["a", "b", "c", "d", "e"];

/** Small problems of every shape: sets that overlap, sets with services that are not there, lists that leave nothing. */
export const anyProblem: fc.Arbitrary<LayoutProblem> = fc
  .tuple(fc.integer({ min: 1, max: 5 }), fc.subarray(NAMES, { minLength: 1 }))
  .chain(([size, services]) => {
    const sets = (least: number, most: number, count: number): fc.Arbitrary<string[][]> =>
      fc.array(fc.subarray(NAMES, { minLength: least, maxLength: most }), { maxLength: count });
    const lists = (values: readonly string[]): fc.Arbitrary<Record<string, string[]>> =>
      fc
        .dictionary(fc.constantFrom(...services), fc.subarray([...values], { minLength: 1 }), { maxKeys: 3 })
        .map((record) => ({ ...record }));
    const bounds = fc
      .tuple(
        fc.integer({ min: 0, max: 3 }),
        fc.oneof(fc.integer({ min: 0, max: 4 }), fc.constant(Number.POSITIVE_INFINITY)),
      )
      .map(([min, more]) => ({ min, max: min + more }));
    return fc.record({
      size: fc.constant(size),
      services: fc.constant(services),
      hardwareTypes: fc.subarray(["large", "small"], { minLength: 1 }),
      imageTypes: fc.subarray(["centos", "debian"], { minLength: 1 }),
      mustCoexist: fc.oneof({ arbitrary: fc.constant([]), weight: 2 }, sets(1, 3, 2)),
      cantCoexist: sets(1, 4, 4),
      quantities: fc.dictionary(fc.constantFrom(...services), bounds).map((record) => ({ ...record })),
      hardwareOf: fc.oneof({ arbitrary: fc.constant({}), weight: 2 }, lists(["large", "small"])),
      imagesOf: fc.oneof({ arbitrary: fc.constant({}), weight: 2 }, lists(["centos", "debian"])),
      variantsOf: fc.oneof({ arbitrary: fc.constant({}), weight: 2 }, lists(["centos", "debian"])),
      fixed: fc.oneof(
        { arbitrary: fc.constant([]), weight: 3 },
        fc.array(
          fc.record({
            count: fc.integer({ min: 1, max: 2 }),
            hardwareType: fc.constant("small"),
            imageType: fc.constant("debian"),
            services: fc.subarray(services, { minLength: 1 }),
          }),
          { maxLength: 2 },
        ),
      ),
    });
  });

/** Problems with up to 20 services and 60 nodes, tight and loose. */
export const largeProblem: fc.Arbitrary<LayoutProblem> = fc
  .record({ size: fc.integer({ min: 1, max: 60 }), count: fc.integer({ min: 2, max: 20 }) })
  .chain(({ size, count }) => {
    const names = Array.from({ length: count }, (_, index) => `s${String(index).padStart(2, "0")}`);
    const bounds = fc
      .tuple(
        fc.integer({ min: 0, max: Math.ceil(size / 6) }),
        fc.oneof(fc.integer({ min: 0, max: size }), fc.constant(Number.POSITIVE_INFINITY)),
      )
      .map(([min, more]) => ({ min, max: min + more }));
    return fc.record({
      size: fc.constant(size),
      services: fc.constant(names),
      hardwareTypes: fc.constant(["large", "medium", "small"]),
      imageTypes: fc.constant(["debian"]),
      mustCoexist: fc.array(fc.subarray(names, { minLength: 1, maxLength: Math.min(3, count) }), { maxLength: 2 }),
      cantCoexist: fc.array(fc.subarray(names, { minLength: 2, maxLength: Math.min(4, count) }), {
        maxLength: count * 3,
      }),
      quantities: fc.dictionary(fc.constantFrom(...names), bounds).map((record) => ({ ...record })),
      hardwareOf: fc
        .dictionary(fc.constantFrom(...names), fc.subarray(["large", "medium", "small"], { minLength: 1 }))
        .map((record) => ({ ...record })),
      imagesOf: fc.constant({}),
      variantsOf: fc.constant({}),
    });
  });

export function checkLayout(problem: LayoutProblem, groups: readonly NodeGroup[]): void {
  assert.equal(
    groups.reduce((sum, { count }) => sum + count, 0),
    problem.size,
  );
  for (const name of problem.services) {
    const { min, max } = problem.quantities[name] ?? FREE;
    const count = groups.reduce((sum, group) => sum + (group.services.includes(name) ? group.count : 0), 0);
    assert.ok(count >= min && count <= max, `${name} is on ${count} nodes, not ${min} to ${max}`);
  }
  for (const [index, group] of groups.entries()) {
    const has = (name: string): boolean => group.services.includes(name);
    assert.ok(!problem.cantCoexist.some((set) => set.every(has)), "a set that must not be together is together");
    assert.ok(
      !problem.mustCoexist.some(
        (set) => set.some(has) && !set.filter((name) => problem.services.includes(name)).every(has),
      ),
      "a set that must be together is torn",
    );
    assert.ok(group.services.every((name) => problem.hardwareOf[name]?.includes(group.hardwareType) ?? true));
    assert.ok(index === 0 || compare(groups[index - 1]!, group) < 0, "the groups are not in preference order");
  }
}

/** Whether the constraints named, and no others, can all hold at once. */
export function isSolvableWith(problem: LayoutProblem, parts: readonly string[]): boolean {
  const keeps = (kind: string, services: readonly string[]): boolean =>
    parts.includes(JSON.stringify([kind, services]));
  const present = (set: readonly string[]): string[] =>
    [...new Set(set)].filter((name) => problem.services.includes(name));
  const only = (kind: string, of: Readonly<Record<string, readonly string[]>>): Record<string, readonly string[]> =>
    Object.fromEntries(Object.entries(of).filter(([name]) => keeps(kind, [name])));
  const relaxed: LayoutProblem = {
    ...problem,
    mustCoexist: problem.mustCoexist.filter((set) => keeps("mustCoexist", present(set))),
    cantCoexist: problem.cantCoexist.filter(
      (set) => set.every((name) => problem.services.includes(name)) && keeps("cantCoexist", present(set)),
    ),
    hardwareOf: only("hardware", problem.hardwareOf),
    imagesOf: only("image", problem.imagesOf),
    variantsOf: only("variant", problem.variantsOf),
    quantities: Object.fromEntries(
      problem.services.map((name) => {
        const { min, max } = problem.quantities[name] ?? FREE;
        return [
          name,
          { min: keeps("min", [name]) ? min : 0, max: keeps("max", [name]) ? max : Number.POSITIVE_INFINITY },
        ];
      }),
    ),
  };
  return canBeSolved(relaxed, !keeps("size", []));
}

/** Adds node after node, keeping every combination of counts that can come up; counts above what matters are the same. */
function canBeSolved(problem: LayoutProblem, anySize: boolean): boolean {
  const layouts = preferences(problem);
  const fixed = problem.fixed ?? [];
  const quantities = problem.services.map((name) => problem.quantities[name] ?? FREE);
  const caps = quantities.map(({ min, max }) => (max === Number.POSITIVE_INFINITY ? min : max + 1));
  const add = (counts: readonly number[], layout: { readonly services: readonly string[] }, times: number): number[] =>
    counts.map((count, index) =>
      Math.min(caps[index]!, count + (layout.services.includes(problem.services[index]!) ? times : 0)),
    );
  const fits = (counts: readonly number[]): boolean => counts.every((count, index) => count <= quantities[index]!.max);
  const isDone = (counts: readonly number[]): boolean =>
    counts.every((count, index) => count >= quantities[index]!.min);
  const start = fixed.reduce<number[]>(
    (counts, group) => add(counts, group, group.count),
    problem.services.map(() => 0),
  );
  let states = new Map(fits(start) ? [[start.join(), start]] : []);
  let size = fixed.reduce((sum, group) => sum + group.count, 0);
  const seen = new Set<string>();
  for (;;) {
    if ((anySize ? size > 0 : size === problem.size) && [...states.values()].some(isDone)) return true;
    if (!anySize && size >= problem.size) return false;
    const next = new Map(
      [...states.values()].flatMap((counts) =>
        layouts
          .map((layout) => add(counts, layout, 1))
          .filter(fits)
          .map((after): [string, number[]] => [after.join(), after]),
      ),
    );
    if (anySize && [...next.keys()].every((key) => seen.has(key))) return false;
    for (const key of next.keys()) seen.add(key);
    states = next;
    size += 1;
  }
}
