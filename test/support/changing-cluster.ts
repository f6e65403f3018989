/** A cluster to decide operations on, as the tests of decisions want it. */
import assert from "node:assert/strict";
import type { Reason } from "../../services/common/errors.js";
import type { Path } from "../../services/server/catalog/paths.js";
import type { ClusterTemplate, JsonObject, Service } from "../../services/server/catalog/types.js";
import type { ChangingCluster, Decision } from "../../services/server/clusters/changes/types.js";
import type { RunNode } from "../../services/server/jobs/cluster-state.js";

export const node = (number: number, services: readonly string[], more: Partial<RunNode> = {}): RunNode => ({
  number,
  services,
  incarnation: 1,
  hostname: `n${number}`,
  hardwareType: "small",
  imageType: "debian",
  state: "UP",
  addresses: { internal: `10.0.0.${number - 999}` },
  machine: "",
  results: {},
  message: "",
  isFinished: true,
  previous: [],
  halfway: {},
  stopped: [],
  ...more,
});

const SERVICES: Readonly<Record<string, Service>> = {
  lb: { runtime: { requires: ["web"] }, actions: { start: {}, stop: {} } },
  web: { runtime: { uses: ["db"] }, actions: { start: {}, stop: {} } },
  db: { actions: { start: {}, stop: {} } },
};

/** One balancer, three web servers and a database; `bodies` in the place of what these services say. */
export function cluster(
  more: Partial<ChangingCluster> & {
    readonly template?: ClusterTemplate;
    readonly config?: JsonObject;
    readonly bodies?: Readonly<Record<string, Service>>;
    readonly locked?: readonly Path[];
  } = {},
): ChangingCluster {
  const { template = {}, config = {}, bodies = {}, locked = [], ...rest } = more;
  const nodes = [node(1000, ["lb"]), node(1001, ["web"]), node(1002, ["web"]), node(1003, ["web"]), node(1004, ["db"])];
  const pinned = Object.fromEntries(
    Object.entries({ ...SERVICES, ...bodies }).map(([name, body]) => [name, { version: 1, body }]),
  );
  return {
    name: "shop-1",
    state: "ACTIVE",
    cluster: {
      uid: "6d1f0b6e-8f0c-4b5e-9d51-0a1e4c1f2a77",
      owner: "anna",
      spec: {
        template: { name: "shop", version: 1, body: template, locked },
        provider: { name: "docker", version: 1, body: { type: "docker" } },
        services: pinned,
        hardwareTypes: {},
        imageTypes: {},
        dnsSuffix: "",
      },
      config,
    } as unknown as ChangingCluster["cluster"],
    layout: [
      { count: 1, hardwareType: "small", imageType: "debian", services: ["lb"] },
      { count: 3, hardwareType: "small", imageType: "debian", services: ["web"] },
      { count: 1, hardwareType: "small", imageType: "debian", services: ["db"] },
    ],
    nodes,
    ...rest,
  };
}

/** Deciding is refused for this reason. */
export const refused = (reason: Reason, decide: () => Decision, message?: RegExp): void => {
  assert.throws(decide, (thrown: { reason?: string; message: string }) => {
    assert.equal(thrown.reason, reason, thrown.message);
    if (message !== undefined) assert.match(thrown.message, message);
    return true;
  });
};
