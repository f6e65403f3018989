/** What the benchmarks have found, part by part, as docs/benchmarks/results.json keeps it. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { format } from "prettier";
import type { Environment } from "./environment.js";
import type { JobsResult } from "./jobs.js";
import type { LayoutRow } from "./layout.js";
import type { ListsResult } from "./lists.js";
import type { PlanRow } from "./plan.js";
import type { StartResult } from "./start.js";

export interface PartResults {
  readonly layout: { readonly rows: readonly LayoutRow[] };
  readonly plan: { readonly rows: readonly PlanRow[] };
  readonly jobs: JobsResult;
  readonly start: StartResult;
  readonly lists: ListsResult;
}

export type Part = keyof PartResults;
export const PARTS: readonly Part[] = ["layout", "plan", "jobs", "start", "lists"];

/** A part is there once it was run; each says on what, since parts can be run one by one. */
export type Results = { readonly [P in Part]?: { readonly on: Environment; readonly found: PartResults[P] } };

export function readResults(file: string): Results {
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Results) : {};
}

/** Five digits say more than was measured. */
const rounded = (_key: string, value: unknown): unknown =>
  typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;

export async function writeResults(file: string, results: Results): Promise<void> {
  const ordered = Object.fromEntries(
    PARTS.filter((part) => results[part] !== undefined).map((part) => [part, results[part]]),
  );
  writeFileSync(file, await format(JSON.stringify(ordered, rounded, 2), { parser: "json", printWidth: 120 }));
}
