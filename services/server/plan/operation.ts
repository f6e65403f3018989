/** From an operation on a cluster to its task graph (docs/architecture.md, "Plan"). Pure. */
import { LoomError } from "../../common/errors.js";
import type { ServiceAction } from "../catalog/types.js";
import { GraphBuilder, type Vertex } from "./builder.js";
import { dependencyGraph, nearest, refuseCycles } from "./dependencies.js";
import type { ActionName, PlanNode, PlanRequest, PlanService, TaskGraph } from "./types.js";

/** What is done on a node that is made, in this order: on the machine, then for each of its services. */
const MAKE_MACHINE: readonly ActionName[] = ["CREATE", "CONFIRM", "BOOTSTRAP"];
const MAKE_SERVICE: readonly ServiceAction[] = ["install", "configure", "initialize", "start"];
/** What is done to a service that names others which have changed. */
const RENEW_SERVICE: readonly ServiceAction[] = ["configure", "stop", "start"];
const END_SERVICE: readonly ServiceAction[] = ["stop", "remove"];

const actionName = (action: ServiceAction): ActionName => action.toUpperCase() as ActionName;

/** Tasks of one part of the plan, by service and action. */
type TaskIndex = Map<string, Vertex[]>;

const keyOf = (service: string, action: ServiceAction): string => `${action} ${service}`;

/**
 * @throws DEPENDENCY_CYCLE, NOTHING_TO_DO
 */
export function planOperation(request: PlanRequest): TaskGraph {
  // The order in which things are named must not show in the graph.
  const inOrder = [...request.services].sort((a, b) => (a.name < b.name ? -1 : 1));
  const services = new Map(inOrder.map((service) => [service.name, service]));
  const install = dependencyGraph(inOrder, (service) => [...service.installRequires, ...service.installUses]);
  const runtime = dependencyGraph(inOrder, (service) => [...service.runtimeRequires, ...service.runtimeUses]);
  refuseCycles(install, "install");
  refuseCycles(runtime, "runtime");
  const plan: Plan = { request, services, install, runtime, builder: new GraphBuilder([...services.keys()]) };
  const nodes = request.nodes
    .map((node) => ({ ...node, services: [...node.services].sort() }))
    .sort((a, b) => a.number - b.number);

  if (request.operation === "DELETE") {
    planDelete(plan, nodes);
  } else {
    planMake(plan, nodes);
  }
  if (plan.builder.taskCount === 0) {
    throw new LoomError(
      "NOTHING_TO_DO",
      "There is nothing to do on this cluster: it has no nodes that the operation could change.",
    );
  }
  return plan.builder.build();
}

interface Plan {
  readonly request: PlanRequest;
  readonly services: ReadonlyMap<string, PlanService>;
  readonly install: ReadonlyMap<string, readonly string[]>;
  readonly runtime: ReadonlyMap<string, readonly string[]>;
  readonly builder: GraphBuilder;
}

function planMake({ request, services, install, runtime, builder }: Plan, nodes: readonly PlanNode[]): void {
  const grown = new Set(request.grown ?? []);
  const isRenewed = (name: string): boolean => services.get(name)!.sees.some((seen) => seen === "*" || grown.has(seen));
  const check =
    request.checkService === undefined
      ? undefined
      : nodes.find((node) => node.services.includes(request.checkService!));
  const made: TaskIndex = new Map();
  const renewed: TaskIndex = new Map();
  const confirms: Vertex[] = [];
  const seeing: Vertex[] = [];
  const firstRenewed: Vertex[] = [];
  let checkTask: Vertex | undefined;

  for (const node of nodes) {
    // Tasks of a node are added in order of action and service, which their numbers keep.
    const own: { readonly action: ServiceAction; readonly service: string }[] = [];
    for (const action of node.isNew ? MAKE_SERVICE : RENEW_SERVICE) {
      for (const service of node.services) {
        if (services.get(service)!.actions.includes(action) && (node.isNew || isRenewed(service)))
          own.push({ action, service });
      }
    }
    const machine = node.isNew ? MAKE_MACHINE.map((action) => builder.task(node.number, action, "")) : [];
    for (let index = 1; index < machine.length; index += 1) builder.edge(machine[index - 1]!, machine[index]!);
    if (node.isNew) confirms.push(machine[1]!);
    const order = node.isNew ? MAKE_SERVICE : RENEW_SERVICE;
    const last = new Map<string, Vertex>();
    const added = [...own]
      .sort((a, b) => actionRank(a.action) - actionRank(b.action))
      .map(({ action, service }) => ({
        action,
        service,
        task: builder.task(node.number, actionName(action), service),
      }));
    added.sort((a, b) => order.indexOf(a.action) - order.indexOf(b.action));
    for (const { action, service, task } of added) {
      const before = last.get(service);
      if (before !== undefined) builder.edge(before, task);
      else if (node.isNew) {
        builder.edge(machine.at(-1)!, task);
        if (services.get(service)!.sees.length > 0) seeing.push(task);
      } else firstRenewed.push(task);
      last.set(service, task);
      const index = node.isNew ? made : renewed;
      const tasks = index.get(keyOf(service, action));
      if (tasks === undefined) index.set(keyOf(service, action), [task]);
      else tasks.push(task);
    }
    if (node === check) checkTask = builder.task(node.number, "CHECK", request.checkService!);
  }

  // Services that are there already run already: tasks on new nodes wait for new nodes only, and all that is renewed
  // waits for everything that is made. So the two parts cannot wait for each other.
  for (const index of [made, renewed]) addDependencies(builder, services, index, install, runtime);
  builder.edges(confirms, seeing);
  const sinks = builder.sinks().filter((task) => task !== checkTask);
  const isRenewedTask = new Set([...renewed.values()].flat());
  if (confirms.length > 0)
    builder.edges(
      sinks.filter((task) => !isRenewedTask.has(task)),
      firstRenewed,
    );
  if (checkTask !== undefined)
    builder.edges(
      builder.sinks().filter((task) => task !== checkTask),
      [checkTask],
    );
}

/** Order of the action among all; the packed graph keeps tasks of a node in it. */
const RANKS: readonly ServiceAction[] = ["install", "configure", "initialize", "start", "stop", "remove"];
const actionRank = (action: ServiceAction): number => RANKS.indexOf(action);

function addDependencies(
  builder: GraphBuilder,
  services: ReadonlyMap<string, PlanService>,
  index: TaskIndex,
  install: ReadonlyMap<string, readonly string[]>,
  runtime: ReadonlyMap<string, readonly string[]>,
): void {
  const has =
    (action: ServiceAction) =>
    (service: string): boolean =>
      services.get(service)!.actions.includes(action) && index.has(keyOf(service, action));
  const installed = nearest(install, has("install"));
  const started = nearest(runtime, has("start"));
  const stopped = nearest(runtime, has("stop"));
  /** Tasks of one (service, action), behind one join for everything that waits for them. */
  const gates = new Map<string, readonly Vertex[]>();
  const gate = (key: string): readonly Vertex[] => {
    const known = gates.get(key);
    if (known !== undefined) return known;
    const tasks = index.get(key) ?? [];
    let result: readonly Vertex[] = tasks;
    if (tasks.length > 1) {
      const join = builder.join();
      for (const task of tasks) builder.edge(task, join);
      result = [join];
    }
    gates.set(key, result);
    return result;
  };
  /** A gate that nobody waits for would hide that its tasks are the last ones. */
  const wait = (tasks: readonly Vertex[] | undefined, key: string): void => {
    if (tasks !== undefined && index.has(key)) builder.edges(gate(key), tasks);
  };
  for (const service of services.keys()) {
    for (const other of installed.get(service) ?? [])
      wait(index.get(keyOf(service, "install")), keyOf(other, "install"));
    // INITIALIZE comes before START on every node, so what it waits for START waits for too.
    const first = index.get(keyOf(service, "initialize")) ?? index.get(keyOf(service, "start"));
    for (const other of started.get(service) ?? []) wait(first, keyOf(other, "start"));
    for (const other of stopped.get(service) ?? []) wait(index.get(keyOf(other, "stop")), keyOf(service, "stop"));
  }
}

function planDelete({ request, services, install, runtime, builder }: Plan, nodes: readonly PlanNode[]): void {
  const index: TaskIndex = new Map();
  for (const node of nodes) {
    const ends: Vertex[] = [];
    const last = new Map<string, Vertex>();
    for (const action of request.stopBeforeDelete === true ? END_SERVICE : []) {
      for (const service of node.services) {
        if (!services.get(service)!.actions.includes(action)) continue;
        const task = builder.task(node.number, actionName(action), service);
        const before = last.get(service);
        if (before !== undefined) builder.edge(before, task);
        last.set(service, task);
        const tasks = index.get(keyOf(service, action));
        if (tasks === undefined) index.set(keyOf(service, action), [task]);
        else tasks.push(task);
      }
    }
    ends.push(...last.values());
    const remove = builder.task(node.number, "DELETE", "");
    for (const task of ends) builder.edge(task, remove);
  }
  addDependencies(builder, services, index, install, runtime);
}
