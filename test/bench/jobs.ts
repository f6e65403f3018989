/**
 * How fast jobs go: create with instant tasks on simulated machines, five tasks a node, from the request to the end of
 * the job; beside it what the database commits by itself in the same run, measured by pgbench.
 *
 *     npx tsx test/bench/jobs.ts [FILE]
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { readFileSync, writeFileSync } from "node:fs";
import { Job_State } from "../../gen/web/loom/v1/job_pb.js";
import { percentile } from "./percentile.js";
import { startBenchLoom, type BenchLoom } from "./loom.js";

const SIZES = [10, 100, 1000, 10_000];
const RUNS: Readonly<Record<number, number>> = { 10: 20, 100: 10, 1000: 5, 10_000: 3 };
/** Clusters made at the same time, of 10 nodes each. */
const TOGETHER = 100;

export interface JobRow {
  readonly what: string;
  readonly tasks: number;
  readonly medianMs: number;
  readonly maxMs: number;
  readonly tasksPerSecond: number;
  /** Of the process with everything in it but the database, after the runs. */
  readonly rssMb: number;
}

async function create(bench: BenchLoom, name: string, nodes: number): Promise<{ cluster: string; tasks: number }> {
  const cluster = await bench.client.clusters.createCluster({ displayName: name, template: "farm", nodeCount: nodes, requestId: crypto.randomUUID() });
  for await (const { job } of bench.client.jobs.watchJob({ name: cluster.job!.name })) {
    if (job === undefined) continue;
    if (job.state === Job_State.COMPLETE) return { cluster: cluster.name, tasks: job.taskCount };
    if (job.state === Job_State.FAILED) throw new Error(`the job failed: ${job.message}`);
  }
  throw new Error("the watch ended before the job");
}

async function remove(bench: BenchLoom, cluster: string): Promise<void> {
  const job = await bench.client.clusters.deleteCluster({ name: cluster, requestId: crypto.randomUUID() });
  for await (const message of bench.client.jobs.watchJob({ name: job.name })) if (message.job?.state === Job_State.COMPLETE) return;
}

/** The time a job took by its own record: from acceptance to its end. */
async function tookMs(bench: BenchLoom, cluster: string): Promise<number> {
  const { jobs } = await bench.client.jobs.listJobs({ parent: cluster });
  const { createTime, endTime } = jobs.at(-1)!;
  const ms = (time: typeof createTime): number => Number(time!.seconds) * 1000 + time!.nanos / 1e6;
  return ms(endTime) - ms(createTime);
}

const rssMb = (): number => Math.round(process.memoryUsage().rss / 1e6);

/** Commits a second of single-row updates with 1 and 8 clients, on the same server and settings. */
export function pgbench(folder: string): { clients: number; tps: number }[] {
  const data = join(folder, "postgres");
  const password = readFileSync(join(data, "password"), "utf8").trim();
  const socket = /unix_socket_directories\s*=\s*'"?([^'"]+)"?'/.exec(readFileSync(join(data, "data", "postgresql.conf"), "utf8"))?.[1] ?? data;
  const environment = { ...process.env, PGPASSWORD: password, PGHOST: socket, PGPORT: "5432", PGUSER: "loom" };
  const run = (...args: string[]): string => {
    const done = spawnSync("pgbench", args, { env: environment, encoding: "utf8" });
    if (done.status !== 0) throw new Error(`pgbench: ${done.error?.message ?? done.stderr}`);
    return done.stdout;
  };
  run("-i", "-q", "-s", "10", "loom");
  const found = [1, 8].map((clients) => ({ clients, tps: Math.round(Number(/tps = ([\d.]+)/.exec(run("-N", "-c", String(clients), "-j", "1", "-T", "5", "loom"))![1])) }));
  run("-i", "-I", "d", "loom");
  return found;
}

export async function run(say: (line: string) => void): Promise<{ rows: JobRow[]; database: { clients: number; tps: number }[] }> {
  const bench = await startBenchLoom();
  try {
    await remove(bench, (await create(bench, "warm", 200)).cluster);
    const rows: JobRow[] = [];
    for (const nodes of SIZES) {
      const times: number[] = [];
      let tasks = 0;
      for (let number = 0; number < RUNS[nodes]!; number += 1) {
        const made = await create(bench, `n${nodes}-r${number}`, nodes);
        tasks = made.tasks;
        times.push(await tookMs(bench, made.cluster));
        await remove(bench, made.cluster);
      }
      const medianMs = percentile(times, 50);
      const row = { what: `1 cluster of ${nodes}`, tasks, medianMs, maxMs: percentile(times, 100), tasksPerSecond: Math.round((tasks / medianMs) * 1000), rssMb: rssMb() };
      rows.push(row);
      say(`${row.what}: ${tasks} tasks in ${medianMs.toFixed(0)} ms (max ${row.maxMs.toFixed(0)}), ${row.tasksPerSecond} tasks/s, ${row.rssMb} MB`);
    }
    const start = performance.now();
    const made = await Promise.all(Array.from({ length: TOGETHER }, (_, number) => create(bench, `t${number}`, 10)));
    const elapsed = performance.now() - start;
    const tasks = made.reduce((sum, one) => sum + one.tasks, 0);
    rows.push({ what: `${TOGETHER} clusters of 10 at once`, tasks, medianMs: elapsed, maxMs: elapsed, tasksPerSecond: Math.round((tasks / elapsed) * 1000), rssMb: rssMb() });
    say(`${TOGETHER} clusters of 10 nodes at once: ${tasks} tasks in ${elapsed.toFixed(0)} ms, ${rows.at(-1)!.tasksPerSecond} tasks/s`);
    const database = pgbench(bench.folder);
    for (const { clients, tps } of database) say(`pgbench, ${clients} ${clients === 1 ? "client" : "clients"}: ${tps} commits/s`);
    return { rows, database };
  } finally {
    await bench.stop();
  }
}

if (process.argv[1]?.endsWith("jobs.ts") === true) {
  const result = await run((line) => void process.stdout.write(`${line}\n`));
  if (process.argv[2] !== undefined) writeFileSync(process.argv[2], JSON.stringify(result, null, 2));
  process.exit();
}
