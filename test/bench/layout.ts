/**
 * How long layouts take: 25 constrained services, three densities of cantCoexist, random bounds, 20 seeds each.
 *
 *     npx tsx test/bench/layout.ts [FILE]
 *
 * Prints a table; writes every figure as JSON to FILE where one is given. Milliseconds of wall time.
 */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { solveLayout } from "../../services/server/layout/solve.js";
import { layoutInput } from "./layout-inputs.js";
import { percentile } from "./percentile.js";

const SIZES = [10, 30, 100, 300, 1000, 3000, 10_000];
const DENSITIES = [0.1, 0.3, 0.5];
const SEEDS = 20;
const SERVICES = 25;

export interface LayoutRow {
  readonly size: number;
  readonly density: number;
  readonly solved: number;
  readonly unsatisfiable: number;
  readonly tooHard: number;
  readonly medianMs: number;
  readonly maxMs: number;
  readonly maxSteps: number;
}

function measure(size: number, density: number): LayoutRow {
  const times: number[] = [];
  const outcomes = { solved: 0, unsatisfiable: 0, tooHard: 0 };
  let maxSteps = 0;
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const problem = layoutInput({ size, density, services: SERVICES, seed });
    const start = performance.now();
    const result = solveLayout(problem);
    times.push(performance.now() - start);
    outcomes[result.outcome] += 1;
    if (result.outcome !== "unsatisfiable") maxSteps = Math.max(maxSteps, result.steps);
  }
  return { size, density, ...outcomes, medianMs: percentile(times, 50), maxMs: percentile(times, 100), maxSteps };
}

/** Measures every size and density, and reports line by line. */
export function run(report: (line: string) => void): { rows: LayoutRow[] } {
  // The first calls run before the compiler has done its work; a server meets that once.
  for (let seed = 101; seed < 104; seed += 1)
    solveLayout(layoutInput({ size: 100, density: 0.3, services: SERVICES, seed }));
  report("nodes   density  solved  none  too hard  median ms    max ms  max steps");
  const rows = SIZES.flatMap((size) =>
    DENSITIES.map((density) => {
      const row = measure(size, density);
      report(
        `${String(size).padStart(5)}${`${density * 100} %`.padStart(10)}${String(row.solved).padStart(8)}${String(row.unsatisfiable).padStart(6)}${String(row.tooHard).padStart(10)}` +
          `${row.medianMs.toFixed(2).padStart(11)}${row.maxMs.toFixed(2).padStart(10)}${String(row.maxSteps).padStart(11)}`,
      );
      return row;
    }),
  );
  return { rows };
}

if (process.argv[1]?.endsWith("bench/layout.ts") === true) {
  const result = run((line) => void process.stdout.write(`${line}\n`));
  if (process.argv[2] !== undefined) {
    writeFileSync(
      process.argv[2],
      `${JSON.stringify({ benchmark: "layout", services: SERVICES, seeds: SEEDS, node: process.version, cpu: cpus()[0]?.model ?? "", ...result }, undefined, 2)}\n`,
    );
  }
}
