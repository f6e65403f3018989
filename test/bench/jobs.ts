/**
 * How fast jobs go: create with instant tasks on simulated machines, five tasks a node, from the request to the end of
 * the job, in the built Loom with its ordinary settings; beside it what the database commits by itself, measured by
 * pgbench on the same server in the same run.
 */
import { ask, startBuiltLoom, type BuiltLoom } from "./built-loom.js";
import { TASKS_PER_NODE } from "./catalog.js";
import { create, remove, wallClock, type Created } from "./create.js";
import { percentile } from "./percentile.js";
import { pgbench, type PgbenchRow } from "./pgbench.js";
import { cpuMs, peakRssMb, resetPeak, treeCpuMs, watchPss } from "./processes.js";
import { profileCreate, type ProfileSummary } from "./profile.js";
import { countStatements, type Statements } from "./statements.js";

export interface JobRow {
  readonly nodes: number;
  /** Clusters made at once, each of so many nodes. */
  readonly clusters: number;
  /** Of all of them. */
  readonly tasks: number;
  readonly runs: number;
  /** Request to answer, median. */
  readonly answeredMs: number;
  readonly medianMs: number;
  readonly maxMs: number;
  /** At the median. */
  readonly tasksPerSecond: number;
  readonly loomPeakMb: number;
  readonly databasePeakMb: number;
  /** CPU time over time, 1 is one core. Of jobs shorter than a second it is rough: the kernel counts in 10 ms. */
  readonly loomCores: number;
  readonly databaseCores: number;
  /** What tables and their indexes grew by. */
  readonly bytesPerTask: number;
  readonly walBytesPerTask: number;
}

export interface JobsResult {
  readonly rows: readonly JobRow[];
  readonly tables: readonly { readonly table: string; readonly bytesPerTask: number }[];
  readonly statements: Statements;
  readonly database: readonly PgbenchRow[] | undefined;
  readonly profile: ProfileSummary;
}

/** What grows while a Loom works. */
interface Counters {
  readonly bytes: number;
  readonly wal: number;
}

const COUNTERS = `SELECT (SELECT sum(pg_total_relation_size(oid)) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r')::float8 AS bytes,
  (pg_current_wal_insert_lsn() - '0/0')::float8 AS wal`;

const readCounters = async (loom: BuiltLoom): Promise<Counters> =>
  (await ask<Counters & Record<string, number>>(loom, COUNTERS))[0]!;

const cpu = (loom: BuiltLoom): readonly [number, number] => [cpuMs(loom.pid), treeCpuMs(loom.databasePid)];

interface Run {
  readonly made: readonly Created[];
  /** From the first request to the end of the last job. */
  readonly endedMs: number;
  readonly loomCpuMs: number;
  readonly databaseCpuMs: number;
  /** By how much each has grown. */
  readonly grown: Counters;
}

/** Makes the clusters, all at once, and says what that took and left behind. */
async function once(loom: BuiltLoom, name: string, clusters: number, nodes: number): Promise<Run> {
  const before = await readCounters(loom);
  const [loomBefore, databaseBefore] = cpu(loom);
  const started = wallClock();
  const names = Array.from({ length: clusters }, (_, number) => `${name}-${number}`);
  const made = await Promise.all(
    names.map(async (each) => {
      const asked = wallClock() - started;
      const one = await create(loom.client, each, nodes);
      return { ...one, endedMs: asked + one.endedMs };
    }),
  );
  const [loomAfter, databaseAfter] = cpu(loom);
  const after = await readCounters(loom);
  return {
    made,
    endedMs: Math.max(...made.map((one) => one.endedMs)),
    loomCpuMs: loomAfter - loomBefore,
    databaseCpuMs: databaseAfter - databaseBefore,
    grown: { bytes: after.bytes - before.bytes, wal: after.wal - before.wal },
  };
}

async function measure(
  clusters: number,
  nodes: number,
  runs: number,
): Promise<{ row: JobRow; tables: JobsResult["tables"] }> {
  const loom = await startBuiltLoom();
  try {
    await remove(loom.client, (await create(loom.client, "warm", Math.min(nodes, 200))).cluster);
    await ask(loom, "VACUUM");
    resetPeak(loom.pid);
    const stopWatching = watchPss(loom.databasePid);
    const found: Run[] = [];
    let tables: JobsResult["tables"] = [];
    for (let number = 0; number < runs; number += 1) {
      const run = await once(loom, `r${number}`, clusters, nodes);
      found.push(run);
      if (number === 0) tables = await bytesByTable(loom, clusters * nodes * TASKS_PER_NODE);
      if (number < runs - 1) for (const { cluster } of run.made) await remove(loom.client, cluster);
    }
    const databasePeakMb = stopWatching();
    const tasks = found[0]!.made.reduce((sum, one) => sum + one.tasks, 0);
    const times = found.map((run) => run.endedMs);
    const medianMs = percentile(times, 50);
    const sum = (of: (run: Run) => number): number => found.reduce((total, run) => total + of(run), 0);
    const row: JobRow = {
      nodes,
      clusters,
      tasks,
      runs,
      answeredMs: percentile(
        found.flatMap((run) => run.made.map((one) => one.answeredMs)),
        50,
      ),
      medianMs,
      maxMs: percentile(times, 100),
      tasksPerSecond: (tasks / medianMs) * 1000,
      loomPeakMb: peakRssMb(loom.pid),
      databasePeakMb,
      loomCores: sum((run) => run.loomCpuMs) / sum((run) => run.endedMs),
      databaseCores: sum((run) => run.databaseCpuMs) / sum((run) => run.endedMs),
      // The first finds no room that others have left.
      bytesPerTask: found[0]!.grown.bytes / tasks,
      walBytesPerTask: sum((run) => run.grown.wal) / runs / tasks,
    };
    return { row, tables };
  } finally {
    await loom.stop();
  }
}

/** Bytes of a task in each table with its indexes, of a database that holds little else. */
async function bytesByTable(loom: BuiltLoom, tasks: number): Promise<JobsResult["tables"]> {
  const rows = await ask<{ table: string; bytes: number }>(
    loom,
    `SELECT relname AS table, pg_total_relation_size(oid)::float8 AS bytes FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 2 DESC`,
  );
  return rows
    .map(({ table, bytes }) => ({ table, bytesPerTask: bytes / tasks }))
    .filter((row) => row.bytesPerTask >= 1);
}

export async function run(say: (line: string) => void, quick: boolean): Promise<JobsResult> {
  // Clusters at once, nodes of each, runs.
  const plan: readonly (readonly [number, number, number])[] = quick
    ? [
        [1, 10, 3],
        [1, 100, 2],
        [10, 10, 1],
      ]
    : [
        [1, 10, 20],
        [1, 100, 10],
        [1, 1000, 5],
        [1, 10_000, 3],
        [100, 10, 3],
      ];
  const largest = Math.max(...plan.map(([, nodes]) => nodes));
  const rows: JobRow[] = [];
  let tables: JobsResult["tables"] = [];
  for (const [clusters, nodes, runs] of plan) {
    const found = await measure(clusters, nodes, runs);
    rows.push(found.row);
    if (nodes === largest) ({ tables } = found);
    const { row } = found;
    say(
      `${clusters} x ${nodes} nodes: ${row.tasks} tasks in ${row.medianMs.toFixed(0)} ms (max ${row.maxMs.toFixed(0)}), ` +
        `${row.tasksPerSecond.toFixed(0)} tasks/s; Loom ${row.loomPeakMb.toFixed(0)} MB, ${row.loomCores.toFixed(2)} cores; ` +
        `PostgreSQL ${row.databasePeakMb.toFixed(0)} MB, ${row.databaseCores.toFixed(2)} cores; a task ` +
        `${row.bytesPerTask.toFixed(0)} bytes, ${row.walBytesPerTask.toFixed(0)} of WAL`,
    );
  }
  const loom = await startBuiltLoom();
  const database = await pgbench(loom, quick ? 2 : 10).finally(() => loom.stop());
  for (const { clients, commitsPerSecond } of database ?? [])
    say(`pgbench, ${clients} at once: ${commitsPerSecond} commits/s`);
  if (database === undefined) say("pgbench is not installed here");
  const statements = await countStatements(quick ? 100 : 1000);
  const said = statements.rows.reduce((sum, row) => sum + row.statements, 0);
  say(`${statements.nodes} nodes: ${(said / statements.tasks).toFixed(3)} statements a task`);
  const profile = await profileCreate(largest);
  for (const { part, share } of profile.main) say(`  ${(share * 100).toFixed(1).padStart(5)} %  ${part}`);
  return { rows, tables, statements, database, profile };
}
