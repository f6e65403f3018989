import assert from "node:assert/strict";
import fc from "fast-check";
import {
  anyProblem,
  bruteForce,
  checkLayout,
  isSolvableWith,
  largeProblem,
  problemOf,
} from "../../../test/support/layouts.js";
import { solveLayout } from "./solve.js";
import type { LayoutResult } from "./types.js";

describe("solveLayout", () => {
  it("finds the same layout as trying all of them", () => {
    let solved = 0;
    let unsolved = 0;
    fc.assert(
      fc.property(anyProblem, (problem) => {
        const expected = bruteForce(problem);
        const result = solveLayout(problem);
        if (expected === undefined) {
          unsolved += 1;
          assert.equal(result.outcome, "unsatisfiable");
        } else {
          solved += 1;
          assert.deepEqual(result.outcome === "solved" ? result.groups : result, expected);
        }
      }),
      { numRuns: 3000 },
    );
    assert.ok(solved > 300 && unsolved > 300, `the inputs are one-sided: ${solved} with a layout, ${unsolved} without`);
  });

  it("satisfies every constraint, and gives the same answer again, where trying all of them would take too long", () => {
    let solved = 0;
    fc.assert(
      fc.property(largeProblem, (problem) => {
        const result = solveLayout(problem, { maxSteps: 300_000 });
        assert.deepEqual(solveLayout(structuredClone(problem), { maxSteps: 300_000 }), result);
        if (result.outcome !== "solved") return;
        solved += 1;
        checkLayout(problem, result.groups);
      }),
      { numRuns: 150 },
    );
    assert.ok(solved > 30, `only ${solved} inputs have a layout`);
  });

  it("leaves out of a conflict whatever is not needed for it", () => {
    let unsolved = 0;
    fc.assert(
      fc.property(anyProblem, (problem) => {
        const result = solveLayout(problem);
        if (result.outcome !== "unsatisfiable") return;
        unsolved += 1;
        assert.ok(result.conflict.length > 0);
        // What is not named in the conflict can go, and each of those named can make it solvable by going too.
        const parts = result.conflict.map((words) => JSON.stringify([words.kind, words.services]));
        assert.equal(new Set(parts).size, parts.length);
        assert.equal(isSolvableWith(problem, parts), false, "the conflict alone can be solved");
        for (const part of parts)
          assert.equal(
            isSolvableWith(
              problem,
              parts.filter((other) => other !== part),
            ),
            true,
            `not needed: ${part}`,
          );
      }),
      { numRuns: 1500 },
    );
    assert.ok(unsolved > 150, `only ${unsolved} inputs have no layout`);
  });

  it("decides where fractional nodes would do: the Grötzsch graph needs 4 nodes, 2.9 of which would be enough", () => {
    const names = Array.from({ length: 11 }, (_, index) => `s${String(index).padStart(2, "0")}`);
    const cantCoexist: string[][] = [];
    for (let vertex = 0; vertex < 5; vertex += 1) {
      const next = (vertex + 1) % 5;
      cantCoexist.push(
        [names[vertex]!, names[next]!],
        [names[vertex]!, names[5 + next]!],
        [names[next]!, names[5 + vertex]!],
        [names[5 + vertex]!, names[10]!],
      );
    }
    assert.equal(solveLayout(problemOf(3, names, { cantCoexist })).outcome, "unsatisfiable");
    const result = solveLayout(problemOf(4, names, { cantCoexist }));
    assert.equal(result.outcome, "solved");
    checkLayout(problemOf(4, names, { cantCoexist }), (result as Extract<LayoutResult, { outcome: "solved" }>).groups);
  });

  it("gives up after the steps it may take, and says so", () => {
    const names = Array.from({ length: 30 }, (_, index) => `s${index}`);
    const cantCoexist = names.flatMap((name, index) =>
      names
        .slice(index + 1)
        .filter((_, other) => (index * 7 + other * 11) % 3 === 0)
        .map((other) => [name, other]),
    );
    const result = solveLayout(problemOf(40, names, { cantCoexist }), { maxSteps: 50 });
    assert.equal(result.outcome, "tooHard");
    assert.ok((result as Extract<LayoutResult, { outcome: "tooHard" }>).steps > 50);
  });
});
