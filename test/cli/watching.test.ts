/** What commands say of machines that are down, missing, or nobody's. */
import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ClusterObservationSchema, Cluster_State, Node_Observation } from "../../gen/web/loom/v1/cluster_pb.js";
import { StraySchema } from "../../gen/web/loom/v1/stray_pb.js";
import type { FakeServices } from "./fake-loom.js";
import { NOW } from "./fake-terminal.js";
import { cluster, doneJob, node } from "./sample.js";
import { runWith } from "./use-cli.js";

const seen = (observed: { down?: number; missing?: number; unknown?: boolean; message?: string }) =>
  cluster({
    state: Cluster_State.ACTIVE,
    job: doneJob(),
    observed: create(ClusterObservationSchema, observed),
  });
const nodes = [
  node(1000),
  node(1001, {
    observed: Node_Observation.DOWN,
    observedSince: timestampFromMs(NOW - 120_000),
    observedMessage: "Its machine is there but does not run.",
  }),
];
const withCluster = (of: ReturnType<typeof seen>): FakeServices => ({
  clusters: {
    listClusters: () => ({ clusters: [of] }),
    getCluster: () => of,
    listNodes: () => ({ nodes }),
    getNode: () => nodes[1]!,
  },
  jobs: { listJobs: () => ({ jobs: [] }) },
  events: { listEvents: () => ({ events: [] }) },
});

describe("cli: watching over clusters", () => {
  it("list says beside the state what is wrong, and nothing where all is well", async () => {
    const states = async (of: ReturnType<typeof seen>) =>
      (await runWith(withCluster(of), ["list", "--columns", "state", "--no-header"])).out.trim();
    assert.equal(await states(seen({ down: 1 })), "ACTIVE (1 down)");
    assert.equal(await states(seen({ down: 1, missing: 20 })), "ACTIVE (1 down, 20 missing)");
    assert.equal(await states(seen({ unknown: true, message: "It is off." })), "ACTIVE (not seen)");
    assert.equal(await states(seen({})), "ACTIVE");
    assert.equal(await states(cluster({ state: Cluster_State.ACTIVE })), "ACTIVE");
  });

  it("status and describe say what is wrong and the one command that mends it", async () => {
    for (const command of ["status", "describe"]) {
      const { out, exit } = await runWith(withCluster(seen({ down: 2, missing: 1 })), [command, "hello"]);
      assert.equal(exit, 0);
      assert.match(out, /ACTIVE \(2 down, 1 missing\)/);
      assert.match(
        out,
        /trouble: +the machine of 2 nodes does not run, the machine of 1 node is gone; "loom repair hello-1" mends it/,
      );
      assert.match(out, /DOWN.*Its machine is there but does not run\./);
      const unseen = await runWith(withCluster(seen({ unknown: true, message: "The daemon is off." })), [
        command,
        "hello",
      ]);
      assert.match(unseen.out, /trouble: +Nobody can tell how its nodes are: The daemon is off\./);
    }
    assert.match(
      (await runWith(withCluster(seen({ down: 1 })), ["status"])).out,
      /\(1 down\)[^]*"loom repair hello-1" mends it/,
    );
    assert.doesNotMatch((await runWith(withCluster(seen({})), ["status", "hello"])).out, /trouble/);
  });

  it("nodes and describe mark the services of a node that were stopped on purpose", async () => {
    const stopped = node(1001, { services: ["lb", "web"], stoppedServices: ["web"] });
    const services = {
      clusters: { ...withCluster(seen({})).clusters, listNodes: () => ({ nodes: [stopped] }), getNode: () => stopped },
    };
    const listed = await runWith(services, ["nodes", "hello-1", "--columns", "services", "--no-header"]);
    assert.equal(listed.out.trim(), "lb web (stopped)");
    assert.match((await runWith(services, ["describe", "hello-1/nodes/1001"])).out, /services: +lb web \(stopped\)/);
  });

  it("describe says of a node since when it is down", async () => {
    const { out } = await runWith(withCluster(seen({ down: 1 })), ["describe", "hello/nodes/1001"]);
    assert.match(out, /observed: +DOWN/);
    assert.match(out, /since: .*\(2m ago\)/);
    assert.match(out, /trouble: +Its machine is there but does not run\. "loom repair hello-1" mends it\./);
  });

  it("strays lists what, where, since when, and when it goes", async () => {
    const stray = create(StraySchema, {
      name: `strays/${"a".repeat(52)}`,
      cluster: "clusters/old-7",
      node: 1003,
      incarnation: 1,
      provider: "docker",
      machine: "loom-abc",
      firstSeenTime: timestampFromMs(NOW - 600_000),
      removeTime: timestampFromMs(NOW + 3_000_000),
    });
    const { out } = await runWith({ strays: { listStrays: () => ({ strays: [stray] }) } }, ["strays"]);
    assert.deepEqual(
      out
        .split("\n")
        .slice(0, 2)
        .map((line) => line.trim().split(/ {2,}/)),
      [
        ["MACHINE", "PROVIDER", "CLUSTER", "NODE", "SEEN", "REMOVED", "MESSAGE"],
        ["loom-abc", "docker", "old-7", "1003", "10m ago", "in 50m"],
      ],
    );
    const none = await runWith({ strays: { listStrays: () => ({ strays: [] }) } }, ["strays"]);
    assert.match(none.err + none.out, /No strays/);
  });
});
