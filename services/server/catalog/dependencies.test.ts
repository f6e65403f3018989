import assert from "node:assert/strict";
import fc from "fast-check";
import { answering, findCycles } from "./dependencies.js";
import type { Service } from "./types.js";

const services = (graph: Record<string, string[]>, provides: Record<string, string[]> = {}): Map<string, Service> =>
  new Map(
    Object.entries(graph).map(([name, requires]) => [name, { runtime: { requires }, provides: provides[name] ?? [] }]),
  );

describe("dependencies", () => {
  it("are answered by the service of that name and all that provide it", () => {
    const names = answering(services({ db: [], mysql: [], web: [] }, { mysql: ["db", "sql"], web: ["web"] }));
    assert.deepEqual(Object.fromEntries(names), {
      db: ["db", "mysql"],
      mysql: ["mysql"],
      sql: ["mysql"],
      web: ["web"],
    });
  });

  it("go round in circles through what is provided", () => {
    assert.deepEqual(findCycles(services({ a: ["sql"], b: ["a"], c: [] }, { b: ["sql"] }), "runtime"), [
      { phase: "runtime", services: ["a", "b"], certain: true },
    ]);
    assert.deepEqual(findCycles(services({ a: ["sql"], b: ["a"], c: [] }, { b: ["sql"], c: ["sql"] }), "runtime"), [
      { phase: "runtime", services: ["a", "b"], certain: false },
    ]);
    assert.deepEqual(findCycles(services({ a: ["b"], b: ["a"] }), "install"), []);
  });

  it("are shown by the shortest circle through each service", () => {
    const found = findCycles(services({ a: ["b"], b: ["c", "a"], c: ["a"], d: ["d"], e: ["a"] }), "runtime");
    assert.deepEqual(
      found.map((cycle) => cycle.services),
      [["a", "b"], ["a", "b", "c"], ["d"]],
    );
  });

  it("show a circle for exactly the services that can reach themselves", () => {
    const graphs = fc
      .integer({ min: 1, max: 7 })
      .chain((size) =>
        fc.array(fc.uniqueArray(fc.nat(size - 1), { maxLength: 3 }), { minLength: size, maxLength: size }),
      );
    fc.assert(
      fc.property(graphs, (edges) => {
        const graph = Object.fromEntries(edges.map((to, n) => [`s${n}`, to.map((m) => `s${m}`)]));
        const reach = (from: string): Set<string> => {
          const seen = new Set<string>();
          const visit = (name: string): void =>
            graph[name]!.forEach((next) => {
              if (!seen.has(next)) {
                seen.add(next);
                visit(next);
              }
            });
          visit(from);
          return seen;
        };
        const cycles = findCycles(services(graph), "runtime");
        for (const { services: circle } of cycles)
          circle.forEach((name, index) => assert.ok(graph[name]!.includes(circle[(index + 1) % circle.length]!)));
        const expected = Object.keys(graph).filter((name) => reach(name).has(name));
        assert.deepEqual([...new Set(cycles.flatMap((cycle) => cycle.services))].sort(), expected.sort());
      }),
    );
  });
});
