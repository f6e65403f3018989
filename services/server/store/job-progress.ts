/**
 * SQL of running jobs: who runs them, and the one statement by which a job goes forward. Tasks, tries and what is known
 * of nodes before the end of a job are local and disposable; everything else goes through records (log.ts).
 */
import { ACTIONS, type TaskGraph } from "../plan/types.js";
import type { StoredTask } from "../jobs/progress.js";
import type { JobKey, NodeProgress, Step } from "./step.js";
import { createStepWriter } from "./step-writer.js";
import type { Transactor } from "./transaction.js";

export interface JobProgressStore {
  /**
   * Becomes the runner of a job and returns the new runner number and the last control record its tasks know.
   * Undefined where another holder's lease still runs, unless `soleOwner` says that no other holder can be alive.
   */
  take(
    key: JobKey,
    holder: string,
    leaseMs: number,
    soleOwner: boolean,
  ): Promise<{ runner: number; controlSeq: bigint } | undefined>;
  renew(keys: readonly (JobKey & { readonly runner: number })[], leaseMs: number): Promise<void>;
  /** Tasks as stored, with worker and start of those that were running. */
  loadTasks(key: JobKey): Promise<(StoredTask & { readonly worker: string; readonly startedAt: number | undefined })[]>;
  /** Numbers of nodes with what is known of them. */
  loadNodes(key: JobKey): Promise<NodeProgress[]>;
  /** Adds the tasks of a plan that are not there yet. */
  insertTasks(key: JobKey, graph: TaskGraph, providerType: string, from: number): Promise<void>;
  /** @throws FENCED where the epoch or the runner is not the newest any more */
  save(key: JobKey, step: Step): Promise<void>;
}

/** Rows of one INSERT of tasks: large enough to be fast, small enough to keep other writers waiting briefly. */
const CHUNK = 5000;

/** @param leaseMs how long a step renews the runner's lease */
export function createJobProgressStore(transactor: Transactor, leaseMs: number): JobProgressStore {
  return {
    async take(key, holder, leaseMs, soleOwner) {
      const [row] = await transactor.inShard("take job", key, (tx) =>
        tx.rows<{ runner: number; control_seq: bigint }>(
          `INSERT INTO job_run (shard, cluster_id, job, tenant, runner, holder, lease_until, progress, control_seq, task_count, done_count, running_count, retrying_count, failed_count, waiting_for)
           VALUES ($1, $2, $3, $4, 1, $5, now() + $6 * interval '1 millisecond', 0, 0, 0, 0, 0, 0, 0, '')
           ON CONFLICT (shard, cluster_id, job) DO UPDATE SET runner = job_run.runner + 1, holder = excluded.holder, lease_until = excluded.lease_until
             WHERE $7 OR job_run.holder = excluded.holder OR job_run.lease_until < now()
           RETURNING runner, control_seq`,
          [key.shard, key.cluster, key.job, key.tenant, holder, leaseMs, soleOwner],
        ),
      );
      return row === undefined ? undefined : { runner: row.runner, controlSeq: row.control_seq };
    },

    async renew(keys, leaseMs) {
      if (keys.length === 0) return;
      // A row that is locked is just being written by a step, which renews the lease itself.
      await transactor.statement(
        "renew jobs",
        `UPDATE job_run SET lease_until = now() + $5 * interval '1 millisecond'
         FROM (SELECT r.shard, r.cluster_id, r.job FROM job_run r
               JOIN unnest($1::int4[], $2::int8[], $3::int4[], $4::int4[]) AS k (shard, cluster_id, job, runner)
                 ON r.shard = k.shard AND r.cluster_id = k.cluster_id AND r.job = k.job AND r.runner = k.runner
               FOR UPDATE OF r SKIP LOCKED) own
         WHERE job_run.shard = own.shard AND job_run.cluster_id = own.cluster_id AND job_run.job = own.job`,
        [
          keys.map((key) => key.shard),
          keys.map((key) => key.cluster),
          keys.map((key) => key.job),
          keys.map((key) => key.runner),
          leaseMs,
        ],
      );
    },

    async loadTasks(key) {
      const rows = await transactor.statement<{
        number: number;
        state: StoredTask["state"];
        attempt: number;
        failures: number;
        ready_at: Date | null;
        worker: string;
        started_at: Date | null;
        reason: string;
      }>(
        "load tasks",
        "SELECT number, state, attempt, failures, ready_at, worker, started_at, reason FROM task WHERE shard = $1 AND cluster_id = $2 AND job = $3 ORDER BY number",
        [key.shard, key.cluster, key.job],
      );
      return rows.map((row) => ({
        number: row.number,
        state: row.state,
        attempt: row.attempt,
        failures: row.failures,
        readyAt: row.ready_at?.getTime(),
        worker: row.worker,
        startedAt: row.started_at?.getTime(),
        reason: row.reason,
      }));
    },

    async loadNodes(key) {
      return transactor.statement<NodeProgress>(
        "load node progress",
        "SELECT number, state, addresses, machine, results, message FROM node_progress WHERE shard = $1 AND cluster_id = $2",
        [key.shard, key.cluster],
      );
    },

    async insertTasks(key, graph, providerType, from) {
      for (let start = from; start < graph.taskCount; start += CHUNK) {
        const end = Math.min(start + CHUNK, graph.taskCount);
        const numbers: number[] = [];
        const services: string[] = [];
        const actions: string[] = [];
        for (let task = start; task < end; task += 1) {
          numbers.push(task);
          services.push(graph.serviceNames[graph.service[task]!]!);
          actions.push(ACTIONS[graph.action[task]!]!);
        }
        await transactor.inShard("insert tasks", key, (tx) =>
          tx.query(
            `INSERT INTO task (shard, cluster_id, job, number, tenant, node, service, action, stage, provider_type, state, attempt, failures, worker, reason, message, progress)
             SELECT $1, $2, $3, t.number, $4, t.node, t.service, t.action, t.stage, $5, 'WAITING', 0, 0, '', '', '', 0
             FROM unnest($6::int4[], $7::int4[], $8::text[], $9::text[], $10::int4[]) AS t (number, node, service, action, stage)
             ON CONFLICT DO NOTHING`,
            [
              key.shard,
              key.cluster,
              key.job,
              key.tenant,
              providerType,
              numbers,
              [...graph.node.subarray(start, end)],
              services,
              actions,
              [...graph.stage.subarray(start, end)],
            ],
          ),
        );
      }
    },

    save: createStepWriter(transactor, leaseMs),
  };
}
