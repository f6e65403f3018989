import assert from "node:assert/strict";
import type { JsonObject, Service } from "../catalog/types.js";
import { planRequest, planServices, type KnownNode, type PlannedCluster } from "./request.js";

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
    const { nodes, services, operation, grown } = planRequest(
      cluster,
      { kind: "ADD_NODES", groups, grown: ["a"] },
      [known(1001), known(1000), known(1002, "DELETED")],
      1003,
    );
    assert.deepEqual(
      nodes.map(({ number, hostname, isNew }) => [number, hostname, isNew]),
      [
        [1000, "old-1000", false],
        [1001, "old-1001", false],
        [1003, "shop42-1003.example.org", true],
        [1004, "shop42-1004.example.org", true],
      ],
    );
    assert.deepEqual(
      services.map(({ name }) => name),
      ["a", "b"],
    );
    assert.deepEqual([operation, grown], ["ADD_NODES", ["a"]]);
  });

  it("gives the same request after its nodes were made as before", () => {
    const before = planRequest(cluster, { kind: "ADD_NODES", groups, grown: ["a"] }, [known(1000)], 1001);
    const after = planRequest(
      cluster,
      { kind: "ADD_NODES", groups, grown: ["a"] },
      [known(1000), known(1001), known(1002)],
      1001,
    );
    assert.deepEqual(after, before);
  });

  it("checks where the service of the check is on the cluster", () => {
    assert.equal(planRequest(cluster, { kind: "CREATE", groups, grown: [] }, [], 1000).checkService, "a");
    assert.equal(
      "checkService" in planRequest(cluster, { kind: "DELETE", groups: [], grown: [] }, [known(1000)], 1001),
      false,
    );
    assert.equal(
      planRequest(cluster, { kind: "DELETE", groups: [], grown: [] }, [known(1000)], 1001).stopBeforeDelete,
      true,
    );
  });
});
