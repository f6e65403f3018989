/**
 * The built Loom is killed with SIGKILL at seeded moments, while clients make clusters, grow and delete them and repeat
 * with the same request id whatever was not answered. Judged by what machines were made and by what was promised.
 *
 *     LOOM_SEED=7 npx mocha test/chaos/kill.test.ts
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { createLoomClient, type LoomClient } from "../../gateway/client.js";
import { Cluster_State } from "../../gen/web/loom/v1/cluster_pb.js";
import { Job_State } from "../../gen/web/loom/v1/job_pb.js";
import { judge, readJournal } from "../../services/provisioner/providers/simulated/journal.js";
import { createRandom, type Random } from "../bench/random.js";
import { LoomProcess } from "../support/loom-process.js";

const SEED = Number(process.env["LOOM_SEED"] ?? 20261121);
const IS_LONG = process.env["LOOM_CHAOS"] === "long";
/** What a client promises itself of one call and its repeats. */
const PATIENCE_MS = 90_000;

/** Slow enough that kills fall into every phase of a job. */
const CATALOG = `
kind: Provider
name: slow
type: simulated
fields: { createMs: 60, confirmMs: 30, deleteMs: 40, bootstrapMs: 20, actionMs: 30 }
---
kind: HardwareType
name: any
providers: { slow: { flavor: any } }
---
kind: ImageType
name: any
providers: { slow: { image: any } }
---
kind: Service
name: front
runtime: { uses: [back] }
actions:
  install: { fields: { script: "true", env: { BACKS: "%ip.service.back%" } } }
  configure: { fields: { script: "true", env: { BACKS: "%ip.service.back%" } } }
  start: { fields: { script: "true" } }
---
kind: Service
name: back
actions:
  install: { fields: { script: "true" } }
  start: { fields: { script: "true" } }
---
kind: ClusterTemplate
name: pair
defaults: { services: [front, back], provider: slow }
constraints:
  layout: { cantCoexist: [[front, back]] }
  services: { front: { max: 1 } }
check: { service: front, script: "true" }
`;

/** What was acknowledged: request id -> what the answer named. */
type Promises = Map<string, string>;

interface Plot {
  readonly template: string;
  readonly provider: string;
  readonly service: string;
  readonly nodes: number;
}

/** A client that repeats every call with its request id until it is answered. */
function createStubborn(loom: LoomProcess, promises: Promises) {
  async function repeat<T>(call: (client: LoomClient) => Promise<T>): Promise<T> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await call(createLoomClient({ url: loom.url, token: loom.token, timeoutMs: 15_000 }));
      } catch (thrown) {
        const { code } = thrown as { code?: string };
        const isPassing =
          code === "UNAVAILABLE" || code === "DEADLINE_EXCEEDED" || code === "CANCELLED" || code === "INTERNAL";
        if (!isPassing || performance.now() > deadline) throw thrown;
        await pause(100);
      }
    }
  }

  async function ask(call: (client: LoomClient, requestId: string) => Promise<{ name: string }>): Promise<string> {
    const requestId = randomUUID();
    const { name } = await repeat((client) => call(client, requestId));
    promises.set(requestId, name);
    return name;
  }

  async function ended(job: string): Promise<void> {
    const state = await repeat(async (client) => {
      for await (const { job: seen } of client.jobs.watchJob({ name: job })) {
        if (seen !== undefined && seen.state >= Job_State.COMPLETE) return seen;
      }
      return client.jobs.getJob({ name: job });
    });
    assert.equal(Job_State[state.state], "COMPLETE", `${job}: ${state.message}`);
  }

  return {
    repeat,
    /** The life of one cluster; each step is acknowledged before the next. */
    async live(displayName: string, plot: Plot): Promise<void> {
      const { template, provider, service, nodes } = plot;
      const cluster = await ask((client, requestId) =>
        client.clusters.createCluster({ displayName, template, provider, nodeCount: nodes, requestId }),
      );
      await ended(`${cluster}/jobs/1`);
      await ended(
        await ask((client, requestId) => client.clusters.addNodes({ name: cluster, service, count: 1, requestId })),
      );
      await ended(await ask((client, requestId) => client.clusters.deleteCluster({ name: cluster, requestId })));
    },
  };
}

/** Kills and starts again; while clients live one cluster after the other. Returns what was promised. */
async function killWhile(
  loom: LoomProcess,
  random: Random,
  kills: number,
  clients: number,
  plot: Plot,
  longest: number,
): Promise<Promises> {
  const promises: Promises = new Map();
  const stubborn = createStubborn(loom, promises);
  let isOver = false;
  const lives = Array.from({ length: clients }, async (_, client) => {
    for (let number = 0; !isOver || number === 0; number += 1) await stubborn.live(`c${client}-${number}`, plot);
  });
  const killer = (async () => {
    for (let kill = 0; kill < kills; kill += 1) {
      await pause(random.whole(20, longest));
      await loom.signal("SIGKILL");
      await loom.up();
    }
    isOver = true;
  })();
  await Promise.all([killer, ...lives]);
  return promises;
}

/** Every acknowledged cluster is known, gone, and named again by its request id. */
async function checkPromises(loom: LoomProcess, promises: Promises, plot: Plot): Promise<void> {
  const client = createLoomClient({ url: loom.url, token: loom.token });
  const clusters = [...promises.values()].filter((name) => !name.includes("/jobs/"));
  assert.ok(clusters.length > 0, "no cluster was ever acknowledged");
  assert.equal(
    new Set(promises.values()).size,
    promises.size,
    "two requests were answered with the same cluster or job",
  );
  for (const name of clusters)
    assert.equal(Cluster_State[(await client.clusters.getCluster({ name })).state], "TERMINATED", name);
  const [requestId, name] = [...promises].find(([, value]) => !value.includes("/jobs/"))!;
  const displayName = /^clusters\/(.+)-[0-9a-z]+$/.exec(name)![1]!;
  const again = await client.clusters.createCluster({
    displayName,
    template: plot.template,
    provider: plot.provider,
    nodeCount: plot.nodes,
    requestId,
  });
  assert.equal(again.name, name);
  const { clusters: live } = await client.clusters.listClusters({});
  assert.deepEqual(
    live.map((cluster) => cluster.name),
    [],
  );
}

describe("Loom killed with SIGKILL", function () {
  this.timeout(IS_LONG ? 1_800_000 : 400_000);
  let loom: LoomProcess;
  beforeEach(() => {
    loom = new LoomProcess({ flags: ["--no-farm", "--no-context"] });
  });
  afterEach(async () => {
    await loom.destroy();
  });

  const simulatedKills = IS_LONG ? 200 : 20;
  it(`loses nothing at ${simulatedKills} moments on simulated machines (seed ${SEED})`, async () => {
    const plot: Plot = { template: "pair", provider: "slow", service: "back", nodes: 3 };
    await loom.up();
    const client = createLoomClient({ url: loom.url, token: loom.token });
    await client.catalog.applyDocuments({ files: [{ path: "kill.yaml", text: CATALOG }], requestId: randomUUID() });
    const promises = await killWhile(loom, createRandom(SEED), simulatedKills, 3, plot, 900);
    await checkPromises(loom, promises, plot);
    const verdict = judge(readJournal(join(loom.folder, "simulated.journal")));
    assert.deepEqual([...verdict.live.keys()], [], "machines are left over");
    assert.deepEqual(verdict.doubleCreations, [], "a machine was made twice");
    assert.deepEqual(verdict.crowdedNodes, [], "a node had two machines at once");
    assert.deepEqual(verdict.staleRuns, [], "an older runner or attempt was let in");
    assert.deepEqual(verdict.lostRuns, [], "something ran on a machine that was not there");
  });

  const localKills = IS_LONG ? 30 : 5;
  it(`loses nothing at ${localKills} moments on local nodes (seed ${SEED})`, async () => {
    const plot: Plot = { template: "web-farm", provider: "local", service: "web", nodes: 3 };
    await loom.up();
    const promises = await killWhile(loom, createRandom(SEED + 1), localKills, 1, plot, 2000);
    await checkPromises(loom, promises, plot);
    const nodes = join(loom.folder, "nodes");
    const left = existsSync(nodes) ? readdirSync(nodes).filter((name) => /^[a-z2-7]{52}$/.test(name)) : [];
    assert.deepEqual(left, [], "folders of nodes are left over");
  });
});
