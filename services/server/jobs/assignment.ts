/**
 * What a worker is told of a task: its own node, what its macros name, and nothing else of the cluster. Values are
 * expanded here, at hand-out, so that a task sees the addresses that earlier tasks reported.
 */
import { machineToken, taskKey } from "../../common/ids.js";
import { LoomError } from "../../common/errors.js";
import { effectiveAction } from "../catalog/actions.js";
import { revealSecrets } from "../catalog/secrets.js";
import type { ActionVariant, JsonObject, ServiceAction } from "../catalog/types.js";
import { expandMacros, type MacroContext } from "../macros/expand.js";
import { MACHINE_ACTIONS, type ActionName } from "../plan/types.js";
import type { Assignment, Lease } from "../workers/types.js";
import type { RunCluster, RunNode } from "./cluster-state.js";

/** Seconds of a task without a time limit of its own. */
const DEFAULT_TIMEOUT_S = 1800;

export interface AssignmentSource {
  readonly cluster: RunCluster;
  readonly nodes: ReadonlyMap<number, RunNode>;
  readonly secrets: ReadonlyMap<string, string>;
}

export interface AssignmentBuilder {
  /** @throws MACRO_ERROR, INVALID_CONFIG */
  build(
    lease: Lease,
    task: { readonly node: number; readonly service: string; readonly action: ActionName },
  ): Assignment;
  /** Node lists changed: addresses came in, or a machine was replaced. */
  changed(): void;
}

/** How an action of a service is carried out on an image type; undefined where the service has no such action there. */
function variantOf(
  cluster: RunCluster,
  service: string,
  action: ActionName,
  imageType: string,
): ActionVariant | undefined {
  if (action === "CHECK") {
    const check = cluster.spec.template.body.check;
    if (check === undefined) return undefined;
    const { script, ...rest } = check;
    return effectiveAction(script === undefined ? rest : { ...rest, fields: { ...rest.fields, script } }, imageType);
  }
  const defined = cluster.spec.services[service]?.body.actions?.[action.toLowerCase() as ServiceAction];
  return defined === undefined ? undefined : effectiveAction(defined, imageType);
}

/** The part of the configuration a service may see: its own, and what belongs to no service. */
function visibleConfig(config: JsonObject, service: string, services: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(Object.entries(config).filter(([key]) => key === service || !services.has(key)));
}

export function createAssignmentBuilder(source: AssignmentSource): AssignmentBuilder {
  const { cluster, nodes, secrets } = source;
  const services = new Set(Object.keys(cluster.spec.services));
  const provider = cluster.spec.provider;
  const secretTexts = [...secrets.values()];
  let lists: MacroContext["nodesOf"] | undefined;
  let replacements = 0;

  /** Nodes by service in number order, made once for all tasks between two changes. */
  function nodesOf(): MacroContext["nodesOf"] {
    if (lists !== undefined) return lists;
    const byService = new Map<string, RunNode[]>();
    // What a task did before a machine was replaced may rest on the old one, so it is not answered from what a node has stored.
    replacements = [...nodes.values()].reduce((sum, node) => sum + node.incarnation - 1, 0);
    const present = [...nodes.values()].filter((node) => node.state !== "DELETED").sort((a, b) => a.number - b.number);
    for (const node of present) {
      for (const service of node.services) {
        const list = byService.get(service);
        if (list === undefined) byService.set(service, [node]);
        else list.push(node);
      }
    }
    lists = (service) => byService.get(service) ?? [];
    return lists;
  }

  return {
    changed() {
      lists = undefined;
    },

    build(lease, task) {
      const node = nodes.get(task.node);
      if (node === undefined)
        throw new LoomError("NODE_NOT_FOUND", `Node ${task.node} is not in the cluster any more.`);
      const context: MacroContext = { owner: cluster.owner, self: node, nodesOf: nodesOf() };
      const isMachineAction = MACHINE_ACTIONS.has(task.action);
      const variant = isMachineAction ? undefined : variantOf(cluster, task.service, task.action, node.imageType);
      const { script, ...fields } = variant?.fields ?? {};
      const expanded = expandMacros(fields, context) as JsonObject;
      const config = isMachineAction
        ? {}
        : (expandMacros(visibleConfig(cluster.config, task.service, services), context) as JsonObject);
      const hardware = cluster.spec.hardwareTypes[node.hardwareType]?.body.providers?.[provider.name];
      const image = cluster.spec.imageTypes[node.imageType]?.body.providers?.[provider.name];
      const replaces = (task.action === "CREATE" || task.action === "DELETE") && node.incarnation > 1;
      return {
        lease,
        action: task.action,
        service: task.service,
        clusterUid: cluster.uid,
        clusterName: cluster.name,
        tenant: cluster.tenant,
        node: {
          number: node.number,
          incarnation: node.incarnation,
          token: machineToken(cluster.uid, node.number, node.incarnation),
          hostname: node.hostname,
          services: node.services,
          flavor: hardware?.flavor ?? "",
          hardwareFields: hardware?.fields ?? {},
          image: image?.image ?? "",
          user: image?.user ?? "root",
          addresses: node.addresses,
          providerResults: node.results,
        },
        providerType: provider.body.type,
        provider: provider.name,
        providerFields: provider.body.fields ?? {},
        automatorType: isMachineAction ? "" : (variant?.type ?? "shell"),
        automatorFields: revealSecrets(script === undefined ? expanded : { ...expanded, script }, secrets),
        config: revealSecrets(config, secrets),
        secrets: secretTexts,
        timeoutMs: (variant?.timeoutSeconds || DEFAULT_TIMEOUT_S) * 1000,
        taskKey: taskKey({
          clusterUid: cluster.uid,
          job: lease.job,
          node: node.number,
          incarnation: node.incarnation,
          service: task.service,
          action: task.action,
          replacements,
        }),
        replacesToken: replaces ? machineToken(cluster.uid, node.number, node.incarnation - 1) : "",
      };
    },
  };
}
