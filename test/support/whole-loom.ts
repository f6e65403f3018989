/** All of Loom in this process, on a folder of its own, with its real providers: what `make run` starts, looking often. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomUUID } from "node:crypto";
import { createLoomClient, type LoomClient } from "../../gateway/client.js";
import { Cluster_State, Node_Observation, type Cluster, type Node } from "../../gen/web/loom/v1/cluster_pb.js";
import { Job_State, type Job } from "../../gen/web/loom/v1/job_pb.js";
import type { Event } from "../../gen/web/loom/v1/event_pb.js";
import { silentLogger } from "../../services/common/log.js";
import type { ServerOptions } from "../../services/server/server.js";
import { startStandalone, type Standalone } from "../../services/standalone/start.js";
import { until } from "./wait.js";

const FAST: ServerOptions["timing"] = { reconcileMs: 500, confirmMs: 100 };

export interface WholeLoom {
  readonly folder: string;
  readonly client: LoomClient;
  /** Applies documents. */
  apply(text: string): Promise<void>;
  /** Makes a cluster and waits for it. */
  create(name: string, template: string, nodeCount: number): Promise<Cluster>;
  /** Waits for the job to end well. */
  done(job: Job): Promise<void>;
  nodes(cluster: string): Promise<Node[]>;
  /** `UP DOWN`: what was observed of the nodes, in number order. */
  observed(cluster: string): Promise<string>;
  /** Waits until this was observed. */
  seen(cluster: string, observed: string): Promise<void>;
  events(cluster: string): Promise<Event[]>;
  repair(cluster: string): Promise<void>;
  delete(cluster: string): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** A Loom for the suite around it; call it in a `describe`. Clusters that a test leaves are deleted at its end. */
export function useWholeLoom(timing: ServerOptions["timing"] = {}): WholeLoom {
  let folder = "";
  let running: Standalone | undefined;
  let client: LoomClient | undefined;

  async function start(): Promise<void> {
    running = await startStandalone({
      folder,
      host: "127.0.0.1",
      port: 0,
      version: "test",
      log: silentLogger,
      slots: 16,
      progress: () => undefined,
      timing: { ...FAST, ...timing },
    });
    client = createLoomClient({ url: running.nearUrl, token: running.token });
  }
  async function stop(): Promise<void> {
    await running?.stop();
    running = undefined;
  }

  before(async function () {
    this.timeout(120_000);
    folder = mkdtempSync(join(tmpdir(), "loom-whole-"));
    // The database runs as another user where the tests run as root, and goes through folders around it.
    chmodSync(folder, 0o711);
    await start();
  });
  after(async function () {
    this.timeout(120_000);
    if (running !== undefined) {
      const { clusters } = await loom.client.clusters.listClusters({ pageSize: 100 });
      for (const { name } of clusters) await loom.delete(name).catch(() => undefined);
      await stop();
    }
    if (folder !== "") rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  const loom: WholeLoom = {
    get folder() {
      return folder;
    },
    get client() {
      if (client === undefined) throw new Error("the Loom is up inside hooks and tests only");
      return client;
    },
    start,
    stop,
    async apply(text) {
      const { problems } = await loom.client.catalog.applyDocuments({
        files: [{ path: "test.yaml", text }],
        requestId: randomUUID(),
      });
      assert.deepEqual(
        problems.map(({ message }) => message),
        [],
      );
    },
    async create(name, template, nodeCount) {
      const made = await loom.client.clusters.createCluster({
        displayName: name,
        template,
        nodeCount,
        requestId: randomUUID(),
      });
      await loom.done(made.job!);
      const cluster = await loom.client.clusters.getCluster({ name: made.name });
      assert.equal(cluster.state, Cluster_State.ACTIVE);
      return cluster;
    },
    async done({ name }) {
      let job: Job | undefined;
      await until(
        `${name} has ended`,
        async () => {
          job = await loom.client.jobs.getJob({ name });
          return [Job_State.COMPLETE, Job_State.FAILED, Job_State.CANCELLED].includes(job.state);
        },
        120_000,
      );
      assert.equal(job!.state, Job_State.COMPLETE, job!.message);
    },
    nodes: async (parent) => (await loom.client.clusters.listNodes({ parent, pageSize: 1000 })).nodes,
    async observed(cluster) {
      const words = (await loom.nodes(cluster)).map(({ observed }) => Node_Observation[observed]);
      return words.map((word) => (word === "UNSPECIFIED" ? "-" : word)).join(" ");
    },
    async seen(cluster, observed) {
      let last = "";
      await until(`${observed} is seen`, async () => (last = await loom.observed(cluster)) === observed, 60_000).catch(
        (thrown: unknown) => {
          throw new Error(`${(thrown as Error).message}; it is ${last}`);
        },
      );
    },
    events: async (parent) => (await loom.client.events.listEvents({ parent, pageSize: 100 })).events,
    async repair(name) {
      await loom.done(await loom.client.clusters.repairCluster({ name, requestId: randomUUID() }));
    },
    async delete(name) {
      await loom.done(await loom.client.clusters.deleteCluster({ name, requestId: randomUUID() }));
    },
  };
  return loom;
}
