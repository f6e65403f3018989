import assert from "node:assert/strict";
import fc from "fast-check";
import { LoomError } from "../../common/errors.js";
import { planOperation } from "./operation.js";
import {
  ACTIONS,
  type ActionName,
  type OperationKind,
  type PlanNode,
  type PlanRequest,
  type PlanService,
  type TaskGraph,
} from "./types.js";

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
const nameIn = (graph: TaskGraph, task: number): string => {
  const { node, action, service } = taskOf(graph, task);
  return nameOf(node, action, service);
};

/** For each task, the names of all that it waits for, directly or not. Joins vanish. */
function waitsIn(graph: TaskGraph): Map<string, Set<string>> {
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
function naivePlan(request: PlanRequest): Map<string, Set<string>> {
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
    readonly part: "made" | "renewed";
  }
  const tasks: Made[] = [];
  const grown = request.grown ?? [];
  for (const node of request.nodes) {
    if (request.operation === "DELETE") {
      if (request.stopBeforeDelete === true) {
        for (const service of node.services)
          for (const action of ["STOP", "REMOVE"] as const)
            if (has(service, action)) tasks.push({ node: node.number, action, service, part: "made" });
      }
      tasks.push({ node: node.number, action: "DELETE", service: "", part: "made" });
    } else if (node.isNew) {
      for (const action of ["CREATE", "CONFIRM", "BOOTSTRAP"] as const)
        tasks.push({ node: node.number, action, service: "", part: "made" });
      for (const service of node.services)
        for (const action of ["INSTALL", "CONFIGURE", "INITIALIZE", "START"] as const)
          if (has(service, action)) tasks.push({ node: node.number, action, service, part: "made" });
    } else {
      for (const service of node.services) {
        if (!byName.get(service)!.sees.some((name) => name === "*" || grown.includes(name))) continue;
        for (const action of ["CONFIGURE", "STOP", "START"] as const)
          if (has(service, action)) tasks.push({ node: node.number, action, service, part: "renewed" });
      }
    }
  }
  const check =
    request.operation === "DELETE" || request.checkService === undefined
      ? undefined
      : [...request.nodes]
          .sort((a, b) => a.number - b.number)
          .find((node) => node.services.includes(request.checkService!));
  if (check !== undefined)
    tasks.push({ node: check.number, action: "CHECK", service: request.checkService!, part: "made" });

  const order =
    request.operation === "DELETE"
      ? ["STOP", "REMOVE", "DELETE"]
      : ["CREATE", "CONFIRM", "BOOTSTRAP", "INSTALL", "CONFIGURE", "INITIALIZE"];
  const renewOrder = ["CONFIGURE", "STOP", "START"];
  const waits = (b: Made, a: Made): boolean => {
    if (b.action === "CHECK" || a.action === "CHECK") return b.action === "CHECK" && a.action !== "CHECK";
    if (b.part !== a.part) return b.part === "renewed" && a.part === "made" && request.nodes.some((node) => node.isNew);
    // One after the other for each service, the machine before or, at a delete, after all of them.
    if (b.node === a.node && (b.service === a.service || b.service === "" || a.service === "")) {
      const actions = b.part === "renewed" ? renewOrder : [...order, "START"];
      if (actions.indexOf(a.action) < actions.indexOf(b.action)) return true;
    }
    // What names other nodes waits until these are there.
    if (
      request.operation !== "DELETE" &&
      a.action === "CONFIRM" &&
      b.part === "made" &&
      b.service !== "" &&
      byName.get(b.service)!.sees.length > 0
    )
      return true;
    if (a.service === "" || b.service === "") return false;
    if (a.action === "INSTALL" && b.action === "INSTALL") return dependsOn(b.service, a.service, install);
    if (a.action === "START" && (b.action === "START" || b.action === "INITIALIZE"))
      return dependsOn(b.service, a.service, runtime);
    if (a.action === "STOP" && b.action === "STOP") return dependsOn(a.service, b.service, runtime);
    return false;
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
const OPERATIONS: readonly OperationKind[] = ["CREATE", "ADD_NODES", "DELETE"];

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

const anyRequest: fc.Arbitrary<PlanRequest> = fc
  .tuple(anyServices, fc.constantFrom(...OPERATIONS))
  .chain(([services, operation]) => {
    const names = services.map(({ name }) => name).sort();
    return fc
      .record({
        operation: fc.constant(operation),
        services: fc.constant(services),
        nodes: fc
          .array(
            fc.record({
              services: fc.subarray(names),
              isNew:
                operation === "CREATE" ? fc.constant(true) : operation === "DELETE" ? fc.constant(false) : fc.boolean(),
            }),
            { minLength: 1, maxLength: 5 },
          )
          .map((nodes) =>
            nodes.map((node, index): PlanNode => ({
              number: 1000 + index,
              hostname: `n${index}`,
              hardwareType: "small",
              imageType: "debian",
              ...node,
            })),
          ),
        checkService: fc.option(fc.constantFrom(...names), { nil: undefined }),
        stopBeforeDelete: fc.boolean(),
        grown: fc.subarray(names),
      })
      .map(({ checkService, ...rest }) => (checkService === undefined ? rest : { ...rest, checkService }));
  });

/** The graph, or undefined where there is nothing to do. */
function planned(request: PlanRequest): TaskGraph | undefined {
  try {
    return planOperation(request);
  } catch (thrown) {
    assert.equal(LoomError.from(thrown).reason, "NOTHING_TO_DO", String(thrown));
    return undefined;
  }
}

const serviceOf = (name: string, more: Partial<PlanService> = {}): PlanService => ({
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
const nodeOf = (number: number, services: readonly string[], isNew = true): PlanNode => ({
  number,
  hostname: `n${number}`,
  hardwareType: "small",
  imageType: "debian",
  services,
  isNew,
});

/** Tasks by stage. */
function stagesOf(graph: TaskGraph): string[][] {
  const stages: string[][] = [];
  for (let task = 0; task < graph.taskCount; task += 1) (stages[graph.stage[task]!] ??= []).push(nameIn(graph, task));
  return stages;
}

describe("planOperation", () => {
  it("orders tasks like the rules applied to every pair of them, for every operation", () => {
    const seen: Record<OperationKind, number> = { CREATE: 0, ADD_NODES: 0, DELETE: 0 };
    fc.assert(
      fc.property(anyRequest, (request) => {
        const graph = planned(request);
        const expected = naivePlan(request);
        if (graph === undefined) {
          assert.equal(expected.size, 0);
          return;
        }
        seen[request.operation] += 1;
        const found = waitsIn(graph);
        assert.deepEqual([...found.keys()].sort(), [...expected.keys()].sort());
        for (const [name, before] of expected) assert.deepEqual([...found.get(name)!].sort(), [...before].sort(), name);
      }),
      { numRuns: 2000 },
    );
    for (const operation of OPERATIONS)
      assert.ok(seen[operation] > 200, `${operation} was planned ${seen[operation]} times`);
  });

  it("gives each task the length of the longest way to it as its stage, and numbers by stage, node, action and service", () => {
    fc.assert(
      fc.property(anyRequest, (request) => {
        const graph = planned(request);
        if (graph === undefined) return;
        const waits = waitsIn(graph);
        const depth = new Map<string, number>();
        const depthOf = (name: string): number => {
          const known = depth.get(name);
          if (known !== undefined) return known;
          const found = [...waits.get(name)!].reduce((most, before) => Math.max(most, depthOf(before) + 1), 0);
          depth.set(name, found);
          return found;
        };
        let previous = "";
        for (let task = 0; task < graph.taskCount; task += 1) {
          assert.equal(graph.stage[task], depthOf(nameIn(graph, task)));
          const key = [graph.stage[task]!, graph.node[task]!, graph.action[task]!, graph.service[task]!]
            .map((part) => String(part).padStart(6, "0"))
            .join();
          assert.ok(previous < key, `${previous} before ${key}`);
          previous = key;
        }
      }),
      { numRuns: 500 },
    );
  });

  it("gives the same graph whatever the order in which nodes, services and their lists are named", () => {
    const shuffled = anyRequest.chain((request) =>
      fc.record({
        request: fc.constant(request),
        other: fc
          .record({
            nodes: fc.shuffledSubarray([...request.nodes], { minLength: request.nodes.length }),
            services: fc.shuffledSubarray([...request.services], { minLength: request.services.length }),
          })
          .chain(({ nodes, services }) =>
            fc.constant({
              ...request,
              nodes: nodes.map((node) => ({ ...node, services: [...node.services].reverse() })),
              services: services.map((service) => ({
                ...service,
                runtimeRequires: [...service.runtimeRequires].reverse(),
              })),
            }),
          ),
      }),
    );
    fc.assert(
      fc.property(shuffled, ({ request, other }) => {
        assert.equal(planned(other)?.digest, planned(request)?.digest);
      }),
      { numRuns: 500 },
    );
  });

  it("has other digests for other graphs", () => {
    const digest = (services: readonly string[], more: Partial<PlanService> = {}): string =>
      planOperation({
        operation: "CREATE",
        nodes: [nodeOf(1000, services), nodeOf(1001, services)],
        services: [serviceOf("a"), serviceOf("b", more)],
      }).digest;
    const digests = [
      digest(["a"]),
      digest(["b"]),
      digest(["a", "b"]),
      digest(["a", "b"], { runtimeRequires: ["a"] }),
      digest(["a", "b"], { installUses: ["a"] }),
      digest(["a", "b"], { sees: ["a"] }),
    ];
    assert.equal(new Set(digests).size, digests.length);
  });

  it("grows with the nodes, not with their square", () => {
    const services = Array.from({ length: 6 }, (_, index) =>
      serviceOf(`s${index}`, {
        runtimeRequires: Array.from({ length: index }, (_, before) => `s${before}`),
        installRequires: Array.from({ length: index }, (_, before) => `s${before}`),
        sees: ["s0"],
        actions: ["install", "configure", "initialize", "start"],
      }),
    );
    const edges = (count: number): number =>
      planOperation({
        operation: "CREATE",
        nodes: Array.from({ length: count }, (_, index) =>
          nodeOf(
            1000 + index,
            services.map(({ name }) => name),
          ),
        ),
        services,
        checkService: "s0",
      }).dependents.length;
    const [few, more] = [edges(100), edges(200)];
    assert.ok(more <= 2 * few, `${few} edges of 100 nodes, ${more} of 200`);
  });

  it("walks dependencies without actions once, however many ways lead through them", () => {
    const services = Array.from({ length: 60 }, (_, index) =>
      serviceOf(`s${String(index).padStart(2, "0")}`, {
        actions: index === 0 || index === 59 ? ["start"] : [],
        runtimeRequires: Array.from({ length: index }, (_, before) => `s${String(before).padStart(2, "0")}`),
      }),
    );
    const graph = planOperation({
      operation: "CREATE",
      nodes: [nodeOf(1000, ["s00"]), nodeOf(1001, ["s59"])],
      services,
    });
    assert.ok(waitsIn(graph).get("1001 START s59")!.has("1000 START s00"));
  });

  it("makes the nodes of a cluster", () => {
    const graph = planOperation({
      operation: "CREATE",
      nodes: [nodeOf(1000, ["lb"]), nodeOf(1001, ["web"])],
      checkService: "lb",
      services: [
        serviceOf("lb", { runtimeRequires: ["web"], actions: ["install", "configure", "start"], sees: ["web"] }),
        serviceOf("web", { actions: ["install", "start"] }),
      ],
    });
    assert.deepEqual(stagesOf(graph), [
      ["1000 CREATE", "1001 CREATE"],
      ["1000 CONFIRM", "1001 CONFIRM"],
      ["1000 BOOTSTRAP", "1001 BOOTSTRAP"],
      ["1000 INSTALL lb", "1001 INSTALL web"],
      ["1000 CONFIGURE lb", "1001 START web"],
      ["1000 START lb"],
      ["1000 CHECK lb"],
    ]);
  });

  it("adds nodes, then renews what names a service that grew", () => {
    const graph = planOperation({
      operation: "ADD_NODES",
      grown: ["web"],
      nodes: [nodeOf(1000, ["lb", "log"], false), nodeOf(1001, ["web"], false), nodeOf(1002, ["web"])],
      services: [
        serviceOf("lb", {
          runtimeRequires: ["web"],
          actions: ["install", "configure", "start", "stop"],
          sees: ["web"],
        }),
        serviceOf("log"),
        serviceOf("web"),
      ],
    });
    assert.deepEqual(stagesOf(graph), [
      ["1002 CREATE"],
      ["1002 CONFIRM"],
      ["1002 BOOTSTRAP"],
      ["1002 INSTALL web"],
      ["1002 START web"],
      ["1000 CONFIGURE lb"],
      ["1000 STOP lb"],
      ["1000 START lb"],
    ]);
  });

  it("ends with the machines gone, after STOP and REMOVE where that is asked for", () => {
    const request: PlanRequest = {
      operation: "DELETE",
      nodes: [nodeOf(1000, ["lb"], false), nodeOf(1001, ["web"], false), nodeOf(1002, [], false)],
      services: [serviceOf("lb", { runtimeUses: ["web"], actions: ["stop", "remove"] }), serviceOf("web")],
    };
    assert.deepEqual(stagesOf(planOperation(request)), [["1000 DELETE", "1001 DELETE", "1002 DELETE"]]);
    assert.deepEqual(stagesOf(planOperation({ ...request, stopBeforeDelete: true })), [
      ["1000 STOP lb", "1002 DELETE"],
      ["1000 REMOVE lb", "1001 STOP web"],
      ["1000 DELETE", "1001 DELETE"],
    ]);
  });

  it("waits for the service of a name and for everything that provides it", () => {
    const graph = planOperation({
      operation: "CREATE",
      nodes: [nodeOf(1000, ["app", "sql", "mine"])],
      services: [
        serviceOf("app", { runtimeRequires: ["sql"] }),
        serviceOf("mine", { provides: ["sql"] }),
        serviceOf("sql"),
      ],
    });
    const before = waitsIn(graph).get("1000 START app")!;
    assert.ok(before.has("1000 START sql") && before.has("1000 START mine"));
  });

  it("refuses services that depend on each other in a circle, and names it", () => {
    const refused = (services: readonly PlanService[]): LoomError => {
      try {
        planOperation({
          operation: "CREATE",
          nodes: [
            nodeOf(
              1000,
              services.map(({ name }) => name),
            ),
          ],
          services,
        });
      } catch (thrown) {
        return LoomError.from(thrown);
      }
      throw new Error("not refused");
    };
    const runtime = refused([
      serviceOf("a", { runtimeRequires: ["b"] }),
      serviceOf("b", { runtimeUses: ["c"] }),
      serviceOf("c", { runtimeRequires: ["a"] }),
      serviceOf("x", { runtimeRequires: ["a"] }),
    ]);
    assert.deepEqual([runtime.reason, runtime.metadata], ["DEPENDENCY_CYCLE", { cycle: "a -> b -> c -> a" }]);
    assert.equal(refused([serviceOf("a", { installUses: ["a"] })]).reason, "DEPENDENCY_CYCLE");
    assert.equal(
      refused([serviceOf("a", { installRequires: ["v"] }), serviceOf("b", { provides: ["v"], installRequires: ["a"] })])
        .reason,
      "DEPENDENCY_CYCLE",
    );
    // What it provides itself it has.
    planOperation({
      operation: "CREATE",
      nodes: [nodeOf(1000, ["a"])],
      services: [serviceOf("a", { provides: ["v"], runtimeRequires: ["v"] })],
    });
  });

  it("refuses an operation with nothing to do", () => {
    assert.throws(() => planOperation({ operation: "DELETE", nodes: [], services: [] }), { reason: "NOTHING_TO_DO" });
    assert.throws(
      () =>
        planOperation({
          operation: "ADD_NODES",
          nodes: [nodeOf(1000, ["a"], false)],
          services: [serviceOf("a")],
          grown: ["a"],
        }),
      { reason: "NOTHING_TO_DO" },
    );
  });
});
