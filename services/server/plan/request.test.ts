import assert from "node:assert/strict";
import type { JsonObject, Service } from "../catalog/types.js";
import {
  changedCluster,
  planRequest,
  planServices,
  type KnownNode,
  type PlannedCluster,
  type PlannedJob,
} from "./request.js";

const field = (value: string): Service["actions"] => ({
  configure: { type: "shell", fields: { env: { VALUE: value }, script: "echo %ip.service.script%" } },
});

function sees(services: Readonly<Record<string, Service>>, config: JsonObject, name = "a"): readonly string[] {
  return planServices(
    { services: Object.fromEntries(Object.entries(services).map(([key, body]) => [key, { body }])), config },
    [name],
    ["debian"],
  )[0]!.sees;
}

const cluster: PlannedCluster = {
  displayName: "Shop",
  id: 42n,
  config: {},
  spec: {
    template: { body: { check: { service: "a", script: "true" }, stopBeforeDelete: true } },
    services: { a: { body: { actions: { start: {} } } }, b: { body: { actions: {} } } },
    dnsSuffix: "example.org",
  },
};
const known = (number: number, state: KnownNode["state"] = "UP"): KnownNode => ({
  number,
  hostname: `old-${number}`,
  hardwareType: "small",
  imageType: "debian",
  services: ["b"],
  state,
});
const groups = [{ count: 2, hardwareType: "large", imageType: "debian", services: ["a"] }];

describe("planServices", () => {
  it("finds the services whose nodes fields and configuration name, but not in scripts, which are no macros", () => {
    assert.deepEqual(sees({ a: {} }, {}), []);
    assert.deepEqual(
      sees({ a: { actions: field("%ip.service.x% %host.service.y[0]% %num.service.z% %ip.self%")! } }, {}),
      ["x", "y", "z"],
    );
    assert.deepEqual(sees({ a: {} }, { a: { deep: [{ peers: "%join(map(ip.service.x,'$:1'),' ')%" }] } }), ["x"]);
  });

  it("looks at the configuration a service gets: its own and what belongs to no service", () => {
    assert.deepEqual(sees({ a: {}, b: {} }, { b: { peers: "%ip.service.x%" }, shared: "%ip.service.y%" }), ["y"]);
    assert.deepEqual(sees({ a: {} }, { constructor: "%ip.service.y%" }), ["y"]);
  });

  it("counts actions and fields of the image types in use only", () => {
    const service: Service = {
      actions: {
        start: { variants: [{ imageTypes: ["centos"], fields: { x: "%ip.service.x%" } }] },
        stop: { fields: { x: "%ip.service.y%" } },
      },
    };
    const [found] = planServices({ services: { a: { body: service } }, config: {} }, ["a"], ["debian"]);
    assert.deepEqual([found!.actions, found!.sees], [["stop"], ["y"]]);
  });
});

describe("planRequest", () => {
  it("numbers and names the nodes it makes, after those that are there", () => {
    const { nodes, services, operation, changed } = planRequest(
      cluster,
      { kind: "ADD_NODES", groups, change: { changed: ["a"] } },
      [known(1001), known(1000), known(1002, "DELETED")],
      1003,
    );
    assert.deepEqual(
      nodes.map(({ number, hostname, change }) => [number, hostname, change]),
      [
        [1000, "old-1000", "KEEP"],
        [1001, "old-1001", "KEEP"],
        [1003, "shop42-1003.example.org", "MAKE"],
        [1004, "shop42-1004.example.org", "MAKE"],
      ],
    );
    assert.deepEqual(
      services.map(({ name }) => name),
      ["a", "b"],
    );
    assert.deepEqual([operation, changed], ["ADD_NODES", ["a"]]);
  });

  it("gives the same request after its nodes were made as before", () => {
    const job: PlannedJob = { kind: "ADD_NODES", groups, change: { changed: ["a"] } };
    const before = planRequest(cluster, job, [known(1000)], 1001);
    const after = planRequest(cluster, job, [known(1000), known(1001), known(1002)], 1001);
    assert.deepEqual(after, before);
  });

  it("gives the same request after services came to nodes as before", () => {
    const job: PlannedJob = {
      kind: "ADD_SERVICES",
      groups: [],
      change: { services: ["c"], changed: ["c"], added: { 1000: ["c"] }, pinned: { c: { version: 1, body: {} } } },
    };
    const before = planRequest(cluster, job, [known(1000), known(1001)], 1002);
    assert.deepEqual(
      before.nodes.map(({ services, added }) => [services, added]),
      [
        [["b", "c"], ["c"]],
        [["b"], []],
      ],
    );
    const after = planRequest(
      changedCluster(cluster, job.change),
      job,
      [{ ...known(1000), services: ["b", "c"] }, known(1001)],
      1002,
    );
    assert.deepEqual(after, before);
  });

  it("checks where the service of the check is on the cluster, after what may have broken it", () => {
    const checkOf = (job: PlannedJob, at = 1000): string | undefined =>
      planRequest(cluster, job, [{ ...known(1000), services: ["a", "b"] }].slice(0, at - 999), at).checkService;
    assert.equal(checkOf({ kind: "CREATE", groups, change: {} }), "a");
    assert.equal(checkOf({ kind: "DELETE", groups: [], change: {} }, 1001), undefined);
    assert.equal(checkOf({ kind: "STOP_SERVICES", groups: [], change: { services: ["a"] } }, 1001), undefined);
    assert.equal(checkOf({ kind: "START_SERVICES", groups: [], change: { services: ["a"] } }, 1001), "a");
    assert.equal(checkOf({ kind: "START_SERVICES", groups: [], change: { services: ["b"] } }, 1001), undefined);
    assert.equal(checkOf({ kind: "CONFIGURE", groups: [], change: { services: ["b"] } }, 1001), "a");
  });

  it("stops and removes services before a machine goes where there is something to stop", () => {
    const removed = (job: PlannedJob): unknown =>
      planRequest(cluster, job, [known(1000), known(1001)], 1002).nodes.map((node) => [node.change, node.removed]);
    assert.deepEqual(removed({ kind: "DELETE", groups: [], change: {} }), [
      ["REMOVE", ["b"]],
      ["REMOVE", ["b"]],
    ]);
    assert.deepEqual(removed({ kind: "REMOVE_NODES", groups: [], change: { nodes: [1001] } }), [
      ["KEEP", []],
      ["REMOVE", ["b"]],
    ]);
    assert.deepEqual(
      removed({ kind: "REPAIR", groups: [], change: { nodes: [1000], bare: [1000], started: [1001] } }),
      [
        ["REPLACE", []],
        ["START", []],
      ],
    );
  });
});
