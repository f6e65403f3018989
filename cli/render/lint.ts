/** Problems with the line of the file that each of them is about. Pure. */
import type { LintProblem } from "../../services/server/catalog/lint/types.js";
import type { CatalogFile } from "../../services/server/catalog/parse.js";
import type { Palette, Style } from "./colour.js";
import { cut, wrap } from "./text.js";
import { count } from "./words.js";

/** Lines of the problems, file by file; each with its source line and a mark below it. */
export function lintLines(
  problems: readonly LintProblem[],
  files: readonly CatalogFile[],
  palette: Palette,
  width: number,
): string[] {
  const lines: string[] = [];
  const texts = new Map(files.map(({ path, text }) => [path, text.split(/\r?\n/)]));
  for (const file of new Set(problems.map((problem) => problem.file))) {
    if (lines.length > 0) lines.push("");
    lines.push(palette.bold(file));
    for (const problem of problems.filter((one) => one.file === file))
      lines.push(...problemBlock(problem, texts.get(file) ?? [], palette, width));
  }
  return lines;
}

function problemBlock(problem: LintProblem, texts: readonly string[], palette: Palette, width: number): string[] {
  const { line, column, severity, message, suggestion, path, rule } = problem;
  const paint = paintOf(severity, palette);
  const place = line === 0 ? "" : `${line}:${column} `;
  const where = path === "" ? "" : `${path}: `;
  const [first = "", ...rest] = wrap(`${where}${message}`, Math.max(40, width - 4));
  return [
    `  ${place}${paint(severity)} ${palette.dim(`[${rule}]`)}`,
    `    ${first}`,
    ...rest.map((text) => `    ${text}`),
    ...sourceLines(problem, texts, palette, paint, width),
    ...(suggestion === ""
      ? []
      : wrap(suggestion, Math.max(40, width - 7)).map((text, i) => `    ${i === 0 ? "=> " : "   "}${text}`)),
  ];
}

/** The line of the file, and a mark below the place; nothing where the place is not known. */
export function sourceLines(
  { line, column }: Pick<LintProblem, "line" | "column">,
  texts: readonly string[],
  palette: Palette,
  paint: Style,
  width: number,
): string[] {
  const text = texts[line - 1];
  if (line === 0 || text === undefined) return [];
  const number = String(line);
  const room = Math.max(30, width - number.length - 8);
  // A tab is as wide as the terminal likes, so none is shown.
  const flat = text.replaceAll("\t", " ");
  const from = Math.max(0, Math.min(column - 1, flat.length) - room + 20);
  const shown = from === 0 ? cut(flat, room) : `…${cut(flat.slice(from + 1), room - 1)}`;
  const mark = Math.max(0, column - 1 - from);
  return [
    `    ${palette.dim(`${number} |`)} ${shown}`,
    `    ${palette.dim(`${" ".repeat(number.length)} |`)} ${" ".repeat(mark)}${paint("^")}`,
  ];
}

function paintOf(severity: LintProblem["severity"], palette: Palette): Style {
  return severity === "error" ? palette.red : severity === "warning" ? palette.yellow : palette.cyan;
}

/** `3 documents, 1 error, 2 warnings`. */
export function lintSummary(documents: number, problems: readonly LintProblem[]): string {
  const of = (severity: LintProblem["severity"]): number => problems.filter((one) => one.severity === severity).length;
  const parts = [count(documents, "document"), of("error") === 0 ? "no errors" : count(of("error"), "error")];
  if (of("warning") > 0) parts.push(count(of("warning"), "warning"));
  if (of("note") > 0) parts.push(count(of("note"), "note"));
  return parts.join(", ");
}
