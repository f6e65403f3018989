/** Documents that are refused, and why. */
import { LoomError } from "../../common/errors.js";
import { formatProblem } from "../catalog/problems.js";
import type { Problem } from "../catalog/types.js";

/**
 * All problems at once, the first ones in the sentence.
 *
 * @param what did not happen, for example `Nothing was written`
 */
export function invalidCatalog(what: string, problems: readonly Problem[]): LoomError {
  const errors = problems.filter((problem) => problem.severity === "error");
  const shown = errors.slice(0, 20).map(formatProblem).join("\n");
  const more = errors.length > 20 ? `\nand ${errors.length - 20} more` : "";
  return new LoomError(
    "INVALID_CATALOG",
    `${what}, because of ${errors.length} ${errors.length === 1 ? "error" : "errors"}:\n${shown}${more}`,
    {
      violations: errors.slice(0, 100).map((problem) => ({
        field: [problem.file, problem.line, problem.path].filter((part) => part !== "" && part !== 0).join(":"),
        description: `${problem.message} ${problem.suggestion}`.trim(),
      })),
    },
  );
}
