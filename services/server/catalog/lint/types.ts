/** What is said to the authors of documents, beyond what keeps documents from being used. */
import type { Position } from "../problems.js";
import type { Problem } from "../types.js";

/** The rules of the linter; what the catalog itself finds has the rule `catalog`. */
export const LINT_RULES = [
  "catalog",
  "shell-syntax",
  "here-document",
  "set-e",
  "bash-only",
  "macro-in-script",
  "loom-variable",
  "config-unset",
  "config-unread",
  "no-stop",
  "coverage",
  "absent-service",
  "unused-service",
  "no-check",
] as const;
export type LintRule = (typeof LINT_RULES)[number];

/** A problem; a note is what an author may want to know and need not change. */
export interface LintProblem extends Omit<Problem, "severity"> {
  readonly severity: Problem["severity"] | "note";
  readonly rule: LintRule;
}

/** What a rule finds, at a place that it knows. */
export interface LintFinding {
  readonly rule: LintRule;
  readonly severity: LintProblem["severity"];
  readonly place: Position;
  readonly message: string;
  readonly suggestion?: string;
}
