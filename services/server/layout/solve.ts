/** Solving a layout problem, or saying why it cannot be solved. Pure. */
import { Budget, OutOfSteps } from "./budget.js";
import { explain } from "./explain.js";
import { buildModel } from "./model.js";
import { search } from "./search.js";
import type { ConstraintInWords, LayoutProblem, LayoutResult } from "./types.js";

/** Steps after which the search gives up: some seconds. */
export const MAX_STEPS = 5_000_000;

/**
 * The most preferred layout: as many nodes as possible of the most preferred node layout, then of the next, among all
 * that satisfy every constraint. Complete within the step budget, and the same on every machine.
 */
export function solveLayout(problem: LayoutProblem, options: { readonly maxSteps?: number } = {}): LayoutResult {
  const budget = new Budget(options.maxSteps ?? MAX_STEPS);
  try {
    const groups = search(buildModel(problem), budget);
    if (groups !== undefined) return { outcome: "solved", groups, steps: budget.steps };
    const conflict = explain(problem, budget);
    return { outcome: "unsatisfiable", conflict, sentence: sentenceOf(problem, conflict) };
  } catch (thrown) {
    if (!(thrown instanceof OutOfSteps)) throw thrown;
    return {
      outcome: "tooHard",
      steps: budget.steps,
      sentence: `Loom looked for a layout of ${inNodes(problem.size)} in ${budget.steps} steps, neither found the best one nor ruled it out, and gave up. The template binds ${problem.services.length} services by ${problem.cantCoexist.length} cantCoexist sets; with fewer of these, or with wider quantities, it can be found.`,
    };
  }
}

const inNodes = (count: number): string => (count === 1 ? "1 node" : `${count} nodes`);

function sentenceOf(problem: LayoutProblem, conflict: readonly ConstraintInWords[]): string {
  if (conflict.length === 0) return "There is no layout: no service, no hardware type or no image type can be used.";
  const texts = conflict.map(({ text }) => text);
  if (texts.length === 1) return `No layout of ${inNodes(problem.size)} is possible: ${texts[0]}. Change that.`;
  return `No layout of ${inNodes(problem.size)} is possible, because not all of these can hold: ${texts.join("; ")}. Change any one of them.`;
}
