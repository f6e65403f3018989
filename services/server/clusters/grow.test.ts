import assert from "node:assert/strict";
import type { ClusterTemplate } from "../catalog/types.js";
import type { NodeGroup } from "../layout/types.js";
import { growGroups, type GrowingCluster } from "./grow.js";

const kind = { hardwareType: "small", imageType: "debian" };
const LAYOUT: readonly NodeGroup[] = [
  { count: 1, ...kind, services: ["log", "web"] },
  { count: 1, ...kind, services: ["lb"] },
  { count: 2, ...kind, services: ["web"] },
];

function cluster(constraints: NonNullable<ClusterTemplate["constraints"]> = {}): GrowingCluster {
  return { name: "farm-1", spec: { template: { body: { constraints } } } };
}

describe("growGroups", () => {
  it("adds nodes of the most preferred kind that carries the service, and says what grows", () => {
    assert.deepEqual(growGroups(cluster(), LAYOUT, "web", 2), {
      groups: [{ count: 2, ...kind, services: ["log", "web"] }],
      services: ["log", "web"],
    });
  });

  it("takes the next kind where the quantity of a service is used up", () => {
    const constrained = cluster({ services: { log: { max: 2 }, web: { max: 5 } } });
    assert.deepEqual(growGroups(constrained, LAYOUT, "web", 1).groups, [
      { count: 1, ...kind, services: ["log", "web"] },
    ]);
    assert.deepEqual(growGroups(constrained, LAYOUT, "web", 2).groups, [{ count: 2, ...kind, services: ["web"] }]);
    assert.throws(() => growGroups(constrained, LAYOUT, "web", 3), {
      reason: "NO_LAYOUT",
      message: /"log" may be on at most 2 nodes; "web" may be on at most 5 nodes/,
    });
  });

  it("refuses what a cluster may not become", () => {
    assert.throws(() => growGroups(cluster({ size: { max: 6 } }), LAYOUT, "web", 3), {
      reason: "INVALID_SIZE",
      message: /has 4 nodes and may have 6/,
    });
    assert.throws(() => growGroups(cluster(), LAYOUT, "web", 9997), { reason: "INVALID_SIZE" });
    assert.throws(() => growGroups(cluster(), LAYOUT, "wep", 1), {
      reason: "SERVICE_NOT_FOUND",
      message: /On it are lb, log, web\./,
    });
    for (const count of [0, -1, 1.5, Number.NaN])
      assert.throws(() => growGroups(cluster(), LAYOUT, "web", count), { reason: "INVALID_FIELD" });
  });
});
