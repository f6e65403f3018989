/**
 * From an operation on a cluster to its task graph (docs/architecture.md, "Plan"). Pure.
 *
 * A plan has four parts, and what one of them ends with the next one waits for:
 * `make` (machines and services that come, and what is done to services that stay), `stop` (services that go),
 * `renew` (services that name what came or went) and `end` (what is left of what goes). Services that stay run
 * meanwhile, so the parts never wait for each other in a circle.
 */
import { LoomError } from "../../common/errors.js";
import type { ServiceAction } from "../catalog/types.js";
import { GraphBuilder, type Vertex } from "./builder.js";
import { dependencyGraph, refuseCycles } from "./dependencies.js";
import { addDependencies, keyOf, type TaskIndex } from "./order.js";
import { PARTS, tasksOf, type Part, type PlannedTask } from "./node-tasks.js";
import { ACTIONS, MACHINE_ACTIONS, type PlanNode, type PlanRequest, type TaskGraph } from "./types.js";

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
  const builder = new GraphBuilder([...services.keys()]);
  const nodes = [...request.nodes].sort((a, b) => a.number - b.number);
  const check = checkNode(request, nodes);

  const index = byPart<TaskIndex>(() => new Map());
  /** First tasks of each part on each node, and what the part ends with. */
  const firsts = byPart<Vertex[]>(() => []);
  const partOf: Part[] = [];
  const confirms: Vertex[] = [];
  const seeing: Vertex[] = [];
  /** Edges between parts on one node: added when it is known what each part ends with. */
  const between: (readonly [Vertex, Vertex])[] = [];
  let checkTask: Vertex | undefined;

  for (const node of nodes) {
    const tasks = tasksOf(node, request, services);
    if (node === check) tasks.push({ part: "end", action: "CHECK", service: request.checkService! });
    /** In the order in which they are done, after they were added in the order that their numbers keep. */
    const vertices = new Map<PlannedTask, Vertex>();
    for (const task of [...tasks].sort(inNumberOrder)) {
      const vertex = builder.task(node.number, task.action, task.service);
      vertices.set(task, vertex);
      partOf[vertex] = task.part;
      if (task.action === "CHECK") checkTask = vertex;
      if (task.action === "CONFIRM") confirms.push(vertex);
    }
    let machine: Vertex | undefined;
    const last = new Map<string, { readonly vertex: Vertex; readonly part: Part }>();
    for (const task of tasks) {
      const { part, action, service } = task;
      const vertex = vertices.get(task)!;
      if (action === "CHECK") continue;
      if (action === "DELETE") {
        // Behind everything that goes with the machine.
        const ends = [...last.values()].filter((end) => end.part === "stop" || end.part === "end");
        for (const end of ends) between.push([end.vertex, vertex]);
        if (!ends.some((end) => end.part === "end")) firsts.end.push(vertex);
      } else if (MACHINE_ACTIONS.has(action)) {
        if (machine !== undefined) builder.edge(machine, vertex);
        machine = vertex;
      } else {
        const before = last.get(service);
        if (before !== undefined && before.part === part) builder.edge(before.vertex, vertex);
        else {
          firsts[part].push(vertex);
          if (before !== undefined && before.part === "stop") between.push([before.vertex, vertex]);
          if (part === "make" && machine !== undefined) builder.edge(machine, vertex);
          if (part === "make" && services.get(service)!.sees.length > 0) seeing.push(vertex);
        }
        last.set(service, { vertex, part });
        const key = keyOf(service, action.toLowerCase() as ServiceAction);
        const known = index[part].get(key);
        if (known === undefined) index[part].set(key, [vertex]);
        else known.push(vertex);
      }
    }
  }

  for (const part of PARTS) addDependencies(builder, services, index[part], install, runtime);
  const sinks = builder.sinks().filter((task) => task !== checkTask);
  const endsOf = (...parts: readonly Part[]): Vertex[] => sinks.filter((task) => parts.includes(partOf[task]!));
  builder.edges(confirms, seeing);
  builder.edges(endsOf("make", "stop"), firsts.renew);
  if (firsts.renew.length > 0) builder.edges(endsOf("renew"), firsts.end);
  else builder.edges(endsOf("make"), firsts.end);
  for (const [from, to] of between) builder.edge(from, to);
  if (checkTask !== undefined)
    builder.edges(
      builder.sinks().filter((task) => task !== checkTask),
      [checkTask],
    );
  // What is only listed on its nodes, and has nothing to be stopped, goes without a task.
  if (request.operation !== "REMOVE_SERVICES" && builder.taskCount === (checkTask === undefined ? 0 : 1)) {
    throw new LoomError(
      "NOTHING_TO_DO",
      "There is nothing to do on this cluster: no node or service that the operation means has an action for it.",
    );
  }
  return builder.build();
}

function byPart<T>(make: () => T): Record<Part, T> {
  return { make: make(), stop: make(), renew: make(), end: make() };
}

/** Order of tasks of a node in the graph. */
function inNumberOrder(a: PlannedTask, b: PlannedTask): number {
  const byAction = RANK.get(a.action)! - RANK.get(b.action)!;
  return byAction !== 0 ? byAction : a.service < b.service ? -1 : 1;
}
const RANK = new Map(ACTIONS.map((action, rank) => [action, rank]));

/** The first node that has the service at the end. */
function checkNode({ checkService }: PlanRequest, nodes: readonly PlanNode[]): PlanNode | undefined {
  return checkService === undefined
    ? undefined
    : nodes.find((node) => node.change !== "REMOVE" && node.services.includes(checkService));
}
