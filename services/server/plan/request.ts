/** From a job and its cluster to what the planner is asked. Pure: the same records give the same request everywhere. */
import { effectiveAction } from "../catalog/actions.js";
import type { ClusterTemplate, Dependencies, JsonObject, Service, ServiceAction } from "../catalog/types.js";
import { SERVICE_ACTIONS } from "../catalog/types.js";
import type { NodeState } from "../clusters/states.js";
import { numberNodes } from "../layout/nodes.js";
import type { NodeGroup } from "../layout/types.js";
import { macroReferences } from "../macros/references.js";
import type { OperationKind, PlanNode, PlanRequest, PlanService } from "./types.js";

/** What of a cluster decides what its services do. */
export interface ServicesInUse {
  /** By name; may hold more than are on the nodes. */
  readonly services: Readonly<Record<string, { readonly body: Service }>>;
  readonly config: JsonObject;
}

/** What of a cluster decides its plans. */
export interface PlannedCluster {
  readonly displayName: string;
  readonly id: bigint;
  readonly config: JsonObject;
  readonly spec: Pick<ServicesInUse, "services"> & {
    readonly template: { readonly body: ClusterTemplate };
    readonly dnsSuffix: string;
  };
}

/** The operation to plan. */
export interface PlannedJob {
  readonly kind: OperationKind;
  /** The nodes it makes, in preference order. */
  readonly groups: readonly NodeGroup[];
  /** Of ADD_NODES: services that grow. */
  readonly grown: readonly string[];
}

/** A node that may be there already. */
export interface KnownNode extends Omit<PlanNode, "isNew"> {
  readonly state: NodeState;
}

/** Names that a service's actions, or the configuration it sees, mention through macros. */
function seenBy(
  { services, config }: ServicesInUse,
  name: string,
  service: Service,
  imageTypes: readonly string[],
): string[] {
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
  for (const [key, value] of Object.entries(config)) {
    if (key === name || !Object.hasOwn(services, key)) look(value);
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

export function planServices(
  inUse: ServicesInUse,
  names: readonly string[],
  imageTypes: readonly string[],
): PlanService[] {
  return names.map((name) => {
    const service = inUse.services[name]!.body;
    return {
      name,
      provides: service.provides ?? [],
      installRequires: requires(service.install),
      installUses: uses(service.install),
      runtimeRequires: requires(service.runtime),
      runtimeUses: uses(service.runtime),
      actions: actionsOf(service, imageTypes),
      sees: seenBy(inUse, name, service, imageTypes),
    };
  });
}

/** The nodes an operation makes, numbered and named. */
export function newNodes(
  cluster: Pick<PlannedCluster, "displayName" | "id"> & { readonly spec: Pick<PlannedCluster["spec"], "dnsSuffix"> },
  groups: readonly NodeGroup[],
  firstNumber: number,
): Omit<PlanNode, "isNew">[] {
  return numberNodes(groups, {
    firstNumber,
    displayName: cluster.displayName,
    clusterId: String(cluster.id),
    dnsSuffix: cluster.spec.dnsSuffix,
  });
}

/**
 * @param nodes nodes that are there before the operation, without deleted ones
 * @param firstNode number of the first node the operation makes
 */
export function planRequest(
  cluster: PlannedCluster,
  job: PlannedJob,
  nodes: readonly KnownNode[],
  firstNode: number,
): PlanRequest {
  const present = nodes
    .filter((node) => node.state !== "DELETED" && node.number < firstNode)
    .map((node): PlanNode => ({
      number: node.number,
      hostname: node.hostname,
      hardwareType: node.hardwareType,
      imageType: node.imageType,
      services: node.services,
      isNew: false,
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
    services: planServices({ services: cluster.spec.services, config: cluster.config }, names, imageTypes),
    ...(checkService === undefined ? {} : { checkService }),
    ...(stopBeforeDelete === true ? { stopBeforeDelete } : {}),
    ...(job.kind === "ADD_NODES" ? { grown: job.grown } : {}),
  };
}
