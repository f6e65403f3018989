/** The table of times, and its place in docs/catalog.md. Pure. */
import { STEPS, type Outcome } from "./steps.js";

const BEGIN = "<!-- times: written by make catalog-test -->";
const END = "<!-- times: end -->";

/** A row for each template, a column for each step, in seconds. */
export function timesTable(outcomes: readonly Outcome[]): string {
  const header = ["template", ...STEPS];
  const rows = outcomes.map(({ template, seconds, failure }) => [
    template,
    ...STEPS.map((step) => {
      const took = seconds[step];
      return took === undefined ? (failure?.step === step ? "failed" : "") : took.toFixed(took < 9.95 ? 1 : 0);
    }),
  ]);
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(header), `|---|${STEPS.map(() => "---:|").join("")}`, ...rows.map(line)].join("\n");
}

/** @throws where the page has no place for the table */
export function withTimes(page: string, outcomes: readonly Outcome[]): string {
  const from = page.indexOf(BEGIN);
  const to = page.indexOf(END);
  if (from < 0 || to < from) throw new Error("docs/catalog.md has no place for the table of times");
  return `${page.slice(0, from + BEGIN.length)}\n\n${timesTable(outcomes)}\n\n${page.slice(to)}`;
}
