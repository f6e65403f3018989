/** From a job and its cluster to what the planner is asked. Pure: the same records give the same request everywhere. */
import { effectiveAction } from "../catalog/actions.js";
import type { ClusterTemplate, Dependencies, JsonObject, Service, ServiceAction } from "../catalog/types.js";
import { SERVICE_ACTIONS } from "../catalog/types.js";
import type { NodeState } from "../clusters/states.js";
import type { OperationChange } from "../records/types.js";
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
  readonly change: OperationChange;
}

/** A node that may be there already. */
export interface KnownNode extends Omit<PlanNode, "change" | "added" | "removed" | "idle" | "stopped"> {
  readonly state: NodeState;
}

/** Operations that end with the check of the template. Of those that start services, only where all are started. */
const CHECKED: ReadonlySet<OperationKind> = new Set([
  "CREATE",
  "ADD_NODES",
  "REMOVE_NODES",
  "REPLACE_NODE",
  "REPAIR",
  "CONFIGURE",
  "ADD_SERVICES",
]);

/** What is done to services that stay where they are. */
const ACTS: Readonly<Partial<Record<OperationKind, readonly ServiceAction[]>>> = {
  CONFIGURE: ["configure"],
  START_SERVICES: ["start"],
  STOP_SERVICES: ["stop"],
  RESTART_SERVICES: ["stop", "start"],
};
const CONFIGURE_WITH_RESTART: readonly ServiceAction[] = ["stop", "configure", "start"];
/** Where nobody knows what the services have been told. */
const SETTLING_ACTS: Readonly<Partial<Record<OperationKind, readonly ServiceAction[]>>> = {
  START_SERVICES: ["configure", "start"],
  RESTART_SERVICES: CONFIGURE_WITH_RESTART,
};
/** Operations that are asked for services to run, or not to; by no other are those started that were stopped on purpose. */
const MEANS_IT: ReadonlySet<OperationKind> = new Set(["START_SERVICES", "STOP_SERVICES", "RESTART_SERVICES"]);

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

/** The cluster as it is once the operation is planned. Changing it twice changes nothing more. */
export function changedCluster<
  C extends Pick<PlannedCluster, "config"> & { readonly spec: { readonly services: object } },
>(cluster: C, change: OperationChange): C {
  return {
    ...cluster,
    config: change.config ?? cluster.config,
    spec: { ...cluster.spec, services: { ...cluster.spec.services, ...change.pinned } },
  };
}

/** What becomes of a node that is there. */
function changedNode(node: KnownNode, { kind, change }: PlannedJob, stopBeforeDelete: boolean): PlanNode {
  const { number, hostname, hardwareType, imageType } = node;
  const isNamed = change.nodes?.includes(number) === true;
  const hooked = change.bare?.includes(number) === true ? [] : node.services;
  const idle = change.idle?.[String(number)];
  const isAsked = (service: string): boolean => MEANS_IT.has(kind) && change.services?.includes(service) === true;
  const stopped = (change.stopped?.[String(number)] ?? []).filter((service) => !isAsked(service));
  const stays = {
    number,
    hostname,
    hardwareType,
    imageType,
    services: node.services,
    added: [],
    removed: [],
    ...(idle === undefined ? {} : { idle }),
    ...(stopped.length === 0 ? {} : { stopped }),
  };
  switch (kind) {
    case "DELETE":
      return { ...stays, change: "REMOVE", removed: stopBeforeDelete ? node.services : [] };
    case "REMOVE_NODES":
      return isNamed ? { ...stays, change: "REMOVE", removed: hooked } : { ...stays, change: "KEEP" };
    case "REPLACE_NODE":
    case "REPAIR":
      if (isNamed) return { ...stays, change: "REPLACE", added: node.services, removed: hooked };
      return {
        ...stays,
        change: change.started?.includes(number) === true ? "START" : "KEEP",
        added: change.added?.[String(number)] ?? [],
      };
    case "ADD_SERVICES": {
      const added = change.added?.[String(number)] ?? [];
      return { ...stays, change: "KEEP", services: [...new Set([...node.services, ...added])].sort(), added };
    }
    case "REMOVE_SERVICES": {
      const goes = (service: string): boolean => change.services?.includes(service) === true;
      return {
        ...stays,
        change: "KEEP",
        services: node.services.filter((service) => !goes(service)),
        removed: node.services.filter(goes),
      };
    }
    default:
      return { ...stays, change: "KEEP" };
  }
}

/** The nodes an operation makes, numbered and named. */
export function newNodes(
  cluster: Pick<PlannedCluster, "displayName" | "id"> & { readonly spec: Pick<PlannedCluster["spec"], "dnsSuffix"> },
  groups: readonly NodeGroup[],
  firstNumber: number,
): PlanNode[] {
  return numberNodes(groups, {
    firstNumber,
    displayName: cluster.displayName,
    clusterId: String(cluster.id),
    dnsSuffix: cluster.spec.dnsSuffix,
  }).map((node) => ({ ...node, change: "MAKE", added: node.services, removed: [] }));
}

/**
 * @param nodes nodes that are there before the operation, without deleted ones
 * @param firstNode number of the first node the operation makes
 */
export function planRequest(
  before: PlannedCluster,
  job: PlannedJob,
  nodes: readonly KnownNode[],
  firstNode: number,
): PlanRequest {
  const { kind, change } = job;
  const cluster = changedCluster(before, change);
  const { check, stopBeforeDelete } = cluster.spec.template.body;
  const present = nodes
    .filter((node) => node.state !== "DELETED" && node.number < firstNode)
    .map((node) => changedNode(node, job, stopBeforeDelete === true));
  const all = [...present, ...newNodes(cluster, job.groups, firstNode)].sort((a, b) => a.number - b.number);
  const names = [...new Set(all.flatMap((node) => [...node.services, ...node.removed]))].sort();
  const imageTypes = [...new Set(all.map((node) => node.imageType))].sort();
  const services = planServices({ services: cluster.spec.services, config: cluster.config }, names, imageTypes);
  const acted = change.services ?? [];
  const startsAll =
    (kind === "START_SERVICES" || kind === "RESTART_SERVICES") &&
    services.every((service) => acted.includes(service.name) || !service.actions.includes("start"));
  // A cluster that lacks something afterwards is not asked whether it works.
  const isWhole = change.idle === undefined && all.every((node) => node.stopped === undefined);
  const isChecked = (CHECKED.has(kind) || startsAll) && isWhole;
  const checkService = isChecked && check !== undefined && names.includes(check.service) ? check.service : undefined;
  const settling = change.settles === true ? SETTLING_ACTS[kind] : undefined;
  const actions = kind === "CONFIGURE" && change.restart === true ? CONFIGURE_WITH_RESTART : (settling ?? ACTS[kind]);
  return {
    operation: kind,
    nodes: all,
    services,
    ...(checkService === undefined ? {} : { checkService }),
    ...(actions === undefined ? {} : { act: { services: acted, actions, bootstrap: actions.includes("configure") } }),
    ...(change.changed === undefined ? {} : { changed: change.changed }),
  };
}
