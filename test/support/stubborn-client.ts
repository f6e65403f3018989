/**
 * A client that repeats every request, mutations with their request ids, until it is answered, however often Loom dies
 * meanwhile; and that remembers what it was told, so that nothing of it can be taken back.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { isTransient } from "../../cli/errors.js";
import { createLoomClient, type LoomClient } from "../../gateway/client.js";
import { Cluster_State, type Cluster } from "../../gen/web/loom/v1/cluster_pb.js";
import { Job_State, type Job } from "../../gen/web/loom/v1/job_pb.js";

/** Where Loom is now; undefined while it is down. */
export type Where = () => { readonly url: string; readonly token: string } | undefined;

export interface Wish {
  readonly template: string;
  readonly provider: string;
  readonly nodes: number;
  /** The service that grows. */
  readonly service: string;
}

/** An operation that was acknowledged, and how to ask for it again. */
interface Acknowledged {
  readonly what: string;
  readonly answer: string;
  ask(): Promise<string>;
}

export interface StubbornClient {
  call<T>(what: string, request: (client: LoomClient) => Promise<T>): Promise<T>;
  /** Makes a cluster, waits for it, and returns it. */
  create(displayName: string, wish: Wish): Promise<Cluster>;
  change(cluster: Pick<Cluster, "name">, what: Change, service: string): Promise<void>;
  delete(cluster: Pick<Cluster, "name">): Promise<void>;
  /** Repeats every acknowledged request and fails where an answer is another one now. */
  check(): Promise<void>;
  /** Whatever went back, or failed. */
  readonly complaints: readonly string[];
}

type Clusters = LoomClient["clusters"];
type Asked = { readonly name: string; readonly requestId: string };

/** What can be changed on a cluster that is there; `replace` is about its node 1001. */
const CHANGES = {
  grow: (clusters: Clusters, asked: Asked, service: string) => clusters.addNodes({ ...asked, service, count: 1 }),
  shrink: (clusters: Clusters, asked: Asked, service: string) => clusters.removeNodes({ ...asked, service, count: 1 }),
  replace: (clusters: Clusters, asked: Asked) => clusters.replaceNode({ ...asked, node: 1001 }),
  configure: (clusters: Clusters, asked: Asked, service: string) =>
    clusters.configureCluster({ ...asked, config: { [service]: { note: asked.requestId } }, restart: true }),
  restart: (clusters: Clusters, asked: Asked, service: string) =>
    clusters.restartServices({ ...asked, services: [service] }),
} as const;
export type Change = keyof typeof CHANGES;

/** Gives up a request that nobody has answered for so long, in milliseconds. */
const PATIENCE_MS = 120_000;

export function createStubbornClient(where: Where): StubbornClient {
  const complaints: string[] = [];
  const acknowledged: Acknowledged[] = [];
  const seen = new Map<string, Job>();

  async function call<T>(what: string, request: (client: LoomClient) => Promise<T>): Promise<T> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const place = where();
      try {
        if (place !== undefined) return await request(createLoomClient({ ...place, timeoutMs: 10_000 }));
      } catch (thrown) {
        if (!isTransient(thrown)) throw new Error(`${what}: ${String(thrown)}`, { cause: thrown });
      }
      if (performance.now() > deadline) throw new Error(`${what}: nobody answered`);
      await sleep(20);
    }
  }

  async function acknowledge(what: string, ask: () => Promise<string>): Promise<string> {
    const answer = await ask();
    acknowledged.push({ what, answer, ask });
    return answer;
  }

  function note(job: Job): void {
    const before = seen.get(job.name);
    seen.set(job.name, job);
    if (before === undefined) return;
    const hasEnded = before.state >= Job_State.COMPLETE;
    if (hasEnded && job.state !== before.state)
      complaints.push(`${job.name} went from ${Job_State[before.state]} to ${Job_State[job.state]}`);
    if (job.doneCount < before.doneCount)
      complaints.push(`${job.name} has done ${job.doneCount} after ${before.doneCount}`);
  }

  async function ended(name: string): Promise<void> {
    const last = await call(`watch ${name}`, async (client) => {
      for await (const { job } of client.jobs.watchJob({ name })) {
        if (job === undefined) continue;
        note(job);
        if (job.state >= Job_State.COMPLETE) break;
      }
      return client.jobs.getJob({ name });
    });
    note(last);
    if (last.state !== Job_State.COMPLETE) throw new Error(`${name} ended ${Job_State[last.state]}: ${last.message}`);
  }

  return {
    call,
    complaints,
    async create(displayName, { template, provider, nodes }) {
      const requestId = randomUUID();
      const what = `create ${displayName}`;
      const name = await acknowledge(what, () =>
        call(
          what,
          async (client) =>
            (await client.clusters.createCluster({ requestId, displayName, template, provider, nodeCount: nodes }))
              .name,
        ),
      );
      await ended(`${name}/jobs/1`);
      const cluster = await call(`get ${name}`, (client) => client.clusters.getCluster({ name }));
      if (cluster.state !== Cluster_State.ACTIVE)
        complaints.push(`${name} is ${Cluster_State[cluster.state]} after its creation`);
      return cluster;
    },
    async change({ name }, what, service) {
      const requestId = randomUUID();
      await ended(
        await acknowledge(`${what} ${name}`, () =>
          call(
            `${what} ${name}`,
            async ({ clusters }) => (await CHANGES[what](clusters, { name, requestId }, service)).name,
          ),
        ),
      );
    },
    async delete({ name }) {
      const requestId = randomUUID();
      await ended(
        await acknowledge(`delete ${name}`, () =>
          call(`delete ${name}`, async (client) => (await client.clusters.deleteCluster({ requestId, name })).name),
        ),
      );
      const cluster = await call(`get ${name}`, (client) => client.clusters.getCluster({ name }));
      if (cluster.state !== Cluster_State.TERMINATED)
        complaints.push(`${name} is ${Cluster_State[cluster.state]} after its delete`);
    },
    async check() {
      for (const { what, answer, ask } of acknowledged) {
        const again = await ask();
        if (again !== answer) complaints.push(`${what} was answered with ${answer}, and now with ${again}`);
      }
      for (const name of seen.keys()) note(await call(`get ${name}`, (client) => client.jobs.getJob({ name })));
      const states = [
        Cluster_State.PENDING,
        Cluster_State.ACTIVE,
        Cluster_State.INCOMPLETE,
        Cluster_State.INCONSISTENT,
        Cluster_State.TERMINATED,
      ];
      const { clusters } = await call("list", (client) => client.clusters.listClusters({ states, pageSize: 1000 }));
      const created = acknowledged.filter(({ what }) => what.startsWith("create ")).map(({ answer }) => answer);
      const listed = clusters.map(({ name }) => name);
      for (const name of created) if (!listed.includes(name)) complaints.push(`${name} is not listed`);
      for (const name of listed)
        if (!created.includes(name)) complaints.push(`${name} is listed, and nobody was told of it`);
    },
  };
}
