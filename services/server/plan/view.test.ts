import assert from "node:assert/strict";
import { planOperation } from "./operation.js";
import { planView } from "./view.js";
import type { MachineChange, OperationKind, PlanNode, PlanRequest, PlanService } from "./types.js";

const serviceOf = (name: string, sees: readonly string[] = []): PlanService => ({
  name,
  provides: [],
  installRequires: [],
  installUses: [],
  runtimeRequires: [],
  runtimeUses: [],
  actions: ["start", "stop"],
  sees,
});
const nodeOf = (number: number, services: readonly string[], change: MachineChange): PlanNode => ({
  number,
  hostname: `n${number}`,
  hardwareType: "small",
  imageType: "debian",
  services,
  change,
  added: change === "MAKE" ? services : [],
  removed: [],
});

const nodes = [
  nodeOf(1000, ["lb"], "KEEP"),
  nodeOf(1001, ["log"], "KEEP"),
  nodeOf(1002, ["web"], "MAKE"),
  nodeOf(1003, ["web"], "MAKE"),
];
const services = [serviceOf("lb", ["web"]), serviceOf("log"), serviceOf("web")];

function view(operation: OperationKind, more: Partial<PlanRequest> = {}): ReturnType<typeof planView> {
  const request = { operation, nodes, services, changed: ["web"], ...more };
  return planView(planOperation(request), request.nodes, { addedServices: ["web"] });
}

describe("planView", () => {
  it("sums up stages and says what happens to each node that something happens to", () => {
    const { stages, nodes: touched, taskCount, addedServices } = view("ADD_NODES");
    assert.deepEqual(stages, [
      [{ action: "CREATE", service: "", count: 2 }],
      [{ action: "CONFIRM", service: "", count: 2 }],
      [{ action: "BOOTSTRAP", service: "", count: 2 }],
      [{ action: "START", service: "web", count: 2 }],
      [{ action: "STOP", service: "lb", count: 1 }],
      [{ action: "START", service: "lb", count: 1 }],
    ]);
    assert.deepEqual(
      touched.map(({ number, change }) => [number, change]),
      [
        [1000, "UPDATE"],
        [1002, "CREATE"],
        [1003, "CREATE"],
      ],
    );
    assert.deepEqual(touched[1], {
      change: "CREATE",
      number: 1002,
      hostname: "n1002",
      hardwareType: "small",
      imageType: "debian",
      services: ["web"],
    });
    assert.equal(taskCount, 10);
    assert.deepEqual(addedServices, ["web"]);
  });

  it("shows nodes of a delete as deleted", () => {
    const { stages, nodes: touched } = view("DELETE", {
      nodes: nodes.map((node) => ({ ...node, change: "REMOVE", added: [] })),
    });
    assert.deepEqual(stages, [[{ action: "DELETE", service: "", count: 4 }]]);
    assert.deepEqual(
      touched.map(({ change }) => change),
      ["DELETE", "DELETE", "DELETE", "DELETE"],
    );
  });
});
