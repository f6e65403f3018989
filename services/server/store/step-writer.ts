/**
 * Storing the steps of running jobs. While one statement is under way the steps of all other jobs collect, and go out
 * together in the next one: a busy server writes few large statements, an idle one writes at once. Every step in a
 * statement stands for itself: the one whose epoch or runner is not the newest any more changes nothing and is refused,
 * the others are stored.
 */
import { LoomError } from "../../common/errors.js";
import type { JobKey, Step } from "./step.js";
import type { Transactor } from "./transaction.js";

/** Statements under way at once. More would only make each one smaller. */
const LANES = 2;
/** Steps of one statement at most. */
const MOST_STEPS = 200;

interface Waiting {
  readonly key: JobKey;
  readonly step: Step;
  resolve(): void;
  reject(error: unknown): void;
}

/** Columns of the arrays below, with their types; `k` is the place of the step in the statement, from 1. */
const STEP_COLUMNS = [
  "shard int4",
  "epoch int8",
  "cluster_id int8",
  "job int4",
  "runner int4",
  "control_seq int8",
  "tasks int4",
  "done int4",
  "running int4",
  "retrying int4",
  "failed int4",
  "waiting_for text",
];
const TASK_COLUMNS = [
  "k int4",
  "number int4",
  "state text",
  "attempt int4",
  "failures int4",
  "ready_at timestamptz",
  "worker text",
  "reason text",
  "message text",
  "started_at timestamptz",
  "ended_at timestamptz",
];
const ATTEMPT_COLUMNS = [
  "k int4",
  "task int4",
  "number int4",
  "state text",
  "worker text",
  "reason text",
  "message text",
  "exit_code int4",
  "started_at timestamptz",
  "ended_at timestamptz",
];
const NODE_COLUMNS = [
  "k int4",
  "number int4",
  "state text",
  "addresses text",
  "machine text",
  "results text",
  "message text",
];

let parameters = 0;
/** `unnest($n::type[], ...) AS alias (columns)`, with the next free parameters. */
function table(alias: string, columns: readonly string[], ordinality = false): string {
  const parts = columns.map((column) => column.split(" "));
  const arrays = parts.map(([, type]) => `$${(parameters += 1)}::${type}[]`).join(", ");
  return `unnest(${arrays})${ordinality ? " WITH ORDINALITY" : ""} AS ${alias} (${parts.map(([name]) => name).join(", ")}${ordinality ? ", k" : ""})`;
}

const STATEMENT = `
WITH step AS MATERIALIZED (SELECT * FROM ${table("s", STEP_COLUMNS, true)}),
fence AS MATERIALIZED (
  SELECT shard, epoch FROM shard_fence WHERE shard IN (SELECT shard FROM step) ORDER BY shard FOR SHARE),
run AS (
  UPDATE job_run SET progress = progress + 1, control_seq = step.control_seq, task_count = step.tasks, done_count = step.done, running_count = step.running,
    retrying_count = step.retrying, failed_count = step.failed, waiting_for = step.waiting_for, lease_until = now() + $LEASE * interval '1 millisecond'
  FROM step JOIN fence ON fence.shard = step.shard AND fence.epoch = step.epoch
  WHERE job_run.shard = step.shard AND job_run.cluster_id = step.cluster_id AND job_run.job = step.job AND job_run.runner = step.runner
  RETURNING step.k, job_run.shard, job_run.cluster_id, job_run.job, job_run.progress, job_run.tenant, job_run.runner),
-- One relation with the whole key: from two the database would look up a part of it and filter the rest of the job.
change AS MATERIALIZED (
  SELECT run.shard, run.cluster_id, run.job, run.progress, c.* FROM run JOIN ${table("c", TASK_COLUMNS)} ON c.k = run.k),
changed AS (
  UPDATE task SET state = c.state, attempt = c.attempt, failures = c.failures, ready_at = c.ready_at, worker = c.worker, reason = c.reason,
    message = c.message, started_at = c.started_at, ended_at = c.ended_at, progress = c.progress
  FROM change c
  WHERE task.shard = c.shard AND task.cluster_id = c.cluster_id AND task.job = c.job AND task.number = c.number),
tried AS (
  INSERT INTO attempt (shard, cluster_id, job, task, number, tenant, state, worker, runner, reason, message, exit_code, started_at, ended_at)
  SELECT run.shard, run.cluster_id, run.job, a.task, a.number, run.tenant, a.state, a.worker, run.runner, a.reason, a.message, a.exit_code, a.started_at, a.ended_at
  FROM run JOIN ${table("a", ATTEMPT_COLUMNS)} ON a.k = run.k
  ON CONFLICT DO NOTHING),
seen AS (
  INSERT INTO node_progress (shard, cluster_id, number, tenant, state, addresses, machine, results, message)
  SELECT run.shard, run.cluster_id, n.number, run.tenant, n.state, n.addresses::jsonb, n.machine, n.results::jsonb, n.message
  FROM run JOIN ${table("n", NODE_COLUMNS)} ON n.k = run.k
  ON CONFLICT (shard, cluster_id, number) DO UPDATE SET state = excluded.state, addresses = excluded.addresses, machine = excluded.machine,
    results = excluded.results, message = excluded.message)
SELECT k FROM run`.replace("$LEASE", `$${parameters + 1}::int8`);

const date = (ms: number | undefined): Date | null => (ms === undefined ? null : new Date(ms));

/** Rows turned into one array for each column. */
function columns<T>(rows: readonly T[], ...pick: readonly ((row: T) => unknown)[]): unknown[][] {
  return pick.map((of) => rows.map(of));
}

function valuesOf(batch: readonly Waiting[], leaseMs: number): unknown[] {
  const numbered = batch.map(({ key, step }, index) => ({ k: index + 1, key, step }));
  const tasks = numbered.flatMap(({ k, step }) => step.tasks.map((task) => ({ k, ...task })));
  const attempts = numbered.flatMap(({ k, step }) => step.attempts.map((attempt) => ({ k, ...attempt })));
  const nodes = numbered.flatMap(({ k, step }) => step.nodes.map((node) => ({ k, ...node })));
  return [
    ...columns(
      numbered,
      ({ key }) => key.shard,
      ({ key }) => key.epoch,
      ({ key }) => key.cluster,
      ({ key }) => key.job,
      ({ step }) => step.runner,
      ({ step }) => step.controlSeq,
      ({ step }) => step.counts.tasks,
      ({ step }) => step.counts.done,
      ({ step }) => step.counts.running,
      ({ step }) => step.counts.retrying,
      ({ step }) => step.counts.failed,
      ({ step }) => step.waitingFor,
    ),
    ...columns(
      tasks,
      (t) => t.k,
      (t) => t.number,
      (t) => t.state,
      (t) => t.attempt,
      (t) => t.failures,
      (t) => date(t.readyAt),
      (t) => t.worker,
      (t) => t.reason,
      (t) => t.message,
      (t) => date(t.startedAt),
      (t) => date(t.endedAt),
    ),
    ...columns(
      attempts,
      (a) => a.k,
      (a) => a.task,
      (a) => a.number,
      (a) => a.state,
      (a) => a.worker,
      (a) => a.reason,
      (a) => a.message,
      (a) => a.exitCode,
      (a) => date(a.startedAt),
      (a) => date(a.endedAt),
    ),
    ...columns(
      nodes,
      (n) => n.k,
      (n) => n.number,
      (n) => n.state,
      (n) => JSON.stringify(n.addresses),
      (n) => n.machine,
      (n) => JSON.stringify(n.results),
      (n) => n.message,
    ),
    leaseMs,
  ];
}

/** True where the error says nothing about what was to be stored. */
function isOfDatabase(thrown: unknown): boolean {
  return ["DATABASE_UNAVAILABLE", "OUTCOME_UNKNOWN", "DISK_FULL", "TIMED_OUT"].includes(LoomError.from(thrown).reason);
}

/**
 * Resolves when the step is durable; the step renews the runner's lease too.
 * @throws FENCED where the epoch or the runner is not the newest any more
 */
export function createStepWriter(transactor: Transactor, leaseMs: number): (key: JobKey, step: Step) => Promise<void> {
  const waiting: Waiting[] = [];
  let lanes = 0;

  async function writeBatch(batch: readonly Waiting[]): Promise<void> {
    try {
      const rows = await transactor.statement<{ k: bigint }>(
        "job step",
        STATEMENT,
        valuesOf(batch, leaseMs),
        "job_step",
      );
      const stored = new Set(rows.map((row) => Number(row.k)));
      batch.forEach(({ key, resolve, reject }, index) => {
        if (stored.has(index + 1)) resolve();
        else
          reject(
            new LoomError("FENCED", "Another runner has taken this job over.", {
              metadata: { cluster: String(key.cluster), job: String(key.job) },
            }),
          );
      });
    } catch (thrown) {
      if (batch.length === 1 || isOfDatabase(thrown)) {
        for (const { reject } of batch) reject(thrown);
        return;
      }
      // One of them cannot be stored; the others must not suffer for it.
      for (const one of batch) await writeBatch([one]);
    }
  }

  async function lane(): Promise<void> {
    lanes += 1;
    while (waiting.length > 0) await writeBatch(waiting.splice(0, MOST_STEPS));
    lanes -= 1;
  }

  return (key, step) =>
    new Promise((resolve, reject) => {
      waiting.push({ key, step, resolve, reject });
      // Not at once: the steps of jobs that are woken by the same event come together.
      if (lanes < LANES) queueMicrotask(() => (lanes < LANES && waiting.length > 0 ? void lane() : undefined));
    });
}
