import assert from "node:assert/strict";
import fc from "fast-check";
import { LoomError } from "../../common/errors.js";
import {
  CHANGES,
  anyRequest,
  naivePlan,
  nameIn,
  nodeOf,
  planned,
  serviceOf,
  stagesOf,
  waitsIn,
} from "../../../test/support/plans.js";
import { planOperation } from "./operation.js";
import type { MachineChange, PlanNode, PlanRequest, PlanService } from "./types.js";

describe("planOperation", () => {
  it("orders tasks like the rules applied to every pair of them, whatever becomes of the nodes", () => {
    const seen = new Map<MachineChange, number>();
    fc.assert(
      fc.property(anyRequest, (request) => {
        const graph = planned(request);
        const expected = naivePlan(request);
        if (graph === undefined) {
          assert.equal(expected.size, 0);
          return;
        }
        for (const { change } of request.nodes) seen.set(change, (seen.get(change) ?? 0) + 1);
        const found = waitsIn(graph);
        assert.deepEqual([...found.keys()].sort(), [...expected.keys()].sort());
        for (const [name, before] of expected) assert.deepEqual([...found.get(name)!].sort(), [...before].sort(), name);
      }),
      { numRuns: 3000 },
    );
    for (const change of CHANGES) assert.ok(seen.get(change)! > 200, `${change} was planned ${seen.get(change)} times`);
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
      changed: ["web"],
      nodes: [nodeOf(1000, ["lb", "log"], "KEEP"), nodeOf(1001, ["web"], "KEEP"), nodeOf(1002, ["web"])],
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
    const gone = (number: number, services: string[], hooked: boolean): PlanNode => ({
      ...nodeOf(number, services, "REMOVE"),
      removed: hooked ? services : [],
    });
    const request = (hooked: boolean): PlanRequest => ({
      operation: "DELETE",
      nodes: [gone(1000, ["lb"], hooked), gone(1001, ["web"], hooked), gone(1002, [], hooked)],
      services: [serviceOf("lb", { runtimeUses: ["web"], actions: ["stop", "remove"] }), serviceOf("web")],
    });
    assert.deepEqual(stagesOf(planOperation(request(false))), [["1000 DELETE", "1001 DELETE", "1002 DELETE"]]);
    assert.deepEqual(stagesOf(planOperation(request(true))), [
      ["1000 STOP lb", "1002 DELETE"],
      ["1000 REMOVE lb", "1001 STOP web"],
      ["1000 DELETE", "1001 DELETE"],
    ]);
  });

  const lb = serviceOf("lb", {
    runtimeRequires: ["web"],
    actions: ["install", "configure", "start", "stop"],
    sees: ["web"],
  });
  const web = serviceOf("web", { actions: ["install", "start", "stop", "remove"] });

  it("removes nodes: stops them, renews what named them, and only then takes them away", () => {
    const graph = planOperation({
      operation: "REMOVE_NODES",
      changed: ["web"],
      nodes: [
        nodeOf(1000, ["lb"], "KEEP"),
        nodeOf(1001, ["web"], "KEEP"),
        { ...nodeOf(1002, ["web"], "REMOVE"), removed: ["web"] },
      ],
      services: [lb, web],
      checkService: "lb",
    });
    assert.deepEqual(stagesOf(graph), [
      ["1002 STOP web"],
      ["1000 CONFIGURE lb"],
      ["1000 STOP lb"],
      ["1000 START lb"],
      ["1002 REMOVE web"],
      ["1002 DELETE"],
      ["1000 CHECK lb"],
    ]);
  });

  it("replaces a machine: the new one takes over before the old one stops", () => {
    const graph = planOperation({
      operation: "REPLACE_NODE",
      changed: ["web"],
      nodes: [
        nodeOf(1000, ["lb"], "KEEP"),
        { ...nodeOf(1001, ["web"], "REPLACE"), removed: ["web"] },
        nodeOf(1002, ["web"], "KEEP"),
      ],
      services: [lb, web],
    });
    assert.deepEqual(stagesOf(graph), [
      ["1001 CREATE"],
      ["1001 CONFIRM"],
      ["1001 BOOTSTRAP"],
      ["1001 INSTALL web"],
      ["1001 START web"],
      ["1000 CONFIGURE lb"],
      ["1000 STOP lb"],
      ["1000 START lb"],
      ["1001 STOP web"],
      ["1001 REMOVE web"],
      ["1001 DELETE"],
    ]);
  });

  it("restarts services in the order of their dependencies, down and up", () => {
    const graph = planOperation({
      operation: "RESTART_SERVICES",
      act: { services: ["lb", "web"], actions: ["stop", "start"], bootstrap: false },
      nodes: [nodeOf(1000, ["lb"], "KEEP"), nodeOf(1001, ["web"], "KEEP")],
      services: [lb, web],
    });
    assert.deepEqual(stagesOf(graph), [["1000 STOP lb"], ["1001 STOP web"], ["1001 START web"], ["1000 START lb"]]);
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
          nodes: [nodeOf(1000, ["a"], "KEEP")],
          services: [serviceOf("a")],
          changed: ["a"],
          checkService: "a",
        }),
      { reason: "NOTHING_TO_DO" },
    );
  });

  it("takes services off that have nothing to stop", () => {
    const nodes = [nodeOf(1000, ["a"], "KEEP")];
    const request: PlanRequest = { operation: "REMOVE_SERVICES", nodes, services: [serviceOf("a")] };
    assert.equal(planOperation(request).taskCount, 0);
    assert.deepEqual(stagesOf(planOperation({ ...request, checkService: "a" })), [["1000 CHECK a"]]);
  });
});
