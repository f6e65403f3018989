import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { buildCatalog } from "../catalog/build.js";
import { loadCatalog } from "../catalog/load.js";
import type { CatalogDocument, ClusterTemplate } from "../catalog/types.js";
import { planOffline, type OfflinePlan, type OfflineRequest } from "./offline.js";

const shell = { type: "shell", fields: { script: "true" } };

function documents(template: ClusterTemplate): CatalogDocument[] {
  return [
    { kind: "Provider", name: "sim", body: { type: "simulated" } },
    { kind: "HardwareType", name: "large", body: { providers: { sim: { flavor: "l" } } } },
    { kind: "HardwareType", name: "small", body: { providers: { sim: { flavor: "s" } } } },
    { kind: "ImageType", name: "debian", body: { providers: { sim: { image: "d" } } } },
    {
      kind: "Service",
      name: "lb",
      body: { runtime: { requires: ["web"] }, actions: { install: shell, start: shell } },
    },
    { kind: "Service", name: "web", body: { actions: { install: shell, start: shell } } },
    { kind: "ClusterTemplate", name: "farm", body: template },
  ];
}

const FARM: ClusterTemplate = {
  defaults: { services: ["lb", "web"], provider: "sim" },
  constraints: {
    layout: { cantCoexist: [["lb", "web"]] },
    services: { lb: { min: 1, max: 1 }, web: { hardwareTypes: ["small"] } },
  },
};

let clock = 0;
const now = (): number => (clock += 0.5);

function plan(request: Partial<OfflineRequest> = {}, template = FARM): ReturnType<typeof planOffline> {
  return planOffline({ catalog: buildCatalog(documents(template)), template: "farm", nodes: 2, ...request }, now);
}

describe("planOffline", () => {
  it("shows the layout, the nodes and every task", () => {
    assert.deepEqual(plan({ name: "demo" }), {
      layout: [
        { count: 1, hardwareType: "large", imageType: "debian", services: ["lb"] },
        { count: 1, hardwareType: "small", imageType: "debian", services: ["web"] },
      ],
      nodes: [
        { number: 1000, hostname: "demo1-1000.local", hardwareType: "large", imageType: "debian", services: ["lb"] },
        { number: 1001, hostname: "demo1-1001.local", hardwareType: "small", imageType: "debian", services: ["web"] },
      ],
      stages: [
        [
          { node: 1000, service: "", action: "CREATE" },
          { node: 1001, service: "", action: "CREATE" },
        ],
        [
          { node: 1000, service: "", action: "CONFIRM" },
          { node: 1001, service: "", action: "CONFIRM" },
        ],
        [
          { node: 1000, service: "", action: "BOOTSTRAP" },
          { node: 1001, service: "", action: "BOOTSTRAP" },
        ],
        [
          { node: 1000, service: "lb", action: "INSTALL" },
          { node: 1001, service: "web", action: "INSTALL" },
        ],
        [{ node: 1001, service: "web", action: "START" }],
        [{ node: 1000, service: "lb", action: "START" }],
      ],
      tasks: 10,
      cost: { amounts: [], unknownNodes: 2, unknownHardwareTypes: ["large", "small"] },
      solveMs: 0.5,
      planMs: 0.5,
    });
  });

  it("names hosts after the template, with its suffix, where nothing else is asked for", () => {
    const hosts = (request: Partial<OfflineRequest>, template = FARM): (string | undefined)[] =>
      (plan(request, template) as OfflinePlan).nodes.map(({ hostname }) => hostname);
    assert.deepEqual(hosts({}), ["farm1-1000.local", "farm1-1001.local"]);
    const suffixed = { ...FARM, defaults: { ...FARM.defaults, dnsSuffix: ".lab" } };
    assert.equal(hosts({}, suffixed)[0], "farm1-1000.lab");
    assert.equal(hosts({ dnsSuffix: "example.org", name: "9To5_x" }, suffixed)[0], "to5-x1-1000.example.org");
  });

  it("says what cannot all hold where there is no layout", () => {
    const found = plan({ nodes: 1 });
    assert.deepEqual("unsatisfiable" in found ? found.unsatisfiable : found, [
      '"lb" and "web" are never on the same node',
      '"lb" is on at least 1 node',
      '"web" is on at least 1 node',
      "the cluster has 1 node",
    ]);
    assert.match("sentence" in found ? found.sentence : "", /No layout of 1 node is possible/);
  });

  it("adds what is required where that is asked for, and says so", () => {
    assert.throws(() => plan({ services: ["lb"] }), { reason: "MISSING_DEPENDENCIES" });
    const found = plan({ services: ["lb"], withDependencies: true }) as OfflinePlan;
    assert.deepEqual(found.addedServices, ["web"]);
    assert.equal(found.tasks, 10);
  });

  it("refuses what a server would refuse", () => {
    assert.throws(() => plan({ template: "gone" }), { reason: "TEMPLATE_NOT_FOUND" });
    assert.throws(() => plan({ nodes: 0 }), { reason: "INVALID_SIZE" });
    assert.throws(() => plan({ provider: "gone" }), { reason: "PROVIDER_NOT_FOUND" });
  });
});

describe("planOffline on the catalog that Loom comes with", () => {
  const folder = fileURLToPath(new URL("../../../catalog", import.meta.url));
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".yaml"))
    .sort();
  const { catalog } = loadCatalog(files.map((path) => ({ path, text: readFileSync(`${folder}/${path}`, "utf8") })));

  for (const [provider, imageType] of [
    ["docker", "debian"],
    ["local", "this-machine"],
    ["simulated", "simulated"],
  ] as const) {
    it(`plans the farm on ${provider} with what it has`, () => {
      const found = planOffline({ catalog, template: "web-farm", nodes: 4, provider }, now) as OfflinePlan;
      const kind = { hardwareType: "large", imageType };
      assert.deepEqual(found.layout, [
        { count: 1, ...kind, services: ["lb"] },
        { count: 3, ...kind, services: ["web"] },
      ]);
      assert.deepEqual(found.stages.at(-1), [{ node: 1000, service: "lb", action: "CHECK" }]);
      const stageOf = (service: string): number =>
        found.stages.findIndex((stage) => stage.some((task) => task.action === "START" && task.service === service));
      assert.ok(stageOf("web") < stageOf("lb"), "the balancer starts after what it balances");
      assert.equal(found.tasks, found.stages.flat().length);
    });
  }
});
