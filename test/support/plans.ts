/** Requests to the planner at random, and a planner that applies the rules to every pair of tasks. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { LoomError } from "../../services/common/errors.js";
import { planOperation } from "../../services/server/plan/operation.js";
import {
  ACTIONS,
  OPERATION_KINDS,
  type ActionName,
  type MachineChange,
  type PlanNode,
  type PlanRequest,
  type PlanService,
  type TaskGraph,
} from "../../services/server/plan/types.js";

/** Name of a task: `1000 START web`, `1000 CREATE`. */
const nameOf = (node: number, action: string, service: string): string =>
  `${node} ${action}${service === "" ? "" : ` ${service}`}`;

interface Task {
  readonly node: number;
  readonly action: ActionName;
  readonly service: string;
}

const taskOf = (graph: TaskGraph, task: number): Task => ({
  node: graph.node[task]!,
  action: ACTIONS[graph.action[task]!]!,
  service: graph.serviceNames[graph.service[task]!]!,
});
export const nameIn = (graph: TaskGraph, task: number): string => {
  const { node, action, service } = taskOf(graph, task);
  return nameOf(node, action, service);
};

/** For each task, the names of all that it waits for, directly or not. Joins vanish. */
export function waitsIn(graph: TaskGraph): Map<string, Set<string>> {
  const before = Array.from({ length: graph.vertexCount }, () => new Set<number>());
  const left = Uint32Array.from(graph.indegree);
  const queue = Array.from({ length: graph.vertexCount }, (_, vertex) => vertex).filter((vertex) => left[vertex] === 0);
  for (const vertex of queue) {
    for (let edge = graph.offset[vertex]!; edge < graph.offset[vertex + 1]!; edge += 1) {
      const dependent = graph.dependents[edge]!;
      before[dependent]!.add(vertex);
      for (const further of before[vertex]!) before[dependent]!.add(further);
      left[dependent]! -= 1;
      if (left[dependent] === 0) queue.push(dependent);
    }
  }
  assert.equal(queue.length, graph.vertexCount, "the graph has a cycle");
  return new Map(
    Array.from({ length: graph.taskCount }, (_, task) => [
      nameIn(graph, task),
      new Set([...before[task]!].filter((vertex) => vertex < graph.taskCount).map((vertex) => nameIn(graph, vertex))),
    ]),
  );
}

/**
 * The rules as they are written down, pair by pair, nothing minimised and nothing shared: which task waits for which,
 * closed over all ways round.
 */
export function naivePlan(request: PlanRequest): Map<string, Set<string>> {
  const byName = new Map(request.services.map((service) => [service.name, service]));
  const answersTo = (service: PlanService, name: string): boolean =>
    service.name === name || service.provides.includes(name);
  const dependsOn = (
    a: string,
    b: string,
    namesOf: (service: PlanService) => readonly string[],
    seen = new Set<string>(),
  ): boolean =>
    request.services.some((other) => {
      if (other.name === a || seen.has(other.name) || !namesOf(byName.get(a)!).some((name) => answersTo(other, name)))
        return false;
      seen.add(other.name);
      return other.name === b || dependsOn(other.name, b, namesOf, seen);
    });
  const install = (service: PlanService): string[] => [...service.installRequires, ...service.installUses];
  const runtime = (service: PlanService): string[] => [...service.runtimeRequires, ...service.runtimeUses];
  const has = (service: string, action: string): boolean =>
    (byName.get(service)!.actions as readonly string[]).includes(action.toLowerCase());

  interface Made extends Task {
    readonly part: "make" | "stop" | "renew" | "end";
  }
  const tasks: Made[] = [];
  const changed = request.changed ?? [];
  const sees = (service: string): boolean =>
    changed.includes("*") ||
    byName.get(service)!.sees.some((name) => changed.includes(name) || (name === "*" && changed.length > 0));
  for (const node of request.nodes) {
    const add = (part: Made["part"], service: string, ...actions: readonly ActionName[]): void => {
      for (const action of actions)
        if (service === "" || has(service, action)) tasks.push({ node: node.number, action, service, part });
    };
    const isActed = (service: string): boolean =>
      node.change === "KEEP" &&
      !node.added.includes(service) &&
      node.idle?.includes(service) !== true &&
      request.act?.services.includes(service) === true;
    if (node.change === "MAKE" || node.change === "REPLACE") add("make", "", "CREATE", "CONFIRM", "BOOTSTRAP");
    if (node.change === "START") add("make", "", "CONFIRM", "BOOTSTRAP");
    if (node.change === "KEEP" && (node.added.length > 0 || (request.act?.bootstrap && node.services.some(isActed))))
      add("make", "", "BOOTSTRAP");
    for (const service of node.added) add("make", service, "INSTALL", "CONFIGURE", "INITIALIZE", "START");
    for (const service of node.services) {
      if (node.added.includes(service) || node.change === "REMOVE" || node.idle?.includes(service) === true) continue;
      const isLeftStopped = node.stopped?.includes(service) === true;
      const tell = (part: Made["part"], ...actions: readonly ActionName[]): void =>
        add(part, service, ...actions.filter((action) => !isLeftStopped || action === "CONFIGURE"));
      if (isActed(service)) tell("make", ...request.act!.actions.map((action) => action.toUpperCase() as ActionName));
      else if (sees(service)) tell("renew", "CONFIGURE", "STOP", "START");
      else if (node.change === "START") tell("make", "START");
    }
    for (const service of node.removed) {
      add(node.change === "REPLACE" ? "end" : "stop", service, "STOP");
      add("end", service, "REMOVE");
    }
    if (node.change === "REMOVE" || node.change === "REPLACE") add("end", "", "DELETE");
  }
  const isRenewing = tasks.some((task) => task.part === "renew");
  const check = [...request.nodes]
    .sort((a, b) => a.number - b.number)
    .find((node) => node.change !== "REMOVE" && node.services.includes(request.checkService ?? ""));
  // A check alone is nothing to do, but where services are taken off that have nothing to stop.
  if (check !== undefined && (tasks.length > 0 || request.operation === "REMOVE_SERVICES"))
    tasks.push({ node: check.number, action: "CHECK", service: request.checkService!, part: "end" });

  const ranks: Readonly<Record<Made["part"], readonly string[]>> = {
    make: ["CREATE", "CONFIRM", "BOOTSTRAP", "INSTALL", "CONFIGURE", "INITIALIZE", "START"],
    stop: ["STOP"],
    renew: ["CONFIGURE", "STOP", "START"],
    end: ["STOP", "REMOVE", "DELETE"],
  };
  const actedOn = request.act?.actions.map((action) => action.toUpperCase()) ?? [];
  const waits = (b: Made, a: Made): boolean => {
    if (b.action === "CHECK" || a.action === "CHECK") return b.action === "CHECK" && a.action !== "CHECK";
    if (a.part !== b.part) {
      if (b.part === "renew") return a.part === "make" || a.part === "stop";
      if (b.part !== "end") return false;
      if (a.part === (isRenewing ? "renew" : "make")) return true;
      // A service before what is left of it, and all of a machine before the machine.
      return a.part === "stop" && a.node === b.node && (a.service === b.service || b.service === "");
    }
    // One after the other for each service, the machine before or, where it goes, after all of them.
    if (b.node === a.node && (b.service === a.service || b.service === "" || a.service === "")) {
      if (a.part === "make" && a.service === "" && b.service !== "") return true;
      const order = a.part === "make" && a.service !== "" && actsOn(a) ? actedOn : ranks[a.part];
      if (order.indexOf(a.action) < order.indexOf(b.action)) return true;
    }
    // What names other nodes waits until these are there.
    if (a.action === "CONFIRM" && b.service !== "" && byName.get(b.service)!.sees.length > 0) return true;
    if (a.service === "" || b.service === "") return false;
    if (a.action === "INSTALL" && b.action === "INSTALL") return dependsOn(b.service, a.service, install);
    if (a.action === "START" && (b.action === "START" || b.action === "INITIALIZE"))
      return dependsOn(b.service, a.service, runtime);
    if (a.action === "STOP" && b.action === "STOP") return dependsOn(a.service, b.service, runtime);
    return false;
  };
  const actsOn = ({ node, service }: Task): boolean => {
    const own = request.nodes.find((one) => one.number === node)!;
    return own.change === "KEEP" && !own.added.includes(service) && request.act?.services.includes(service) === true;
  };
  const keyOf = ({ node, action, service }: Task): string => nameOf(node, action, service);
  const direct = new Map(tasks.map((b) => [keyOf(b), tasks.filter((a) => a !== b && waits(b, a)).map(keyOf)]));
  const closed = new Map<string, Set<string>>();
  const close = (name: string): Set<string> => {
    const known = closed.get(name);
    if (known !== undefined) return known;
    const all = new Set<string>();
    closed.set(name, all);
    for (const one of direct.get(name)!) {
      all.add(one);
      for (const further of close(one)) all.add(further);
    }
    return all;
  };
  for (const name of direct.keys()) close(name);
  return closed;
}

const SERVICES = ["a", "b", "c", "d", "e"];
/** Everything that can become of machines. */
export const CHANGES: readonly MachineChange[] = ["KEEP", "MAKE", "START", "REMOVE", "REPLACE"];
/** What is done to services that stay. */
const ACTS = [["configure"], ["stop", "configure", "start"], ["start"], ["stop"], ["stop", "start"]] as const;

/** Services depend only on those before them in a random order, so that there is no cycle. */
const anyServices: fc.Arbitrary<PlanService[]> = fc.shuffledSubarray(SERVICES, { minLength: 1 }).chain((names) => {
  const dependencies = (index: number, order: readonly string[]): fc.Arbitrary<string[]> =>
    fc.subarray([...order.slice(0, index), ...order.slice(0, index).map((name) => `virtual-${name}`), "gone"]);
  // The orders of the two phases need not agree.
  return fc.shuffledSubarray(names, { minLength: names.length }).chain((other) =>
    fc.tuple(
      ...names.map((name, index) =>
        fc.record({
          name: fc.constant(name),
          provides: fc.subarray([`virtual-${name}`]),
          installRequires: dependencies(index, names),
          installUses: dependencies(index, names),
          runtimeRequires: dependencies(other.indexOf(name), other),
          runtimeUses: dependencies(other.indexOf(name), other),
          actions: fc.subarray(["install", "configure", "initialize", "start", "stop", "remove"] as const),
          sees: fc.oneof({ arbitrary: fc.constant([]), weight: 2 }, fc.subarray([...names, "gone", "*"])),
        }),
      ),
    ),
  );
});

/** A node with services that are not there, or stay stopped, among those that it has. */
const anyNode = (names: readonly string[]): fc.Arbitrary<AnyNode> =>
  anyWholeNode(names).chain((node) => {
    const staying = node.services.filter((service) => !node.added.includes(service));
    const some = fc.option(fc.subarray(staying), { nil: undefined });
    return fc.tuple(some, some).map(([idle, stopped]) => ({
      ...node,
      ...(idle === undefined ? {} : { idle }),
      ...(stopped === undefined ? {} : { stopped }),
    }));
  });

type AnyNode = Pick<PlanNode, "services" | "change" | "added" | "removed" | "idle" | "stopped">;

const anyWholeNode = (names: readonly string[]): fc.Arbitrary<AnyNode> =>
  fc.record({ all: fc.subarray([...names]), change: fc.constantFrom(...CHANGES) }).chain(({ all, change }) =>
    fc.record({ part: fc.subarray(all), other: fc.subarray(all) }).map(({ part, other }) => {
      switch (change) {
        case "MAKE":
          return { change, services: all, added: all, removed: [] };
        case "REPLACE":
          return { change, services: all, added: all, removed: part };
        case "REMOVE":
          return { change, services: all, added: [], removed: part };
        case "START":
          return { change, services: all, added: [], removed: [] };
        default: {
          // Some stay, some come, some go.
          const staying = all.filter((name) => !part.includes(name));
          const added = part.filter((name) => !other.includes(name));
          return {
            change,
            services: [...staying, ...added].sort(),
            added,
            removed: part.filter((name) => other.includes(name)),
          };
        }
      }
    }),
  );

export const anyRequest: fc.Arbitrary<PlanRequest> = anyServices.chain((services) => {
  const names = services.map(({ name }) => name).sort();
  return fc
    .record({
      operation: fc.constantFrom(...OPERATION_KINDS),
      services: fc.constant(services),
      nodes: fc.array(anyNode(names), { minLength: 1, maxLength: 5 }).map((nodes) =>
        nodes.map((node, index): PlanNode => ({
          number: 1000 + index,
          hostname: `n${index}`,
          hardwareType: "small",
          imageType: "debian",
          ...node,
        })),
      ),
      checkService: fc.option(fc.constantFrom(...names), { nil: undefined }),
      act: fc.option(
        fc.record({ services: fc.subarray(names), actions: fc.constantFrom(...ACTS), bootstrap: fc.boolean() }),
        { nil: undefined },
      ),
      changed: fc.oneof({ arbitrary: fc.subarray(names), weight: 5 }, fc.constant(["*"])),
    })
    .map(({ checkService, act, ...rest }) => ({
      ...rest,
      ...(checkService === undefined ? {} : { checkService }),
      ...(act === undefined ? {} : { act }),
    }));
});

/** The graph, or undefined where there is nothing to do. */
export function planned(request: PlanRequest): TaskGraph | undefined {
  try {
    return planOperation(request);
  } catch (thrown) {
    assert.equal(LoomError.from(thrown).reason, "NOTHING_TO_DO", String(thrown));
    return undefined;
  }
}

export const serviceOf = (name: string, more: Partial<PlanService> = {}): PlanService => ({
  name,
  provides: [],
  installRequires: [],
  installUses: [],
  runtimeRequires: [],
  runtimeUses: [],
  actions: ["install", "start", "stop"],
  sees: [],
  ...more,
});
export const nodeOf = (number: number, services: readonly string[], change: MachineChange = "MAKE"): PlanNode => ({
  number,
  hostname: `n${number}`,
  hardwareType: "small",
  imageType: "debian",
  services,
  change,
  added: change === "MAKE" || change === "REPLACE" ? services : [],
  removed: [],
});

/** Tasks by stage. */
export function stagesOf(graph: TaskGraph): string[][] {
  const stages: string[][] = [];
  for (let task = 0; task < graph.taskCount; task += 1) (stages[graph.stage[task]!] ??= []).push(nameIn(graph, task));
  return stages;
}
