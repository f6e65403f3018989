/** Jobs, tasks and tries as people see them. */
import { clusterName } from "../../../common/ids.js";
import type { TaskState } from "../../jobs/states.js";
import { isEnded, type JobState } from "../../jobs/states.js";
import type { ActionName, OperationKind } from "../../plan/types.js";
import type { AttemptView, JobView, TaskView } from "../../views.js";
import { range, type Rows } from "../rows.js";

export interface JobRow {
  readonly shard: number;
  readonly cluster_id: bigint;
  readonly display_name: string;
  readonly number: number;
  readonly kind: OperationKind;
  readonly state: JobState;
  readonly reason: string;
  readonly message: string;
  readonly actor: string;
  readonly accepted_at: Date;
  readonly ended_at: Date | null;
  readonly epoch: bigint;
  readonly seq: bigint;
  readonly planned_count: number | null;
  readonly runner: number | null;
  readonly done_count: number | null;
  readonly running_count: number | null;
  readonly retrying_count: number | null;
  readonly failed_count: number | null;
  readonly waiting_for: string | null;
  readonly progress: bigint | null;
}

/** Columns of JobRow from job AS j and job_run AS r; the cluster's display name is added by the caller. */
export const JOB_COLUMNS = `j.shard, j.cluster_id, j.number, j.kind, j.state, j.reason, j.message, j.actor, j.accepted_at, j.ended_at, j.epoch, j.seq,
  (j.planned->>'taskCount')::int4 AS planned_count, r.runner, r.done_count, r.running_count, r.retrying_count, r.failed_count, r.waiting_for, r.progress`;
export const JOB_RUN_JOIN =
  "LEFT JOIN job_run r ON r.shard = j.shard AND r.cluster_id = j.cluster_id AND r.job = j.number";

export function jobView(row: JobRow): JobView {
  // A job that waits for something says so; the record of the job only knows that it runs.
  const isWaiting = row.state === "RUNNING" && (row.waiting_for ?? "") !== "";
  return {
    cluster: clusterName(row.display_name, row.cluster_id),
    number: row.number,
    kind: row.kind,
    state: isWaiting ? "WAITING" : row.state,
    message: isWaiting ? row.waiting_for! : row.message,
    reason: row.reason,
    taskCount: row.planned_count ?? 0,
    doneCount: row.done_count ?? 0,
    runningCount: isEnded(row.state) ? 0 : (row.running_count ?? 0),
    retryingCount: isEnded(row.state) ? 0 : (row.retrying_count ?? 0),
    failedCount: row.failed_count ?? 0,
    actor: row.actor,
    createTime: row.accepted_at,
    endTime: row.ended_at ?? undefined,
    runner: row.runner ?? 0,
    etag: `${row.epoch}-${row.seq}`,
    plan: undefined,
  };
}

/** One job, or undefined. */
export async function readJob(db: Rows, shard: number, cluster: bigint, job: number): Promise<JobRow | undefined> {
  const [row] = await db.rows<JobRow>(
    `SELECT ${JOB_COLUMNS}, c.display_name FROM job j ${JOB_RUN_JOIN} JOIN cluster c ON c.shard = j.shard AND c.id = j.cluster_id
     WHERE j.shard = $1 AND j.cluster_id = $2 AND j.number = $3`,
    [shard, cluster, job],
    "read_job",
  );
  return row;
}

/** Jobs of one cluster, newest first; `before` is the number of the last job of the page before. */
export async function readJobsOfCluster(
  db: Rows,
  shard: number,
  cluster: bigint,
  states: readonly JobState[],
  before: number | undefined,
  limit: number,
): Promise<JobRow[]> {
  return db.rows<JobRow>(
    `SELECT ${JOB_COLUMNS}, c.display_name FROM job j ${JOB_RUN_JOIN} JOIN cluster c ON c.shard = j.shard AND c.id = j.cluster_id
     WHERE j.shard = $1 AND j.cluster_id = $2 AND ($3::text[] = '{}' OR j.state = ANY($3)) AND ($4::int4 IS NULL OR j.number < $4)
     ORDER BY j.number DESC LIMIT $5`,
    [shard, cluster, states, before ?? null, limit],
  );
}

/** Jobs of a tenant, newest first; `before` is (accepted_at, shard, cluster, number) of the last job of the page before. */
export async function readJobsOfTenant(
  db: Rows,
  tenant: string,
  states: readonly JobState[],
  before: readonly (string | number)[] | undefined,
  limit: number,
): Promise<JobRow[]> {
  return db.rows<JobRow>(
    `SELECT ${JOB_COLUMNS}, c.display_name FROM job j ${JOB_RUN_JOIN} JOIN cluster c ON c.shard = j.shard AND c.id = j.cluster_id
     WHERE j.tenant = $1 AND ($2::text[] = '{}' OR j.state = ANY($2))
       AND ($3::timestamptz IS NULL OR (j.accepted_at, j.shard, j.cluster_id, j.number) < ($3, $4, $5, $6))
     ORDER BY j.accepted_at DESC, j.shard DESC, j.cluster_id DESC, j.number DESC LIMIT $7`,
    [tenant, states, before?.[0] ?? null, before?.[1] ?? null, before?.[2] ?? null, before?.[3] ?? null, limit],
  );
}

interface TaskRow {
  readonly number: number;
  readonly node: number;
  readonly service: string;
  readonly action: ActionName;
  readonly state: TaskState;
  readonly attempt: number;
  readonly stage: number;
  readonly message: string;
  readonly started_at: Date | null;
  readonly ended_at: Date | null;
}

export interface TaskFilter {
  readonly states?: readonly TaskState[];
  /** 0: all. */
  readonly node?: number;
  /** Tasks after this number. */
  readonly after?: number;
  /** Tasks changed by a later step of the job, and those that run. */
  readonly changedSince?: bigint;
  readonly number?: number;
  readonly limit: number;
}

export async function readTasks(
  db: Rows,
  shard: number,
  cluster: bigint,
  clusterText: string,
  job: number,
  filter: TaskFilter,
): Promise<TaskView[]> {
  const rows = await db.rows<TaskRow>(
    `SELECT number, node, service, action, state, attempt, stage, message, started_at, ended_at FROM task
     WHERE shard = $1 AND cluster_id = $2 AND job = $3 AND number > $6 AND number <= $7
       AND ($4::text[] = '{}' OR state = ANY($4)) AND ($5::int4 = 0 OR node = $5) AND ($8::int8 IS NULL OR progress > $8)
     ORDER BY number LIMIT $9`,
    [
      shard,
      cluster,
      job,
      filter.states ?? [],
      filter.node ?? 0,
      ...range(filter),
      filter.changedSince ?? null,
      filter.limit,
    ],
  );
  return rows.map((row) => ({
    cluster: clusterText,
    job,
    number: row.number,
    node: row.node,
    service: row.service,
    action: row.action,
    state: row.state,
    attempt: row.attempt,
    stage: row.stage,
    message: row.message,
    startTime: row.started_at ?? undefined,
    endTime: row.ended_at ?? undefined,
  }));
}

/** Tries of a task, oldest first, the running one last. */
export async function readAttempts(
  db: Rows,
  shard: number,
  cluster: bigint,
  job: number,
  task: number,
): Promise<AttemptView[]> {
  const rows = await db.rows<{
    number: number;
    state: AttemptView["state"];
    worker: string;
    reason: string;
    message: string;
    exit_code: number;
    started_at: Date;
    ended_at: Date | null;
  }>(
    `SELECT number, state, worker, reason, message, exit_code, started_at, ended_at FROM attempt
     WHERE shard = $1 AND cluster_id = $2 AND job = $3 AND task = $4
     UNION ALL
     SELECT attempt, 'RUNNING', worker, '', '', 0, started_at, NULL FROM task
     WHERE shard = $1 AND cluster_id = $2 AND job = $3 AND number = $4 AND state = 'RUNNING' AND started_at IS NOT NULL
     ORDER BY number`,
    [shard, cluster, job, task],
  );
  return rows.map((row) => ({
    number: row.number,
    state: row.state,
    worker: row.worker,
    reason: row.reason,
    message: row.message,
    startTime: row.started_at,
    endTime: row.ended_at ?? undefined,
    exitCode: row.exit_code,
  }));
}
