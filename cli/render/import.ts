/** What `loom catalog import` says: what is not carried over as it was, and what its templates come to. Pure. */
import { OUTCOMES, type Finding, type TemplateOutcome } from "../../services/server/catalog/coopr/types.js";
import type { Palette } from "./colour.js";
import { tableLines, type Column } from "./table.js";

/** Findings that say the same of several places. */
interface Group {
  readonly first: Finding;
  readonly times: number;
  /** Documents it is said of. */
  readonly documents: number;
}

const COLUMNS: readonly Column<Group>[] = [
  {
    name: "what",
    value: ({ first }) => first.outcome,
    paint: (text, palette) => (text === "lost" ? palette.red(text) : text === "inactive" ? text : palette.yellow(text)),
  },
  { name: "times", value: ({ times }) => String(times), right: true },
  {
    name: "document",
    value: ({ first, documents }) => (documents > 1 ? `${first.document} and ${documents - 1} more` : first.document),
  },
  { name: "path", value: ({ first }) => first.path },
  { name: "at", value: ({ first }) => `${first.file}:${first.line}:${first.column}` },
  { name: "reason", value: ({ first }) => `${first.reason} ${first.advice}`.trimEnd() },
];

/**
 * A table of the findings, worst first; those that say the same share a line, with the place of the first.
 *
 * @param all a line for each of them instead
 */
export function findingLines(findings: readonly Finding[], all: boolean, palette: Palette): string[] {
  const groups = new Map<string, Finding[]>();
  for (const [index, finding] of findings.entries()) {
    const key = JSON.stringify(all ? index : [finding.outcome, finding.document.split("/", 1)[0], finding.reason]);
    groups.set(key, [...(groups.get(key) ?? []), finding]);
  }
  const rows = [...groups.values()]
    .map((group): Group => ({
      first: group[0]!,
      times: group.length,
      documents: new Set(group.map((one) => one.document)).size,
    }))
    .sort((a, b) => OUTCOMES.indexOf(a.first.outcome) - OUTCOMES.indexOf(b.first.outcome));
  if (rows.length === 0) return [];
  const columns = all ? COLUMNS.filter((column) => column.name !== "times") : COLUMNS;
  // The reason is the last column and may go on in the next line: cut short it would be worth nothing.
  return tableLines(columns, rows, { palette, now: 0, utc: false }, { header: true });
}

/** `all carried over`, or how many of each. */
export function findingSummary(findings: readonly Finding[]): string {
  if (findings.length === 0) return "all is carried over";
  const counts = OUTCOMES.map(
    (outcome) => [outcome, findings.filter((finding) => finding.outcome === outcome).length] as const,
  );
  return `not as it was: ${counts
    .filter(([, times]) => times > 0)
    .map(([outcome, times]) => `${times} ${outcome}`)
    .join(", ")}`;
}

const TEMPLATES: readonly Column<TemplateOutcome>[] = [
  { name: "template", value: ({ name }) => name },
  { name: "nodes", value: ({ fewest }) => (fewest === undefined ? "-" : String(fewest)), right: true },
  {
    name: "smallest cluster",
    value: ({ layout, reason }) =>
      reason === "" ? layout.map(({ count, services }) => `${count} x ${services.join(", ")}`).join(" | ") : reason,
    flexible: true,
  },
];

/** A table of the templates with the smallest cluster of each. */
export function templateLines(
  templates: readonly TemplateOutcome[],
  palette: Palette,
  width: number | undefined,
): string[] {
  if (templates.length === 0) return [];
  return tableLines(TEMPLATES, templates, { palette, now: 0, utc: false }, { header: true, width });
}
