/** How a job ended, as its record says it. Pure. */
import type { OperationKind } from "../plan/types.js";
import type { OpCompleted } from "../records/types.js";
import type { RunJob, RunNode } from "./cluster-state.js";
import { leftBehind } from "./halfway.js";
import { progressOf } from "./machines.js";
import type { JobProgress } from "./progress.js";

/** Operations after which there is no cluster that worked before. */
const FORMS_CLUSTER: ReadonlySet<OperationKind> = new Set(["CREATE", "DELETE"]);

export function completedBody(
  job: RunJob,
  outcome: OpCompleted["outcome"],
  progress: JobProgress,
  nodes: ReadonlyMap<number, RunNode>,
): OpCompleted {
  const left = leftBehind(job, outcome, progress, nodes);
  return {
    kind: "OpCompleted",
    job: job.number,
    outcome,
    ...reasonOf(job.kind, outcome, progress, nodes),
    nodes: [...nodes.values()].map((node) => ({ ...progressOf(node), ...left.get(node.number) })),
    nothingLeft: job.kind === "CREATE" && outcome !== "COMPLETE" && neverStarted(progress),
  };
}

function reasonOf(
  kind: OperationKind,
  outcome: OpCompleted["outcome"],
  progress: JobProgress,
  nodes: ReadonlyMap<number, RunNode>,
): Pick<OpCompleted, "reason" | "message"> {
  switch (outcome) {
    case "COMPLETE":
      return { reason: "", message: "" };
    case "CANCELLED":
      return {
        reason: "CANCELLED",
        message: `Nothing that was made is forgotten: retry the job, or ${FORMS_CLUSTER.has(kind) ? "delete" : "repair"} the cluster.`,
      };
    case "FAILED":
      return { reason: "TASK_FAILED", message: failureMessage(progress, nodes) };
  }
}

/** No task was ever handed to a worker, so nothing was made. */
function neverStarted(progress: JobProgress): boolean {
  for (let task = 0; task < progress.taskCount; task += 1) if (progress.attemptOf(task) > 0) return false;
  return true;
}

/** The first failed task in the order of stages is the likely cause of the others. */
function failureMessage(progress: JobProgress, nodes: ReadonlyMap<number, RunNode>): string {
  const failed = progress.tasksIn("FAILED");
  const first = failed[0];
  if (first === undefined) return "Nothing more can be done, and not everything is.";
  const service = progress.serviceOf(first);
  const what = `${progress.actionOf(first)}${service === "" ? "" : ` of ${service}`} on node ${progress.nodeOf(first)}`;
  const why = progress.now(first).message || nodes.get(progress.nodeOf(first))?.message || "see its log";
  // Most messages say themselves what they are about.
  const rest = why.startsWith(`${what} `) ? why.slice(what.length + 1) : why;
  return `${what} failed: ${rest}${failed.length > 1 ? ` ${failed.length - 1} more failed.` : ""}`;
}
