/**
 * What a job leaves on the nodes of its cluster, service by service: what was stopped or taken away and not brought
 * back, and what was to come and has not. Pure. Whoever comes after knows from that what is to be mended.
 */
import type { ActionName } from "../plan/types.js";
import type { NodeOutcome, OpCompleted } from "../records/types.js";
import type { Halfway, RunJob, RunNode } from "./cluster-state.js";
import type { JobProgress } from "./progress.js";

type Left = Pick<NodeOutcome, "halfway" | "stopped" | "isFinished" | "isUnfinished">;

/** Tasks of a service on a node, or of the machine, by action. */
type Tasks = Map<ActionName, number>;

/** By node number; nodes on which nothing is other than before are left out. */
export function leftBehind(
  job: Pick<RunJob, "kind" | "change">,
  outcome: OpCompleted["outcome"],
  progress: JobProgress,
  nodes: ReadonlyMap<number, RunNode>,
): Map<number, Left> {
  const left = new Map<number, Left>();
  // What a create did not finish is made again whole, and after a delete only another one is allowed.
  if (job.kind === "CREATE" || job.kind === "DELETE") return left;
  const byNode = new Map<number, Map<string, Tasks>>();
  for (let task = 0; task < progress.taskCount; task += 1) {
    if (progress.actionOf(task) === "CHECK") continue;
    const node = progress.nodeOf(task);
    let services = byNode.get(node);
    if (services === undefined) byNode.set(node, (services = new Map()));
    let tasks = services.get(progress.serviceOf(task));
    if (tasks === undefined) services.set(progress.serviceOf(task), (tasks = new Map()));
    tasks.set(progress.actionOf(task), task);
  }
  for (const [number, services] of byNode) {
    const node = nodes.get(number);
    const machine = services.get("");
    if (node === undefined) continue;
    if (machine?.has("CREATE") === true) {
      // A machine that is made is finished where all of that is done, whatever becomes of the rest of the job; else made again whole.
      const isMade = [...services.values()].every((tasks) =>
        [...tasks.values()].every((task) => isDone(progress, task)),
      );
      if (outcome !== "COMPLETE" && isMade) left.set(number, { isFinished: true });
      continue;
    }
    const isUnfinished = outcome !== "COMPLETE" && isBegun(progress, machine?.get("DELETE"));
    const halfway = new Map(Object.entries(node.halfway));
    const stopped = new Set(node.stopped);
    for (const [service, tasks] of services) {
      if (service === "") continue;
      const mark = outcome === "COMPLETE" ? undefined : markOf(job, number, service, tasks, progress);
      if (mark === "as before") continue;
      if (mark === undefined) halfway.delete(service);
      else halfway.set(service, mark);
      if (outcome === "COMPLETE" && job.kind === "STOP_SERVICES") stopped.add(service);
      else if (mark !== undefined || tasks.has("START") || tasks.has("REMOVE")) stopped.delete(service);
    }
    const now: Left = {
      ...(isUnfinished ? { isUnfinished } : {}),
      ...(isSame(halfway, node.halfway) ? {} : { halfway: Object.fromEntries(halfway) }),
      ...(stopped.size === node.stopped.length && node.stopped.every((service) => stopped.has(service))
        ? {}
        : { stopped: [...stopped].sort() }),
    };
    if (Object.keys(now).length > 0) left.set(number, now);
  }
  return left;
}

/** What is to be done for a service after a job that did not complete; undefined for nothing. */
function markOf(
  { change }: Pick<RunJob, "change">,
  number: number,
  service: string,
  tasks: Tasks,
  progress: JobProgress,
): Halfway[string] | "as before" | undefined {
  const begun = (action: ActionName): boolean => isBegun(progress, tasks.get(action));
  const done = (action: ActionName): boolean => isDone(progress, tasks.get(action));
  if (begun("REMOVE")) return "install";
  if (change.added?.[String(number)]?.includes(service) === true)
    return [...tasks.keys()].every(done) ? undefined : "install";
  if (done("START")) return undefined;
  const mayHaveBeenDown = change.started?.includes(number) === true && tasks.has("START");
  return begun("STOP") || begun("START") || mayHaveBeenDown ? "start" : "as before";
}

const isDone = (progress: JobProgress, task: number | undefined): boolean =>
  task !== undefined && (progress.stateOf(task) === "COMPLETE" || progress.stateOf(task) === "SKIPPED");

/** It was handed to a worker at least once. */
const isBegun = (progress: JobProgress, task: number | undefined): boolean =>
  task !== undefined && progress.attemptOf(task) > 0;

const isSame = (halfway: ReadonlyMap<string, string>, before: Halfway): boolean =>
  halfway.size === Object.keys(before).length && [...halfway].every(([service, mark]) => before[service] === mark);
