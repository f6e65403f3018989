import assert from "node:assert/strict";
import fc from "fast-check";
import { solveLayout } from "./solve.js";
import type { LayoutProblem, LayoutResult, NodeGroup, NodeLayout, Quantity } from "./types.js";

const FREE: Quantity = { min: 1, max: Number.POSITIVE_INFINITY };

/** A problem without constraints, to be added to. */
function problemOf(size: number, services: readonly string[], more: Partial<LayoutProblem> = {}): LayoutProblem {
  return {
    size, services, hardwareTypes: ["small"], imageTypes: ["debian"], mustCoexist: [], cantCoexist: [], quantities: {}, hardwareOf: {}, imagesOf: {}, variantsOf: {}, ...more,
  };
}

/** `2 small debian: a b` for each group. */
function inWords(result: LayoutResult): string[] {
  assert.equal(result.outcome, "solved", JSON.stringify(result));
  return (result as Extract<LayoutResult, { outcome: "solved" }>).groups.map((group) => `${group.count} ${group.hardwareType} ${group.imageType}: ${group.services.join(" ")}`);
}

function conflictOf(problem: LayoutProblem): string[] {
  const result = solveLayout(problem);
  assert.equal(result.outcome, "unsatisfiable");
  return (result as Extract<LayoutResult, { outcome: "unsatisfiable" }>).conflict.map(({ text }) => text);
}

/** Node layouts by the rules as they are written down, every subset looked at; the preferred first. */
function preferences(problem: LayoutProblem): NodeLayout[] {
  const { services, mustCoexist, cantCoexist } = problem;
  const isConstrained = (name: string): boolean =>
    [problem.quantities, problem.hardwareOf, problem.imagesOf, problem.variantsOf].some((of) => name in of) || [...mustCoexist, ...cantCoexist].some((set) => set.includes(name));
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
    const allows = (of: Readonly<Record<string, readonly string[]>>, value: string): boolean => all.every((name) => of[name]?.includes(value) ?? true);
    const kinds = problem.hardwareTypes.flatMap((hardwareType) => problem.imageTypes
      .filter((imageType) => allows(problem.hardwareOf, hardwareType) && allows(problem.imagesOf, imageType) && allows(problem.variantsOf, imageType))
      .map((imageType) => ({ hardwareType, imageType, services: all }))).sort(compare);
    if (kinds[0] !== undefined) found.push(kinds[0]);
  }
  return found.sort(compare);
}

function compare(a: NodeLayout, b: NodeLayout): number {
  if (a.services.length !== b.services.length) return b.services.length - a.services.length;
  for (const [one, other] of [[a.hardwareType, b.hardwareType], [a.imageType, b.imageType], ...a.services.map((name, index) => [name, b.services[index]!])]) {
    if (one !== other) return one! < other! ? -1 : 1;
  }
  return 0;
}

/** Tries every count vector in descending lexicographic order. */
function bruteForce(problem: LayoutProblem): NodeGroup[] | undefined {
  const layouts = preferences(problem);
  const fixed = problem.fixed ?? [];
  const counts = new Map(problem.services.map((name) => [name, fixed.reduce((sum, group) => sum + (group.services.includes(name) ? group.count : 0), 0)]));
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
const anyProblem: fc.Arbitrary<LayoutProblem> = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.subarray(NAMES, { minLength: 1 })).chain(([size, services]) => {
  const sets = (least: number, most: number, count: number): fc.Arbitrary<string[][]> => fc.array(fc.subarray(NAMES, { minLength: least, maxLength: most }), { maxLength: count });
  const lists = (values: readonly string[]): fc.Arbitrary<Record<string, string[]>> =>
    fc.dictionary(fc.constantFrom(...services), fc.subarray([...values], { minLength: 1 }), { maxKeys: 3 }).map((record) => ({ ...record }));
  const bounds = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.oneof(fc.integer({ min: 0, max: 4 }), fc.constant(Number.POSITIVE_INFINITY))).map(([min, more]) => ({ min, max: min + more }));
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
    fixed: fc.oneof({ arbitrary: fc.constant([]), weight: 3 }, fc.array(
      fc.record({ count: fc.integer({ min: 1, max: 2 }), hardwareType: fc.constant("small"), imageType: fc.constant("debian"), services: fc.subarray(services, { minLength: 1 }) }), { maxLength: 2 })),
  });
});

/** Problems with up to 20 services and 60 nodes, tight and loose. */
const largeProblem: fc.Arbitrary<LayoutProblem> = fc.record({ size: fc.integer({ min: 1, max: 60 }), count: fc.integer({ min: 2, max: 20 }) }).chain(({ size, count }) => {
  const names = Array.from({ length: count }, (_, index) => `s${String(index).padStart(2, "0")}`);
  const bounds = fc.tuple(fc.integer({ min: 0, max: Math.ceil(size / 6) }), fc.oneof(fc.integer({ min: 0, max: size }), fc.constant(Number.POSITIVE_INFINITY))).map(([min, more]) => ({ min, max: min + more }));
  return fc.record({
    size: fc.constant(size),
    services: fc.constant(names),
    hardwareTypes: fc.constant(["large", "medium", "small"]),
    imageTypes: fc.constant(["debian"]),
    mustCoexist: fc.array(fc.subarray(names, { minLength: 1, maxLength: Math.min(3, count) }), { maxLength: 2 }),
    cantCoexist: fc.array(fc.subarray(names, { minLength: 2, maxLength: Math.min(4, count) }), { maxLength: count * 3 }),
    quantities: fc.dictionary(fc.constantFrom(...names), bounds).map((record) => ({ ...record })),
    hardwareOf: fc.dictionary(fc.constantFrom(...names), fc.subarray(["large", "medium", "small"], { minLength: 1 })).map((record) => ({ ...record })),
    imagesOf: fc.constant({}),
    variantsOf: fc.constant({}),
  });
});

function checkLayout(problem: LayoutProblem, groups: readonly NodeGroup[]): void {
  assert.equal(groups.reduce((sum, { count }) => sum + count, 0), problem.size);
  for (const name of problem.services) {
    const { min, max } = problem.quantities[name] ?? FREE;
    const count = groups.reduce((sum, group) => sum + (group.services.includes(name) ? group.count : 0), 0);
    assert.ok(count >= min && count <= max, `${name} is on ${count} nodes, not ${min} to ${max}`);
  }
  for (const [index, group] of groups.entries()) {
    const has = (name: string): boolean => group.services.includes(name);
    assert.ok(!problem.cantCoexist.some((set) => set.every(has)), "a set that must not be together is together");
    assert.ok(!problem.mustCoexist.some((set) => set.some(has) && !set.filter((name) => problem.services.includes(name)).every(has)), "a set that must be together is torn");
    assert.ok(group.services.every((name) => problem.hardwareOf[name]?.includes(group.hardwareType) ?? true));
    assert.ok(index === 0 || compare(groups[index - 1]!, group) < 0, "the groups are not in preference order");
  }
}

/** Whether the constraints named, and no others, can all hold at once. */
function isSolvableWith(problem: LayoutProblem, parts: readonly string[]): boolean {
  const keeps = (kind: string, services: readonly string[]): boolean => parts.includes(JSON.stringify([kind, services]));
  const present = (set: readonly string[]): string[] => [...new Set(set)].filter((name) => problem.services.includes(name));
  const only = (kind: string, of: Readonly<Record<string, readonly string[]>>): Record<string, readonly string[]> =>
    Object.fromEntries(Object.entries(of).filter(([name]) => keeps(kind, [name])));
  const relaxed: LayoutProblem = {
    ...problem,
    mustCoexist: problem.mustCoexist.filter((set) => keeps("mustCoexist", present(set))),
    cantCoexist: problem.cantCoexist.filter((set) => set.every((name) => problem.services.includes(name)) && keeps("cantCoexist", present(set))),
    hardwareOf: only("hardware", problem.hardwareOf),
    imagesOf: only("image", problem.imagesOf),
    variantsOf: only("variant", problem.variantsOf),
    quantities: Object.fromEntries(problem.services.map((name) => {
      const { min, max } = problem.quantities[name] ?? FREE;
      return [name, { min: keeps("min", [name]) ? min : 0, max: keeps("max", [name]) ? max : Number.POSITIVE_INFINITY }];
    })),
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
    counts.map((count, index) => Math.min(caps[index]!, count + (layout.services.includes(problem.services[index]!) ? times : 0)));
  const fits = (counts: readonly number[]): boolean => counts.every((count, index) => count <= quantities[index]!.max);
  const isDone = (counts: readonly number[]): boolean => counts.every((count, index) => count >= quantities[index]!.min);
  const start = fixed.reduce<number[]>((counts, group) => add(counts, group, group.count), problem.services.map(() => 0));
  let states = new Map(fits(start) ? [[start.join(), start]] : []);
  let size = fixed.reduce((sum, group) => sum + group.count, 0);
  const seen = new Set<string>();
  for (;;) {
    if ((anySize ? size > 0 : size === problem.size) && [...states.values()].some(isDone)) return true;
    if (!anySize && size >= problem.size) return false;
    const next = new Map([...states.values()].flatMap((counts) => layouts.map((layout) => add(counts, layout, 1)).filter(fits).map((after): [string, number[]] => [after.join(), after])));
    if (anySize && [...next.keys()].every((key) => seen.has(key))) return false;
    for (const key of next.keys()) seen.add(key);
    states = next;
    size += 1;
  }
}

describe("solveLayout", () => {
  it("finds the same layout as trying all of them", () => {
    let solved = 0;
    let unsolved = 0;
    fc.assert(fc.property(anyProblem, (problem) => {
      const expected = bruteForce(problem);
      const result = solveLayout(problem);
      if (expected === undefined) {
        unsolved += 1;
        assert.equal(result.outcome, "unsatisfiable");
      } else {
        solved += 1;
        assert.deepEqual(result.outcome === "solved" ? result.groups : result, expected);
      }
    }), { numRuns: 3000 });
    assert.ok(solved > 300 && unsolved > 300, `the inputs are one-sided: ${solved} with a layout, ${unsolved} without`);
  });

  it("satisfies every constraint, and gives the same answer again, where trying all of them would take too long", () => {
    let solved = 0;
    fc.assert(fc.property(largeProblem, (problem) => {
      const result = solveLayout(problem, { maxSteps: 300_000 });
      assert.deepEqual(solveLayout(structuredClone(problem), { maxSteps: 300_000 }), result);
      if (result.outcome !== "solved") return;
      solved += 1;
      checkLayout(problem, result.groups);
    }), { numRuns: 150 });
    assert.ok(solved > 30, `only ${solved} inputs have a layout`);
  });

  it("leaves out of a conflict whatever is not needed for it", () => {
    let unsolved = 0;
    fc.assert(fc.property(anyProblem, (problem) => {
      const result = solveLayout(problem);
      if (result.outcome !== "unsatisfiable") return;
      unsolved += 1;
      assert.ok(result.conflict.length > 0);
      // What is not named in the conflict can go, and each of those named can make it solvable by going too.
      const parts = result.conflict.map((words) => JSON.stringify([words.kind, words.services]));
      assert.equal(new Set(parts).size, parts.length);
      assert.equal(isSolvableWith(problem, parts), false, "the conflict alone can be solved");
      for (const part of parts) assert.equal(isSolvableWith(problem, parts.filter((other) => other !== part)), true, `not needed: ${part}`);
    }), { numRuns: 1500 });
    assert.ok(unsolved > 150, `only ${unsolved} inputs have no layout`);
  });

  it("puts services without constraints on every node", () => {
    assert.deepEqual(inWords(solveLayout(problemOf(3, ["b", "a"]))), ["3 small debian: a b"]);
    assert.deepEqual(inWords(solveLayout(problemOf(3, ["base", "m", "s"], { cantCoexist: [["m", "s"]], quantities: { m: { min: 1, max: 1 } } }))), [
      "1 small debian: base m", "2 small debian: base s",
    ]);
  });

  it("finds layouts that a greedy choice of the largest node layout misses", () => {
    const quantities = { a: { min: 1, max: 1 }, b: { min: 1, max: 1 } };
    assert.deepEqual(inWords(solveLayout(problemOf(2, ["a", "b"], { quantities }))), ["1 small debian: a", "1 small debian: b"]);
  });

  it("places every service unless its minimum is 0", () => {
    const cantCoexist = [["a", "b"]];
    assert.deepEqual(inWords(solveLayout(problemOf(3, ["a", "b"], { cantCoexist }))), ["2 small debian: a", "1 small debian: b"]);
    const quantities = { b: { min: 0, max: Number.POSITIVE_INFINITY } };
    assert.deepEqual(inWords(solveLayout(problemOf(3, ["a", "b"], { cantCoexist, quantities }))), ["3 small debian: a"]);
  });

  it("forbids only all members of a set together, and nothing where a member is not in the cluster", () => {
    const cantCoexist = [["a", "b", "c"]];
    assert.deepEqual(inWords(solveLayout(problemOf(3, ["a", "b", "c"], { cantCoexist }))), ["2 small debian: a b", "1 small debian: a c"]);
    assert.deepEqual(inWords(solveLayout(problemOf(3, ["a", "b"], { cantCoexist }))), ["3 small debian: a b"]);
  });

  it("takes only the members in the cluster of a set that must be together, over sets that overlap", () => {
    const quantities = { a: { min: 1, max: 1 } };
    assert.deepEqual(inWords(solveLayout(problemOf(2, ["a", "b", "c", "x"], { mustCoexist: [["a", "b", "gone"], ["b", "c"]], cantCoexist: [["x", "c"]], quantities }))), [
      "1 small debian: a b c", "1 small debian: x",
    ]);
  });

  it("chooses the first hardware and image by name that all services of a node allow", () => {
    const hardwareTypes = ["small", "large", "medium"];
    const problem = problemOf(3, ["db", "web"], {
      hardwareTypes, imageTypes: ["debian", "centos"], cantCoexist: [["db", "web"]], quantities: { db: { min: 1, max: 1 } }, hardwareOf: { web: ["medium", "small"] }, imagesOf: { db: ["debian"] },
      variantsOf: { web: ["debian", "centos"] },
    });
    assert.deepEqual(inWords(solveLayout(problem)), ["1 large debian: db", "2 medium centos: web"]);
  });

  it("prefers most services, then hardware, then image, then names", () => {
    const one = { min: 1, max: 1 };
    const problem = problemOf(4, ["a", "b", "c", "d"], {
      hardwareTypes: ["h1", "h2"], cantCoexist: [["a", "b"], ["a", "c"], ["a", "d"], ["b", "c"], ["b", "d"], ["c", "d"]], quantities: { a: one, b: one, c: one, d: one }, hardwareOf: { a: ["h2"], c: ["h2"] },
    });
    assert.deepEqual(inWords(solveLayout(problem)), ["1 h1 debian: b", "1 h1 debian: d", "1 h2 debian: a", "1 h2 debian: c"]);
  });

  it("keeps nodes that are there and solves for the rest", () => {
    const fixed = [{ count: 2, hardwareType: "large", imageType: "centos", services: ["web"] }];
    const quantities = { lb: { min: 1, max: 1 }, web: { min: 1, max: 3 } };
    assert.deepEqual(inWords(solveLayout(problemOf(4, ["lb", "web"], { cantCoexist: [["lb", "web"]], quantities, fixed }))), ["1 small debian: lb", "1 small debian: web"]);
    assert.deepEqual(conflictOf(problemOf(5, ["lb", "web"], { cantCoexist: [["lb", "web"]], quantities, fixed })), ['"lb" is on at most 1 node', '"web" is on at most 3 nodes', "the cluster has 5 nodes"]);
    assert.deepEqual(inWords(solveLayout(problemOf(2, ["web"], { fixed }))), []);
  });

  it("says in a sentence why there is no layout", () => {
    const problem = problemOf(3, ["a", "b", "c"], { hardwareTypes: ["large", "small"], cantCoexist: [["a", "b"]], quantities: { a: { min: 2, max: 2 }, b: { min: 2, max: 4 } }, hardwareOf: { c: ["large"] } });
    const result = solveLayout(problem);
    assert.deepEqual(result, {
      outcome: "unsatisfiable",
      conflict: [
        { kind: "cantCoexist", services: ["a", "b"], text: '"a" and "b" are never on the same node' },
        { kind: "min", services: ["a"], text: '"a" is on at least 2 nodes' },
        { kind: "min", services: ["b"], text: '"b" is on at least 2 nodes' },
        { kind: "size", services: [], text: "the cluster has 3 nodes" },
      ],
      sentence: 'No layout of 3 nodes is possible, because not all of these can hold: "a" and "b" are never on the same node; "a" is on at least 2 nodes; '
        + '"b" is on at least 2 nodes; the cluster has 3 nodes. Change any one of them.',
    });
    assert.deepEqual(conflictOf(problemOf(1, ["a"], { imageTypes: ["centos", "debian"], imagesOf: { a: ["centos"] }, variantsOf: { a: ["debian"] } })), [
      '"a" has actions only for image type "debian"', '"a" needs image type "centos"',
    ]);
  });

  it("decides where fractional nodes would do: the Grötzsch graph needs 4 nodes, 2.9 of which would be enough", () => {
    const names = Array.from({ length: 11 }, (_, index) => `s${String(index).padStart(2, "0")}`);
    const cantCoexist: string[][] = [];
    for (let vertex = 0; vertex < 5; vertex += 1) {
      const next = (vertex + 1) % 5;
      cantCoexist.push([names[vertex]!, names[next]!], [names[vertex]!, names[5 + next]!], [names[next]!, names[5 + vertex]!], [names[5 + vertex]!, names[10]!]);
    }
    assert.equal(solveLayout(problemOf(3, names, { cantCoexist })).outcome, "unsatisfiable");
    const result = solveLayout(problemOf(4, names, { cantCoexist }));
    assert.equal(result.outcome, "solved");
    checkLayout(problemOf(4, names, { cantCoexist }), (result as Extract<LayoutResult, { outcome: "solved" }>).groups);
  });

  it("gives up after the steps it may take, and says so", () => {
    const names = Array.from({ length: 30 }, (_, index) => `s${index}`);
    const cantCoexist = names.flatMap((name, index) => names.slice(index + 1).filter((_, other) => (index * 7 + other * 11) % 3 === 0).map((other) => [name, other]));
    const result = solveLayout(problemOf(40, names, { cantCoexist }), { maxSteps: 50 });
    assert.equal(result.outcome, "tooHard");
    assert.ok((result as Extract<LayoutResult, { outcome: "tooHard" }>).steps > 50);
  });
});

describe("solveLayout on templates that exist", () => {
  const exactlyOne = { min: 1, max: 1 };

  it("lays out a load balancer and web servers", () => {
    const quantities = { lb: exactlyOne };
    assert.deepEqual(inWords(solveLayout(problemOf(4, ["lb", "web"], { cantCoexist: [["lb", "web"]], quantities }))), ["1 small debian: lb", "3 small debian: web"]);
    assert.deepEqual(conflictOf(problemOf(1, ["lb", "web"], { cantCoexist: [["lb", "web"]], quantities })), [
      '"lb" and "web" are never on the same node', '"lb" is on at least 1 node', '"web" is on at least 1 node', "the cluster has 1 node",
    ]);
  });

  it("lays out a master, slaves and a node for the rest, as many as are wanted", () => {
    const masters = ["hbasemaster", "namenode", "resourcemanager"];
    const slaves = ["datanode", "nodemanager", "regionserver"];
    const quantities: Record<string, Quantity> = { reactor: { min: 1, max: 5 }, zookeeper: { min: 1, max: 5 }, datanode: { min: 1, max: 50 } };
    for (const name of masters) quantities[name] = exactlyOne;
    const problem = (size: number): LayoutProblem => problemOf(size, [...masters, ...slaves, "reactor", "zookeeper"], {
      mustCoexist: [masters, slaves, ["reactor", "zookeeper"]],
      cantCoexist: [["datanode", "namenode"], ["namenode", "zookeeper"], ["datanode", "zookeeper"]],
      quantities,
    });
    const counts = (size: number): number[] => (solveLayout(problem(size)) as Extract<LayoutResult, { outcome: "solved" }>).groups.map(({ count }) => count);
    assert.deepEqual(inWords(solveLayout(problem(5))), [
      "3 small debian: datanode nodemanager regionserver", "1 small debian: hbasemaster namenode resourcemanager", "1 small debian: reactor zookeeper",
    ]);
    assert.deepEqual(counts(10), [8, 1, 1]);
    assert.deepEqual(counts(54), [50, 1, 3]);
  });

  it("lays out hadoop", () => {
    const problem = (size: number): LayoutProblem => problemOf(size, ["firewall", "hosts", "namenode", "resourcemanager", "datanode", "nodemanager"], {
      mustCoexist: [["namenode", "resourcemanager"], ["datanode", "nodemanager"]], cantCoexist: [["namenode", "datanode"]],
      quantities: { namenode: exactlyOne, resourcemanager: exactlyOne, datanode: { min: 2, max: Number.POSITIVE_INFINITY } },
    });
    assert.deepEqual(inWords(solveLayout(problem(3))), ["2 small debian: datanode firewall hosts nodemanager", "1 small debian: firewall hosts namenode resourcemanager"]);
    assert.equal(solveLayout(problem(2)).outcome, "unsatisfiable");
  });

  it("lays out a web application with one database", () => {
    const problem = (size: number): LayoutProblem => problemOf(size, ["base", "php", "apache-httpd", "php-modules", "mysql-server"], { quantities: { "mysql-server": exactlyOne } });
    assert.deepEqual(inWords(solveLayout(problem(1))), ["1 small debian: apache-httpd base mysql-server php php-modules"]);
    assert.deepEqual(inWords(solveLayout(problem(4))), ["1 small debian: apache-httpd base mysql-server php php-modules", "3 small debian: apache-httpd base php php-modules"]);
  });

  it("does not separate what only a set of three forbids", () => {
    const problem = problemOf(5, ["dcos-master", "dcos-private-agent"], { cantCoexist: [["dcos-master", "dcos-private-agent", "dcos-public-agent"]], quantities: { "dcos-master": exactlyOne } });
    assert.deepEqual(inWords(solveLayout(problem)), ["1 small debian: dcos-master dcos-private-agent", "4 small debian: dcos-private-agent"]);
  });
});
