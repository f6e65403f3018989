/** From a job and its cluster to what the planner is asked. Pure: the same records give the same request everywhere. */
import { effectiveAction } from "../catalog/actions.js";
import type { Dependencies, Service, ServiceAction } from "../catalog/types.js";
import { SERVICE_ACTIONS } from "../catalog/types.js";
import { numberNodes } from "../layout/nodes.js";
import type { NodeGroup } from "../layout/types.js";
import { macroReferences } from "../macros/references.js";
import type { PlanNode, PlanRequest, PlanService } from "../plan/types.js";
import type { ClusterSpec } from "../records/types.js";
import type { RunCluster, RunJob, RunNode } from "./cluster-state.js";

/** Names that a service's actions, or the configuration it sees, mention through macros. */
function seenBy(cluster: RunCluster, name: string, service: Service, imageTypes: readonly string[]): string[] {
  const seen = new Set<string>();
  const look = (value: unknown): void => {
    for (const reference of macroReferences(value as never)) seen.add(reference);
  };
  for (const action of Object.values(service.actions ?? {})) {
    for (const imageType of imageTypes) {
      const { script: _script, ...fields } = effectiveAction(action, imageType)?.fields ?? {};
      look(fields);
    }
  }
  for (const [key, value] of Object.entries(cluster.config)) {
    if (key === name || cluster.spec.services[key] === undefined) look(value);
  }
  return [...seen].sort();
}

const requires = (dependencies: Dependencies | undefined): readonly string[] => dependencies?.requires ?? [];
const uses = (dependencies: Dependencies | undefined): readonly string[] => dependencies?.uses ?? [];

/** Actions that a service defines for at least one of the image types. */
function actionsOf(service: Service, imageTypes: readonly string[]): ServiceAction[] {
  return SERVICE_ACTIONS.filter((name) => {
    const action = service.actions?.[name];
    return action !== undefined && imageTypes.some((imageType) => effectiveAction(action, imageType) !== undefined);
  });
}

export function planServices(cluster: RunCluster, names: readonly string[], imageTypes: readonly string[]): PlanService[] {
  return names.map((name) => {
    const service = cluster.spec.services[name]!.body;
    return {
      name,
      provides: service.provides ?? [],
      installRequires: requires(service.install),
      installUses: uses(service.install),
      runtimeRequires: requires(service.runtime),
      runtimeUses: uses(service.runtime),
      actions: actionsOf(service, imageTypes),
      sees: seenBy(cluster, name, service, imageTypes),
    };
  });
}

/** The nodes an operation makes, numbered and named. */
export function newNodes(cluster: Pick<RunCluster, "displayName" | "id"> & { readonly spec: Pick<ClusterSpec, "dnsSuffix"> }, groups: readonly NodeGroup[], firstNumber: number): Omit<PlanNode, "isNew">[] {
  return numberNodes(groups, { firstNumber, displayName: cluster.displayName, clusterId: String(cluster.id), dnsSuffix: cluster.spec.dnsSuffix });
}

/**
 * @param nodes nodes that are there before the operation, without deleted ones
 * @param firstNode number of the first node the operation makes
 */
export function planRequest(cluster: RunCluster, job: Pick<RunJob, "kind" | "groups" | "grown">, nodes: readonly RunNode[], firstNode: number): PlanRequest {
  const present = nodes
    .filter((node) => node.state !== "DELETED" && node.number < firstNode)
    .map((node): PlanNode => ({
      number: node.number, hostname: node.hostname, hardwareType: node.hardwareType, imageType: node.imageType, services: node.services, isNew: false,
    }));
  const made = newNodes(cluster, job.groups, firstNode).map((node): PlanNode => ({ ...node, isNew: true }));
  const all = [...present, ...made].sort((a, b) => a.number - b.number);
  const names = [...new Set(all.flatMap((node) => node.services))].sort();
  const imageTypes = [...new Set(all.map((node) => node.imageType))].sort();
  const { check, stopBeforeDelete } = cluster.spec.template.body;
  const checkService = check !== undefined && names.includes(check.service) ? check.service : undefined;
  return {
    operation: job.kind,
    nodes: all,
    services: planServices(cluster, names, imageTypes),
    ...(checkService === undefined ? {} : { checkService }),
    ...(stopBeforeDelete === true ? { stopBeforeDelete } : {}),
    ...(job.kind === "ADD_NODES" ? { grown: job.grown } : {}),
  };
}
