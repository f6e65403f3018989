/** Solving a layout problem, or saying why it cannot be solved. Pure. */
import { explain } from "./explain.js";
import { Budget, BudgetExhausted, buildModel } from "./model.js";
import { search } from "./search.js";
import type { LayoutProblem, LayoutResult } from "./types.js";

/** Steps after which the search gives up: a few seconds. */
export const MAX_STEPS = 5_000_000;

/**
 * The most preferred layout: as many nodes as possible of the most preferred node layout, then of the next, among all
 * that satisfy every constraint. Deterministic, complete within the step budget.
 */
export function solveLayout(problem: LayoutProblem, options: { readonly maxSteps?: number } = {}): LayoutResult {
  const budget = new Budget(options.maxSteps ?? MAX_STEPS);
  try {
    const groups = search(buildModel(problem), budget);
    if (groups !== undefined) return { outcome: "solved", groups, steps: budget.steps };
    const conflict = explain(problem, budget);
    return {
      outcome: "unsatisfiable", conflict,
      sentence: `No layout of ${problem.size} ${problem.size === 1 ? "node" : "nodes"} satisfies all of these: ${conflict.map(({ text }) => text).join("; ")}. Change any one of them.`,
    };
  } catch (thrown) {
    if (!(thrown instanceof BudgetExhausted)) throw thrown;
    return {
      outcome: "tooHard", steps: budget.steps,
      sentence: `No layout was found in ${budget.steps} steps, and none was ruled out: ${problem.services.length} services, ${problem.cantCoexist.length} cantCoexist sets, ${problem.size} nodes. Bind fewer services, or give wider bounds.`,
    };
  }
}
