/** Applying what is done to jobs and how they end. */
import { FAILURE_STATE, checkClusterMove, type ClusterState } from "../../clusters/states.js";
import { checkJobMove, type JobState } from "../../jobs/states.js";
import type { OperationKind } from "../../plan/types.js";
import type { JobControl, JobVerb, LogRecord, OpCompleted } from "../../records/types.js";
import type { Tx } from "../transaction.js";

/** SQL for the state of a job after a verb; a retried job that was never planned is planned again. */
const STATE_AFTER: Readonly<Record<JobVerb, string>> = {
  pause: "'PAUSED'",
  resume: "CASE WHEN planned IS NULL THEN 'QUEUED' ELSE 'RUNNING' END",
  cancel: "'CANCELLING'",
  retry: "CASE WHEN planned IS NULL THEN 'QUEUED' ELSE 'RUNNING' END",
  retryTask: "CASE WHEN state IN ('FAILED', 'CANCELLED') THEN 'RUNNING' ELSE state END",
  skipTask: "CASE WHEN state IN ('FAILED', 'CANCELLED') THEN 'RUNNING' ELSE state END",
};

export async function applyControl(tx: Tx, record: LogRecord, body: JobControl): Promise<void> {
  const { shard, clusterId, epoch, seq } = record;
  const [moved] = await tx.rows<JobMove>(
    `WITH before AS (SELECT state FROM job WHERE shard = $1 AND cluster_id = $2 AND number = $3)
     UPDATE job SET state = ${STATE_AFTER[body.verb]}, epoch = $4, seq = $5,
       reason = CASE WHEN state IN ('FAILED', 'CANCELLED') THEN '' ELSE reason END,
       message = CASE WHEN state IN ('FAILED', 'CANCELLED') THEN '' ELSE message END,
       ended_at = NULL
     WHERE shard = $1 AND cluster_id = $2 AND number = $3
     RETURNING (SELECT state FROM before) AS before, state AS after`,
    [shard, clusterId, body.job, epoch, seq],
  );
  checkJobMove(moved!.before, moved!.after);
  await moveCluster(tx, record, "PENDING");
}

interface JobMove {
  readonly before: JobState;
  readonly after: JobState;
}

/** @throws Error where the move is illegal */
async function moveCluster(tx: Tx, { shard, clusterId, epoch, seq }: LogRecord, state: ClusterState): Promise<void> {
  const [moved] = await tx.rows<{ before: ClusterState }>(
    `WITH before AS (SELECT state FROM cluster WHERE shard = $1 AND id = $2)
     UPDATE cluster SET state = $3, epoch = $4, seq = $5 WHERE shard = $1 AND id = $2
     RETURNING (SELECT state FROM before) AS before`,
    [shard, clusterId, state, epoch, seq],
  );
  checkClusterMove(moved!.before, state);
}

/** The state a cluster has after a job. */
export function clusterStateAfter(
  operation: OperationKind,
  outcome: OpCompleted["outcome"],
  nothingLeft: boolean,
): ClusterState {
  if (outcome === "COMPLETE") return operation === "DELETE" ? "TERMINATED" : "ACTIVE";
  return nothingLeft ? "TERMINATED" : FAILURE_STATE[operation];
}

export async function applyCompleted(tx: Tx, record: LogRecord, body: OpCompleted): Promise<void> {
  const { shard, clusterId, at, epoch, seq } = record;
  // A job that is retried is planned again, and what it has deleted is a part of its plan.
  const deleted = body.nodes.filter((node) => node.state === "DELETED").map((node) => node.number);
  const [job] = await tx.rows<JobMove & { kind: OperationKind }>(
    `WITH before AS (SELECT state FROM job WHERE shard = $1 AND cluster_id = $2 AND number = $3)
     UPDATE job SET state = $4, reason = $5, message = $6, ended_at = $7, epoch = $8, seq = $9,
       planned = CASE WHEN planned IS NULL THEN NULL ELSE planned || jsonb_build_object('deleted', $10::jsonb) END
     WHERE shard = $1 AND cluster_id = $2 AND number = $3
     RETURNING kind, (SELECT state FROM before) AS before, state AS after`,
    [shard, clusterId, body.job, body.outcome, body.reason, body.message, at, epoch, seq, JSON.stringify(deleted)],
  );
  checkJobMove(job!.before, job!.after);
  const state = clusterStateAfter(job!.kind, body.outcome, body.nothingLeft);
  await moveCluster(tx, record, state);
  for (let start = 0; start < body.nodes.length; start += 5000) {
    const part = body.nodes.slice(start, start + 5000);
    await tx.query(
      `UPDATE node SET state = n.state, addresses = n.addresses::jsonb, machine = n.machine, results = n.results::jsonb, message = n.message
       FROM unnest($3::int4[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[]) AS n (number, state, addresses, machine, results, message)
       WHERE node.shard = $1 AND node.cluster_id = $2 AND node.number = n.number`,
      [
        shard,
        clusterId,
        part.map((node) => node.number),
        part.map((node) => node.state),
        part.map((node) => JSON.stringify(node.addresses)),
        part.map((node) => node.machine),
        part.map((node) => JSON.stringify(node.results)),
        part.map((node) => node.message),
      ],
    );
  }
  await tx.query("DELETE FROM node_progress WHERE shard = $1 AND cluster_id = $2", [shard, clusterId]);
  if (state === "TERMINATED")
    await tx.query("DELETE FROM secret WHERE shard = $1 AND cluster_id = $2", [shard, clusterId]);
}
