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
import type { RunCluster, RunJob, RunNode } from "./cluster-state.js";

/** Seconds of a task without a time limit of its own. */
const DEFAULT_TIMEOUT_S = 1800;

export interface AssignmentSource {
  readonly cluster: RunCluster;
  readonly job: Pick<RunJob, "kind" | "change">;
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

/** Actions that take away a machine that another one has taken over from. */
const ENDS: ReadonlySet<ActionName> = new Set(["STOP", "REMOVE", "DELETE"]);

/** The machine that a task is about: where one is made again, what ends is the old one. */
function machineOf(node: RunNode, isRemade: boolean, action: ActionName): RunNode {
  const old = isRemade && ENDS.has(action) ? node.previous.at(-1) : undefined;
  return old === undefined ? node : { ...node, ...old };
}

/**
 * Incarnations whose machines go before a machine is made, or with one that goes. One before the machine itself was
 * replaced in the middle of a job; those that are kept until another has taken over go with the last of them.
 */
function replacedBy(known: RunNode, machine: RunNode, action: ActionName): number[] {
  const kept = known.previous.map(({ incarnation }) => incarnation);
  const before = machine.incarnation - 1;
  const own = before > 0 && !kept.includes(before) ? [before] : [];
  if (action === "CREATE") return own;
  if (action !== "DELETE") return [];
  return [...new Set([...own, ...kept])].filter((incarnation) => incarnation !== machine.incarnation);
}

export function createAssignmentBuilder(source: AssignmentSource): AssignmentBuilder {
  const { cluster, job, nodes, secrets } = source;
  const leaving = new Set(job.kind === "REMOVE_NODES" ? job.change.nodes : []);
  const remade = new Set(job.kind === "REPLACE_NODE" || job.kind === "REPAIR" ? job.change.nodes : []);
  const dropped = new Set(job.kind === "REMOVE_SERVICES" ? job.change.services : []);
  const services = new Set(Object.keys(cluster.spec.services));
  const provider = cluster.spec.provider;
  const secretTexts = [...secrets.values()];
  let lists: ReadonlyMap<string, readonly RunNode[]> | undefined;
  let replacements = 0;

  /**
   * Nodes by service in number order, made once for all tasks between two changes. What goes is named by nobody any
   * more, not even while it is still there: but services that are taken away know each other to the end, since what they
   * are stopped with may name them.
   */
  function nodesOf(service: string): MacroContext["nodesOf"] {
    lists ??= listNodes();
    const byService = lists;
    const isGoing = dropped.has(service);
    return (named) => (dropped.has(named) && !isGoing ? [] : (byService.get(named) ?? []));
  }

  function listNodes(): ReadonlyMap<string, readonly RunNode[]> {
    const byService = new Map<string, RunNode[]>();
    // What a task did before a machine was replaced may rest on the old one, so it is not answered from what a node has stored.
    replacements = [...nodes.values()].reduce((sum, node) => sum + node.incarnation - 1, 0);
    const present = [...nodes.values()]
      .filter((node) => node.state !== "DELETED" && !leaving.has(node.number))
      .sort((a, b) => a.number - b.number);
    for (const node of present) {
      const idle = job.change.idle?.[String(node.number)];
      for (const service of node.services) {
        // What is not there, and does not come, is named by nobody either.
        if (idle?.includes(service) === true) continue;
        const list = byService.get(service);
        if (list === undefined) byService.set(service, [node]);
        else list.push(node);
      }
    }
    return byService;
  }

  return {
    changed() {
      lists = undefined;
    },

    build(lease, task) {
      const known = nodes.get(task.node);
      if (known === undefined)
        throw new LoomError("NODE_NOT_FOUND", `Node ${task.node} is not in the cluster any more.`);
      const node = machineOf(known, remade.has(known.number), task.action);
      const context: MacroContext = { owner: cluster.owner, self: node, nodesOf: nodesOf(task.service) };
      const isMachineAction = MACHINE_ACTIONS.has(task.action);
      const variant = isMachineAction ? undefined : variantOf(cluster, task.service, task.action, node.imageType);
      const { script, ...fields } = variant?.fields ?? {};
      const expanded = expandMacros(fields, context) as JsonObject;
      const config = isMachineAction
        ? {}
        : (expandMacros(visibleConfig(cluster.config, task.service, services), context) as JsonObject);
      const hardware = cluster.spec.hardwareTypes[node.hardwareType]?.body.providers?.[provider.name];
      const image = cluster.spec.imageTypes[node.imageType]?.body.providers?.[provider.name];
      const tokenOf = (incarnation: number): string => machineToken(cluster.uid, node.number, incarnation);
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
          token: tokenOf(node.incarnation),
          hostname: node.hostname,
          services: leaving.has(node.number) ? node.services : node.services.filter((service) => !dropped.has(service)),
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
        replacesTokens: replacedBy(known, node, task.action).map(tokenOf),
      };
    },
  };
}
