/** Layout and plan of a cluster that nobody makes, from a catalog alone: what `loom plan` shows. Pure but for the timer. */
import { LoomError } from "../../common/errors.js";
import { initialConfig } from "../catalog/config.js";
import { lockedConfig, resolveTemplate } from "../catalog/resolve.js";
import type { Catalog, JsonObject } from "../catalog/types.js";
import { costOf, pricesAt, type Cost } from "../cost/cost.js";
import { planRequest, type PlannedCluster } from "./request.js";
import { FIRST_NODE } from "../layout/nodes.js";
import { buildLayoutProblem } from "../layout/problem.js";
import { solveLayout } from "../layout/solve.js";
import type { NodeGroup } from "../layout/types.js";
import { planOperation } from "./operation.js";
import { ACTIONS, type ActionName, type TaskGraph } from "./types.js";

export interface OfflineRequest {
  readonly catalog: Catalog;
  readonly template: string;
  /** Nodes in all. */
  readonly nodes: number;
  /** These and the following: the template's where absent or empty. */
  readonly services?: readonly string[];
  readonly provider?: string;
  readonly hardwareType?: string;
  readonly imageType?: string;
  readonly dnsSuffix?: string;
  readonly config?: JsonObject;
  /** Add services that others require. */
  readonly withDependencies?: boolean;
  /** Display name, for host names; the template's name where absent. */
  readonly name?: string;
}

export interface OfflinePlan {
  /** In preference order, services in code point order. */
  readonly layout: readonly NodeGroup[];
  readonly nodes: readonly {
    readonly number: number;
    readonly hostname: string;
    readonly hardwareType: string;
    readonly imageType: string;
    readonly services: readonly string[];
  }[];
  /** Tasks by longest-path level. `service` is "" for the machine. */
  readonly stages: readonly (readonly {
    readonly node: number;
    readonly service: string;
    readonly action: ActionName;
  }[])[];
  /** Number of tasks. */
  readonly tasks: number;
  /** Of all nodes. */
  readonly cost: Cost;
  readonly solveMs: number;
  readonly planMs: number;
  /** Services added because others require them; only where there are any. */
  readonly addedServices?: readonly string[];
}

/** No layout: an irreducible set of constraints in words, and one sentence about it. */
export interface NoOfflinePlan {
  readonly unsatisfiable: readonly string[];
  readonly sentence: string;
}

/** The id of a cluster that is not there; it shows in host names. */
const CLUSTER_ID = 1n;

/**
 * @param now milliseconds of a clock that only goes forward
 * @throws TEMPLATE_NOT_FOUND, TEMPLATE_UNUSABLE, INVALID_CONFIG, LAYOUT_TOO_HARD, and what buildLayoutProblem and
 *   planOperation throw
 */
export function planOffline(request: OfflineRequest, now: () => number): OfflinePlan | NoOfflinePlan {
  const { catalog } = request;
  const template = resolveTemplate(catalog, request.template);
  const start = now();
  const { problem, services, addedServices, provider } = buildLayoutProblem({
    catalog,
    template,
    templateName: request.template,
    request: {
      size: request.nodes,
      services: request.services ?? [],
      provider: request.provider ?? "",
      hardwareType: request.hardwareType ?? "",
      imageType: request.imageType ?? "",
      withDependencies: request.withDependencies ?? false,
    },
  });
  const bodies = new Map(services.map((name) => [name, catalog.Service.get(name)!]));
  const config = initialConfig(bodies, template, request.config ?? {}, lockedConfig(catalog, request.template));
  const solved = solveLayout(problem);
  const solveMs = now() - start;
  if (solved.outcome === "tooHard")
    throw new LoomError("LAYOUT_TOO_HARD", solved.sentence, { metadata: { steps: String(solved.steps) } });
  if (solved.outcome === "unsatisfiable")
    return { unsatisfiable: solved.conflict.map(({ text }) => text), sentence: solved.sentence };

  const begun = now();
  const cluster: PlannedCluster = {
    id: CLUSTER_ID,
    displayName: request.name ?? request.template,
    config,
    spec: {
      template: { body: template },
      services: Object.fromEntries([...bodies].map(([name, body]) => [name, { body }])),
      dnsSuffix: (request.dnsSuffix ?? "") === "" ? (template.defaults?.dnsSuffix ?? "") : request.dnsSuffix!,
    },
  };
  const planned = planRequest(cluster, { kind: "CREATE", groups: solved.groups, change: {} }, [], FIRST_NODE);
  const graph = planOperation(planned);
  const planMs = now() - begun;
  return {
    layout: solved.groups.map(({ count, hardwareType, imageType, services: own }) => ({
      count,
      hardwareType,
      imageType,
      services: own,
    })),
    nodes: planned.nodes.map(({ number, hostname, hardwareType, imageType, services: own }) => ({
      number,
      hostname,
      hardwareType,
      imageType,
      services: own,
    })),
    stages: stagesOf(graph),
    tasks: graph.taskCount,
    cost: costOf(solved.groups, pricesAt(provider, catalog.HardwareType)),
    solveMs,
    planMs,
    ...(addedServices.length === 0 ? {} : { addedServices }),
  };
}

/** Every task by stage, in the order of their numbers. */
export function stagesOf(graph: TaskGraph): { node: number; service: string; action: ActionName }[][] {
  const stages: { node: number; service: string; action: ActionName }[][] = [];
  for (let task = 0; task < graph.taskCount; task += 1) {
    (stages[graph.stage[task]!] ??= []).push({
      node: graph.node[task]!,
      service: graph.serviceNames[graph.service[task]!]!,
      action: ACTIONS[graph.action[task]!]!,
    });
  }
  return stages;
}
