import assert from "node:assert/strict";
import fc from "fast-check";
import { spreadServices, type SpreadResult } from "./spread.js";
import type { LayoutProblem, NodeGroup } from "./types.js";

const PRESENT = ["a", "b"];
const NEW = ["x", "y", "z"];

function problemOf(more: Partial<LayoutProblem>, services: readonly string[]): LayoutProblem {
  return {
    size: 0,
    services,
    hardwareTypes: ["large", "small"],
    imageTypes: ["debian"],
    quantities: {},
    hardwareOf: {},
    imagesOf: {},
    variantsOf: {},
    mustCoexist: [],
    cantCoexist: [],
    ...more,
  };
}
const group = (count: number, services: readonly string[], hardwareType = "small"): NodeGroup => ({
  count,
  hardwareType,
  imageType: "debian",
  services,
});

/** Nodes one by one: the group each comes from, and all its services. */
type Spread = readonly { readonly from: number; readonly services: readonly string[] }[];

function nodesOf(result: SpreadResult, present: readonly NodeGroup[]): Spread {
  assert.equal(result.outcome, "solved");
  return (result as Extract<SpreadResult, { outcome: "solved" }>).groups.flatMap(({ from, count, added }) =>
    Array.from({ length: count }, () => ({ from, services: [...present[from]!.services, ...added] })),
  );
}

/** Every constraint, said once more and for one node after the other. */
function holds(
  problem: LayoutProblem,
  present: readonly NodeGroup[],
  added: readonly string[],
  nodes: Spread,
): boolean {
  const there = new Set(nodes.flatMap((node) => node.services));
  return (
    nodes.every(({ from, services }) => {
      const has = new Set(services);
      return (
        problem.cantCoexist.every(
          (set) => !set.every((name) => has.has(name)) || !set.some((name) => added.includes(name) && has.has(name)),
        ) &&
        problem.mustCoexist.every((set) => {
          const members = set.filter((name) => there.has(name));
          return !members.some((name) => has.has(name)) || members.every((name) => has.has(name));
        }) &&
        services.every(
          (name) =>
            !added.includes(name) ||
            !Object.hasOwn(problem.hardwareOf, name) ||
            problem.hardwareOf[name]!.includes(present[from]!.hardwareType),
        )
      );
    }) &&
    added.every((name) => {
      const { min, max } = problem.quantities[name] ?? { min: 1, max: Infinity };
      const count = nodes.filter((node) => node.services.includes(name)).length;
      return count >= min && count <= max;
    })
  );
}

/** Every way to put services on nodes. */
function* everySpread(present: readonly NodeGroup[], added: readonly string[]): Generator<Spread> {
  const nodes = present.flatMap(({ count, services }, from) =>
    Array.from({ length: count }, () => ({ from, services })),
  );
  const bits = nodes.length * added.length;
  for (let pick = 0; pick < 2 ** bits; pick += 1)
    yield nodes.map(({ from, services }, node) => ({
      from,
      services: [...services, ...added.filter((_, at) => (pick >> (node * added.length + at)) & 1)],
    }));
}

describe("spreadServices", () => {
  it("puts a service without constraints on every node", () => {
    const present = [group(1, ["a"]), group(3, ["b"])];
    assert.deepEqual(spreadServices(problemOf({}, ["a", "b", "x"]), present, ["x"]), {
      outcome: "solved",
      groups: [
        { from: 0, count: 1, added: ["x"] },
        { from: 1, count: 3, added: ["x"] },
      ],
    });
  });

  it("takes a place back where a later service finds none", () => {
    // Placed on two of three nodes, b leaves one to c; on all of them, none.
    const problem = problemOf(
      { quantities: { x: { min: 1, max: 5 }, y: { min: 1, max: 6 } }, cantCoexist: [["x", "y"]] },
      ["a", "x", "y"],
    );
    const present = [group(3, ["a"])];
    const nodes = nodesOf(spreadServices(problem, present, ["x", "y"]), present);
    assert.deepEqual(
      ["x", "y"].map((name) => nodes.filter((node) => node.services.includes(name)).length),
      [2, 1],
    );
  });

  it("names the service that has no place", () => {
    const problem = problemOf({ cantCoexist: [["a", "x"]] }, ["a", "x"]);
    assert.deepEqual(spreadServices(problem, [group(2, ["a"])], ["x"]), { outcome: "unsolvable", service: "x" });
  });

  it("is done at once with many nodes", () => {
    const present = [group(4000, ["a"]), group(6000, ["b"], "large")];
    const problem = problemOf({ quantities: { x: { min: 1, max: 7000 } } }, ["a", "b", "x", "y"]);
    const result = spreadServices(problem, present, ["x", "y"]);
    assert.equal(nodesOf(result, present).filter((node) => node.services.includes("x")).length, 7000);
  });

  it("finds a place exactly where there is one, and what it finds holds", () => {
    const anyCase = fc.record({
      present: fc
        .array(
          fc.record({
            count: fc.integer({ min: 1, max: 2 }),
            services: fc.subarray(PRESENT, { minLength: 1 }),
            hardwareType: fc.constantFrom("small", "large"),
          }),
          { minLength: 1, maxLength: 2 },
        )
        .map((groups) => groups.map(({ count, services, hardwareType }) => group(count, services, hardwareType))),
      added: fc.subarray(NEW, { minLength: 1 }),
      quantities: fc.dictionary(
        fc.constantFrom(...NEW),
        fc
          .tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 }))
          .map(([min, more]) => ({ min, max: min + more })),
      ),
      hardwareOf: fc.dictionary(fc.constantFrom(...NEW), fc.constantFrom(["small"], ["large"])),
      cantCoexist: fc.array(fc.subarray([...PRESENT, ...NEW], { minLength: 2, maxLength: 3 }), { maxLength: 3 }),
      mustCoexist: fc.array(fc.subarray(NEW, { minLength: 2, maxLength: 3 }), { maxLength: 1 }),
    });
    let solved = 0;
    let unsolvable = 0;
    fc.assert(
      fc.property(anyCase, ({ present, added, ...constraints }) => {
        const problem = problemOf(constraints, [...PRESENT, ...added]);
        const result = spreadServices(problem, present, added);
        if (result.outcome === "solved") {
          solved += 1;
          assert.ok(holds(problem, present, added, nodesOf(result, present)));
        } else {
          unsolvable += 1;
          for (const nodes of everySpread(present, added)) assert.ok(!holds(problem, present, added, nodes));
        }
      }),
      { numRuns: 600 },
    );
    assert.ok(solved > 100 && unsolvable > 50, `${solved} solved, ${unsolvable} not`);
  });
});
