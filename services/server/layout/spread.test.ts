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
    assert.deepEqual(spreadServices({ problem: problemOf({}, ["a", "b", "x"]), present, added: ["x"] }), {
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
    const nodes = nodesOf(spreadServices({ problem, present, added: ["x", "y"] }), present);
    assert.deepEqual(
      ["x", "y"].map((name) => nodes.filter((node) => node.services.includes(name)).length),
      [2, 1],
    );
  });

  it("names the service that has no place", () => {
    const problem = problemOf({ cantCoexist: [["a", "x"]] }, ["a", "x"]);
    assert.deepEqual(spreadServices({ problem, present: [group(2, ["a"])], added: ["x"] }), {
      outcome: "unsolvable",
      service: "x",
    });
  });

  it("puts services that must be together where all of them may be", () => {
    const present = [group(60, ["a"]), group(60, ["b"]), group(60, ["a", "b"]), group(2, ["b"], "large")];
    const problem = problemOf({ hardwareOf: { y: ["large"] }, mustCoexist: [["x", "y"]] }, ["a", "b", "x", "y"]);
    const spread = nodesOf(spreadServices({ problem, present, added: ["x", "y"] }), present);
    assert.deepEqual(
      spread.flatMap(({ from, services }) => (services.includes("x") || services.includes("y") ? [from] : [])),
      [3, 3],
    );
    // What must be with a service that is there is where that is, and nowhere else.
    const withB = problemOf({ mustCoexist: [["x", "b"]] }, ["a", "b", "x"]);
    const nodes = nodesOf(spreadServices({ problem: withB, present, added: ["x"] }), present);
    assert.ok(nodes.every(({ services }) => services.includes("x") === services.includes("b")));
  });

  it("leaves out what nobody needs and keeps another away", () => {
    const optional = { min: 0, max: 9 };
    const problem = problemOf(
      { quantities: { y: optional }, hardwareOf: { y: ["large"] }, mustCoexist: [["x", "y"]] },
      ["a", "x", "y"],
    );
    assert.deepEqual(spreadServices({ problem, present: [group(2, ["a"])], added: ["x", "y"] }), {
      outcome: "solved",
      groups: [{ from: 0, count: 2, added: ["x"] }],
    });
  });

  it("says at once that what contradicts itself has no place, however many groups there are", () => {
    for (const [groups, services] of [
      [6, 8],
      [60, 6],
      [300, 4],
    ] as const) {
      const names = Array.from({ length: services }, (_, index) => `s${index}`);
      const present = Array.from({ length: groups }, (_, index) => group(1 + (index % 7), [`p${index}`]));
      const problem = problemOf({ mustCoexist: [["s0", "s1"]], cantCoexist: [["s0", "s1"]] }, [
        ...present.flatMap((one) => one.services),
        ...names,
      ]);
      assert.deepEqual(spreadServices({ problem, present, added: names }), { outcome: "unsolvable", service: "s1" });
    }
  });

  it("gives up after so many steps, the same each time", () => {
    // Colouring a graph of which about every other edge is there.
    let state = 7;
    const isEdge = (): boolean => {
      state = (state * 1_103_515_245 + 12_345) & 0x7fff_ffff;
      return (state >> 8) % 2 === 0;
    };
    const names = Array.from({ length: 60 }, (_, index) => `s${String(index).padStart(2, "0")}`);
    const cantCoexist = names.flatMap((a, index) => names.slice(index + 1).flatMap((b) => (isEdge() ? [[a, b]] : [])));
    const request = { problem: problemOf({ cantCoexist }, ["a", ...names]), present: [group(11, ["a"])], added: names };
    const results = [1, 2].map(() => spreadServices(request));
    assert.equal(results[0]!.outcome, "tooHard");
    assert.deepEqual(results[0], results[1]);
  });

  it("is done at once with many nodes", () => {
    const present = [group(4000, ["a"]), group(6000, ["b"], "large")];
    const problem = problemOf({ quantities: { x: { min: 1, max: 7000 } } }, ["a", "b", "x", "y"]);
    const result = spreadServices({ problem, present, added: ["x", "y"] });
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
      mustCoexist: fc.array(
        fc.oneof(fc.subarray(NEW, { minLength: 2 }), fc.tuple(fc.constantFrom(...NEW), fc.constantFrom(...PRESENT))),
        { maxLength: 2 },
      ),
    });
    let solved = 0;
    let unsolvable = 0;
    fc.assert(
      fc.property(anyCase, ({ present, added, ...constraints }) => {
        const problem = problemOf(constraints, [...PRESENT, ...added]);
        const result = spreadServices({ problem, present, added });
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
