/** Applying what is done to jobs and how they end. */
import { FAILURE_STATE, checkClusterMove, type ClusterState } from "../../clusters/states.js";
import { checkJobMove, type JobState } from "../../jobs/states.js";
import type { OperationKind } from "../../plan/types.js";
import type { JobControl, JobVerb, LogRecord, OpCompleted } from "../../records/types.js";
import type { Tx } from "../transaction.js";
import { countAgain } from "./change.js";
import type { JobRequest } from "./operation.js";

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

/**
 * The state a cluster has after a job.
 *
 * @param unfinished nodes that no job has completed, or with services that one has left halfway
 */
function clusterStateAfter(
  operation: OperationKind,
  { outcome, nothingLeft }: Pick<OpCompleted, "outcome" | "nothingLeft">,
  { before, change }: JobRequest,
  unfinished: number,
): ClusterState {
  if (outcome !== "COMPLETE") return nothingLeft ? (before ?? "TERMINATED") : FAILURE_STATE[operation];
  if (operation === "DELETE") return "TERMINATED";
  // Of an INCONSISTENT cluster nobody knows who was told what.
  const isSettled = before !== "INCONSISTENT" || change?.settles === true;
  return isSettled && unfinished === 0 ? "ACTIVE" : FAILURE_STATE[operation];
}

/** Operations that leave every node as it should be, or those that they name. */
const FINISHES: ReadonlySet<OperationKind> = new Set(["CREATE", "ADD_NODES", "REPAIR", "REPLACE_NODE"]);
/** Operations that change which nodes there are, or what is on them. */
const RESHAPES: ReadonlySet<OperationKind> = new Set(["REMOVE_NODES", "REMOVE_SERVICES"]);

/** What of nodes and services only the end of a job decides. Returns how many nodes are not as they should be. */
async function finishNodes(
  tx: Tx,
  record: LogRecord,
  body: OpCompleted,
  kind: OperationKind,
  request: JobRequest,
): Promise<number> {
  const { shard, clusterId } = record;
  const { nodes, services } = request.change ?? {};
  if (body.outcome === "COMPLETE" && FINISHES.has(kind)) {
    await tx.query(
      `UPDATE node SET is_finished = true, previous = CASE WHEN number = ANY($4) THEN '[]' ELSE previous END,
         halfway = CASE WHEN $5 THEN '{}' ELSE halfway END
       WHERE shard = $1 AND cluster_id = $2 AND state <> 'DELETED' AND ($3 OR number = ANY($4))`,
      [shard, clusterId, kind !== "REPLACE_NODE", nodes ?? [], kind === "REPAIR"],
    );
  }
  if (body.outcome === "COMPLETE" && kind === "REMOVE_SERVICES") {
    await tx.query(
      `UPDATE node SET services = ARRAY(SELECT s FROM unnest(services) AS s WHERE s <> ALL($3) ORDER BY s)
       WHERE shard = $1 AND cluster_id = $2 AND services && $3`,
      [shard, clusterId, services ?? []],
    );
  }
  // What is gone for good keeps the size it had.
  if (RESHAPES.has(kind) || (kind === "DELETE" && body.outcome !== "COMPLETE")) await countAgain(tx, record);
  const [count] = await tx.rows<{ unfinished: number }>(
    "SELECT count(*)::int4 AS unfinished FROM node WHERE shard = $1 AND cluster_id = $2 AND state <> 'DELETED' AND (NOT is_finished OR halfway <> '{}')",
    [shard, clusterId],
  );
  return count!.unfinished;
}

export async function applyCompleted(tx: Tx, record: LogRecord, body: OpCompleted): Promise<void> {
  const { shard, clusterId, at, epoch, seq } = record;
  // A job that is retried is planned again, and what it has deleted is a part of its plan.
  const deleted = body.nodes.filter((node) => node.state === "DELETED").map((node) => node.number);
  const [job] = await tx.rows<JobMove & { kind: OperationKind; request: JobRequest }>(
    `WITH before AS (SELECT state FROM job WHERE shard = $1 AND cluster_id = $2 AND number = $3)
     UPDATE job SET state = $4, reason = $5, message = $6, ended_at = $7, epoch = $8, seq = $9,
       planned = CASE WHEN planned IS NULL THEN NULL ELSE planned || jsonb_build_object('deleted', $10::jsonb) END
     WHERE shard = $1 AND cluster_id = $2 AND number = $3
     RETURNING kind, request, (SELECT state FROM before) AS before, state AS after`,
    [shard, clusterId, body.job, body.outcome, body.reason, body.message, at, epoch, seq, JSON.stringify(deleted)],
  );
  checkJobMove(job!.before, job!.after);
  for (let start = 0; start < body.nodes.length; start += 5000) {
    const part = body.nodes.slice(start, start + 5000);
    await tx.query(
      `UPDATE node SET state = n.state, addresses = n.addresses::jsonb, machine = n.machine, results = n.results::jsonb, message = n.message,
         halfway = COALESCE(n.halfway::jsonb, node.halfway), is_finished = (node.is_finished OR n.is_finished) AND NOT n.is_unfinished,
         stopped = CASE WHEN n.stopped IS NULL THEN node.stopped ELSE string_to_array(n.stopped, ',') END
       FROM unnest($3::int4[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::bool[], $12::bool[])
         AS n (number, state, addresses, machine, results, message, halfway, stopped, is_unfinished, is_finished)
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
        part.map((node) => (node.halfway === undefined ? null : JSON.stringify(node.halfway))),
        part.map((node) => node.stopped?.join(",") ?? null),
        part.map((node) => node.isUnfinished === true),
        part.map((node) => node.isFinished === true),
      ],
    );
  }
  const unfinished = await finishNodes(tx, record, body, job!.kind, job!.request);
  const state = clusterStateAfter(job!.kind, body, job!.request, unfinished);
  await moveCluster(tx, record, state);
  await tx.query("DELETE FROM node_progress WHERE shard = $1 AND cluster_id = $2", [shard, clusterId]);
  if (state === "TERMINATED")
    await tx.query("DELETE FROM secret WHERE shard = $1 AND cluster_id = $2", [shard, clusterId]);
}
