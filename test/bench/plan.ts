/**
 * How long planning takes: 14 tasks a node with dependencies between all services, from the request to the packed graph.
 *
 *     npx tsx test/bench/plan.ts [FILE]
 *
 * Prints a table; writes every figure as JSON to FILE where one is given. Milliseconds of wall time.
 */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { planOperation } from "../../services/server/plan/operation.js";
import type { PlanRequest, PlanService } from "../../services/server/plan/types.js";
import { percentile } from "./percentile.js";

const SIZES = [10, 100, 400, 1000, 3000, 10_000];
/** Runs per size. */
const RUNS = 7;

export interface PlanRow {
  readonly nodes: number;
  readonly tasks: number;
  readonly edges: number;
  readonly medianMs: number;
  readonly maxMs: number;
}

/** Three services with 4, 4 and 3 actions: with CREATE, CONFIRM and BOOTSTRAP 14 tasks a node. Every service depends on all before it and names the first. */
export function planInput(nodes: number): PlanRequest {
  const names = ["base", "data", "web"];
  const services = names.map((name, index): PlanService => ({
    name,
    provides: [],
    installRequires: names.slice(0, index),
    installUses: [],
    runtimeRequires: names.slice(0, index),
    runtimeUses: [],
    actions: index === 2 ? ["install", "configure", "start"] : ["install", "configure", "initialize", "start"],
    sees: index === 0 ? [] : ["base"],
  }));
  return {
    operation: "CREATE",
    services,
    nodes: Array.from({ length: nodes }, (_, index) => ({
      number: 1000 + index,
      hostname: `n${index}`,
      hardwareType: "small",
      imageType: "debian",
      services: names,
      change: "MAKE",
      added: names,
      removed: [],
    })),
  };
}

function measure(nodes: number): PlanRow {
  const request = planInput(nodes);
  const times: number[] = [];
  let tasks = 0;
  let edges = 0;
  for (let run = 0; run < RUNS; run += 1) {
    const start = performance.now();
    const graph = planOperation(request);
    times.push(performance.now() - start);
    tasks = graph.taskCount;
    edges = graph.dependents.length;
  }
  return { nodes, tasks, edges, medianMs: percentile(times, 50), maxMs: percentile(times, 100) };
}

export function run(report: (line: string) => void): { rows: PlanRow[] } {
  // The first calls run before the compiler has done its work; a server meets that once.
  for (let warm = 0; warm < 3; warm += 1) planOperation(planInput(1000));
  report("nodes     tasks     edges  median ms    max ms");
  const rows = SIZES.map((nodes) => {
    const row = measure(nodes);
    report(
      `${String(nodes).padStart(5)}${String(row.tasks).padStart(10)}${String(row.edges).padStart(10)}${row.medianMs.toFixed(2).padStart(11)}${row.maxMs.toFixed(2).padStart(10)}`,
    );
    return row;
  });
  return { rows };
}

if (process.argv[1]?.endsWith("bench/plan.ts") === true) {
  const result = run((line) => void process.stdout.write(`${line}\n`));
  if (process.argv[2] !== undefined) {
    writeFileSync(
      process.argv[2],
      `${JSON.stringify({ benchmark: "plan", runs: RUNS, node: process.version, cpu: cpus()[0]?.model ?? "", ...result }, undefined, 2)}\n`,
    );
  }
}
