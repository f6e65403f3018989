/** What an operation has to know of what others have left on the nodes. Pure. */
import type { RunNode } from "../../jobs/cluster-state.js";
import type { OperationKind } from "../../plan/types.js";
import type { OperationChange } from "../../records/types.js";
import { servicesOf, type ChangingCluster } from "./types.js";

/** Services of a node that are not there, although it is to have them. */
export function absentServices(node: RunNode): string[] {
  return node.services.filter((service) => !node.isFinished || node.halfway[service] === "install");
}

/**
 * The change with what stands on the nodes: it is planned again after it has changed that, so all of it is decided here.
 *
 * Services that are not there are left alone. Those that were stopped on purpose are not started by operations that
 * mean something else. Where a job stopped services and did not start them again, a configuration starts them.
 */
export function withLeftovers(subject: ChangingCluster, kind: OperationKind, change: OperationChange): OperationChange {
  if (kind === "DELETE") return change;
  const idle: Record<string, readonly string[]> = {};
  const stopped: Record<string, readonly string[]> = {};
  const isNamed = new Set(change.nodes);
  for (const node of subject.nodes) {
    // What goes, or is made again, is not asked what is on it.
    if (isNamed.has(node.number)) continue;
    const coming = change.added?.[String(node.number)] ?? [];
    const absent = absentServices(node).filter((service) => !node.isFinished || !coming.includes(service));
    if (absent.length > 0) idle[node.number] = absent;
    const resting = node.stopped.filter((service) => !absent.includes(service));
    if (resting.length > 0) stopped[node.number] = resting;
  }
  const isUnsettled = subject.state === "INCONSISTENT";
  const acted = change.services ?? [];
  const isDown = subject.nodes.some((node) => acted.some((service) => node.halfway[service] === "start"));
  return {
    ...change,
    ...(Object.keys(idle).length > 0 ? { idle } : {}),
    ...(Object.keys(stopped).length > 0 ? { stopped } : {}),
    ...(isUnsettled && tellsAll(subject, kind, change) ? { settles: true } : {}),
    ...(isUnsettled && kind === "CONFIGURE" && isDown ? { restart: true } : {}),
  };
}

/** Whether every service hears of it, wherever it is. */
function tellsAll(subject: ChangingCluster, kind: OperationKind, { changed, services = [] }: OperationChange): boolean {
  if (kind === "CONFIGURE" || kind === "START_SERVICES" || kind === "RESTART_SERVICES")
    return servicesOf(subject).every((service) => services.includes(service));
  return changed?.includes("*") === true;
}
