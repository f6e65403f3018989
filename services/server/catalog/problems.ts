/** Problems: how they are made, ordered and looked up. */
import { formatPath } from "./paths.js";
import type { Path } from "./paths.js";
import type { DocumentKind, Problem } from "./types.js";

/** A place in a file, both from 1; both 0 where not known. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/**
 * Where a value of a document is in its file, or what holds it where the document says nothing about it. `key` asks
 * for the field's name instead of its value.
 */
export type Locate = (path: Path, part?: "key" | "value") => Position;

/** Where a document came from. */
export interface Source {
  readonly file: string;
  readonly locate: Locate;
}

/** Of documents that came from no file. */
export const NO_SOURCE: Source = { file: "", locate: () => ({ line: 0, column: 0 }) };

/** What is wrong at one path of a document. */
export interface Finding {
  readonly severity: Problem["severity"];
  readonly path: Path;
  readonly message: string;
  readonly suggestion?: string;
  /** The field's name is wrong rather than its value. */
  readonly atKey?: boolean;
  /** Something is not there. */
  readonly absent?: boolean;
}

/** The problem a finding in a document is. */
export function problemAt(document: string, source: Source, finding: Finding): Problem {
  const { line, column } = source.locate(finding.path, finding.atKey === true ? "key" : "value");
  const { severity, message, suggestion = "" } = finding;
  return { severity, document, file: source.file, line, column, path: formatPath(finding.path), message, suggestion };
}

/** In reading order: by file, line and column, errors first where they meet; documents of no file by name. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  return [...problems].sort(
    (a, b) =>
      compare(a.file, b.file) ||
      a.line - b.line ||
      a.column - b.column ||
      compare(a.document, b.document) ||
      compare(a.path, b.path) ||
      compare(a.severity, b.severity) ||
      compare(a.message, b.message),
  );
}

/** How problems name a document. */
export function documentId(kind: DocumentKind, name: string): string {
  return `${kind}/${name}`;
}

/** Problems by document. */
export interface ProblemIndex {
  of(kind: DocumentKind, name: string): readonly Problem[];
  /** The first error of the document, which makes it unusable; undefined where it can be used. */
  errorOf(kind: DocumentKind, name: string): Problem | undefined;
}

/** Makes problems quick to look up by document. */
export function indexProblems(problems: readonly Problem[]): ProblemIndex {
  const byDocument = new Map<string, Problem[]>();
  for (const problem of problems) {
    const list = byDocument.get(problem.document);
    if (list === undefined) byDocument.set(problem.document, [problem]);
    else list.push(problem);
  }
  const of = (kind: DocumentKind, name: string): readonly Problem[] => byDocument.get(documentId(kind, name)) ?? [];
  return { of, errorOf: (kind, name) => of(kind, name).find((problem) => problem.severity === "error") };
}

/** The problem on one line, as compilers write it: `file:line:column: error: message Suggestion`. */
export function formatProblem(problem: Problem): string {
  const { file, line, column, severity, document, path, message, suggestion } = problem;
  const place = file === "" ? "" : line === 0 ? `${file}: ` : `${file}:${line}:${column}: `;
  const what = [document, path].filter((part) => part !== "").join(" ");
  return `${place}${severity}: ${what === "" ? "" : `${what}: `}${message}${suggestion === "" ? "" : ` ${suggestion}`}`;
}
