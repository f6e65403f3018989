/** What tests of watching do with a Loom of simulated machines. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { clusterIdOf, machineToken, shardOf } from "../../services/common/ids.js";
import type { CreateCluster } from "../../services/server/application.js";
import type { ClusterView, EventView, JobView, NodeView } from "../../services/server/views.js";
import { CALLER, mutation, type TestLoom } from "./loom.js";

const PAGE = { pageSize: 100, pageToken: "" };

/** A request for a cluster of the template of these tests. */
const order = (displayName: string, nodeCount: number): CreateCluster => ({
  displayName,
  template: "small",
  nodeCount,
  description: "",
  provider: "",
  services: [],
  hardwareType: "",
  imageType: "",
  dnsSuffix: "",
  config: {},
  withDependencies: false,
  lease: undefined,
  requestId: randomUUID(),
  validateOnly: false,
});

/** What a test does with one Loom. */
export function watching(loom: TestLoom) {
  const clusters = () => loom.application.clusters;
  return {
    order,
    async create(name: string, nodeCount = 4): Promise<ClusterView> {
      const view = await clusters().create(CALLER, order(name, nodeCount));
      assert.equal((await loom.ended(view.name, 1)).state, "COMPLETE");
      return view;
    },
    nodes: async (name: string): Promise<readonly NodeView[]> =>
      (await clusters().listNodes(CALLER, name, { ...PAGE, showDeleted: false })).items,
    async observed(name: string): Promise<string> {
      const nodes = await clusters().listNodes(CALLER, name, { ...PAGE, showDeleted: false });
      return nodes.items.map(({ observed }) => observed).join(" ");
    },
    get: (name: string) => clusters().get(CALLER, name),
    events: async (name = ""): Promise<EventView[]> =>
      [...(await loom.application.events.list(CALLER, name, PAGE)).items].filter(({ id }) =>
        id.startsWith("observed-"),
      ),
    strays: async () => (await loom.application.strays.list(CALLER, PAGE)).items,
    async delete(name: string): Promise<JobView> {
      const job = await clusters().delete(CALLER, name, mutation());
      return loom.ended(name, job.number);
    },
    /** Something happens to a machine behind Loom's back. */
    behind(kind: "stop" | "start" | "delete", cluster: ClusterView, node: number): void {
      const line = {
        kind,
        at: Date.now(),
        pid: process.pid,
        token: tokenOf(cluster, node),
        cluster: cluster.uid,
        node,
      };
      appendFileSync(join(loom.folder, "journal"), `${JSON.stringify(line)}\n`);
    },
    pass: () => loom.server.watcher.pass(),
  };
}

export const tokenOf = (cluster: ClusterView, node: number, incarnation = 1): string =>
  machineToken(cluster.uid, node, incarnation);

/** Where a cluster is in the database. */
export function placeOf(loom: TestLoom, { name }: ClusterView): { shard: number; id: bigint } {
  const id = clusterIdOf(name)!;
  return { id, shard: shardOf(id, loom.server.installation.space) };
}
