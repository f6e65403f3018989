/**
 * How fast Loom answers who looks: lists of many clusters, a large cluster page by page, and how soon a watcher hears
 * of what has happened. All through the gateway, as any client.
 */
import type { LoomClient } from "../../gateway/client.js";
import { Cluster_State } from "../../gen/web/loom/v1/cluster_pb.js";
import { Job_Kind, Job_State, Task_State } from "../../gen/web/loom/v1/job_pb.js";
import { startBuiltLoom } from "./built-loom.js";
import { create, milliseconds, wallClock } from "./create.js";
import { figure } from "./markdown.js";
import { RARE_TEMPLATE, type ManyClusters } from "./many-clusters.js";
import { percentile } from "./percentile.js";

export interface LatencyRow {
  readonly what: string;
  readonly requests: number;
  /** Clusters, nodes or tasks in an answer. */
  readonly items: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface PagesRow {
  readonly what: string;
  readonly items: number;
  readonly pages: number;
  readonly totalMs: number;
  readonly pageMedianMs: number;
  readonly pageMaxMs: number;
}

export interface DelayRow {
  readonly what: string;
  readonly events: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface ListsResult {
  readonly clusters: number;
  readonly nodesEach: number;
  readonly latencies: readonly LatencyRow[];
  readonly pages: readonly PagesRow[];
  readonly delays: readonly DelayRow[];
}

const summary = (times: readonly number[]): { p50Ms: number; p99Ms: number; maxMs: number } => ({
  p50Ms: percentile(times, 50),
  p99Ms: percentile(times, 99),
  maxMs: percentile(times, 100),
});

/** Asks again and again, so many at once. */
async function latency(
  what: string,
  requests: number,
  atOnce: number,
  askOnce: (number: number) => Promise<number>,
): Promise<LatencyRow> {
  const times: number[] = [];
  let items = 0;
  // Connections are made, statements prepared and code compiled before; a server meets that once.
  for (let warm = 0; warm < 20; warm += 1) items = await askOnce(warm);
  let next = 0;
  const one = async (): Promise<void> => {
    for (let number = next++; number < requests; number = next++) {
      const start = performance.now();
      await askOnce(number);
      times.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one));
  return { what, requests, items, ...summary(times) };
}

type Page = { readonly count: number; readonly next: string };

/** Reads to the last page, some times over; the median run counts. */
async function pages(what: string, runs: number, read: (pageToken: string) => Promise<Page>): Promise<PagesRow> {
  const found: PagesRow[] = [];
  for (let run = 0; run < runs; run += 1) {
    const times: number[] = [];
    let items = 0;
    for (let token = "", isFirst = true; isFirst || token !== ""; isFirst = false) {
      const start = performance.now();
      const page = await read(token);
      times.push(performance.now() - start);
      items += page.count;
      token = page.next;
    }
    const totalMs = times.reduce((sum, time) => sum + time, 0);
    const { p50Ms: pageMedianMs, maxMs: pageMaxMs } = summary(times);
    found.push({ what, items, pages: times.length, totalMs, pageMedianMs, pageMaxMs });
  }
  return found.toSorted((a, b) => a.totalMs - b.totalMs)[Math.floor((runs - 1) / 2)]!;
}

/** From what has happened, as its record has it, to the message that tells a watcher. */
async function delays(client: LoomClient, nodes: number): Promise<DelayRow[]> {
  const tasks: number[] = [];
  const jobs: number[] = [];
  const changes: number[] = [];
  for (let run = 0; run < 10; run += 1) {
    const request = { displayName: `seen-${run}`, template: "farm", nodeCount: nodes, requestId: crypto.randomUUID() };
    const { name, job } = await client.clusters.createCluster(request);
    for await (const message of client.jobs.watchJob({ name: job!.name })) {
      const now = wallClock();
      const ended = message.tasks.filter((task) => task.state === Task_State.COMPLETE);
      tasks.push(...ended.map((task) => now - milliseconds(task.endTime)));
      if (message.job?.state === Job_State.COMPLETE) jobs.push(now - milliseconds(message.job.endTime));
    }
    changes.push(await changeOfQuietCluster(client, name));
  }
  return [
    { what: `end of a task, in jobs of ${nodes} nodes`, events: tasks.length, ...summary(tasks) },
    { what: `end of a job of ${nodes} nodes`, events: jobs.length, ...summary(jobs) },
    { what: "first change of a quiet cluster", events: changes.length, ...summary(changes) },
  ];
}

/** A cluster whose job was paused at work; small ones may be done before, then another one is tried. */
async function createHalf({ clusters, jobs }: LoomClient, nodeCount: number): Promise<string> {
  const requestId = (): string => crypto.randomUUID();
  for (let tries = 1; ; tries += 1) {
    const request = { displayName: `half-${tries}`, template: "farm", nodeCount, requestId: requestId() };
    const { name, job } = await clusters.createCluster(request);
    for (;;) {
      const { state, taskCount, doneCount } = await jobs.getJob({ name: job!.name });
      if (state === Job_State.COMPLETE) break;
      if (taskCount === 0 || doneCount * 3 < taskCount) continue;
      await jobs.pauseJob({ name: job!.name, requestId: requestId() }).catch(() => undefined);
      if ((await jobs.getJob({ name: job!.name })).state === Job_State.PAUSED) return name;
    }
    if (tries === 10) throw new Error(`no job of ${nodeCount} nodes could be paused at work`);
  }
}

/** Deletes a cluster where nothing has happened for a while. */
async function changeOfQuietCluster(client: LoomClient, name: string): Promise<number> {
  let asked = false;
  for await (const { cluster } of client.clusters.watchCluster({ name })) {
    if (cluster?.job?.kind === Job_Kind.DELETE) return wallClock() - milliseconds(cluster.job.createTime);
    if (asked || cluster === undefined) continue;
    asked = true;
    setTimeout(() => void client.clusters.deleteCluster({ name, requestId: crypto.randomUUID() }), 500);
  }
  throw new Error("the watch ended before the change");
}

export async function run(say: (line: string) => void, quick: boolean, many: ManyClusters): Promise<ListsResult> {
  const loom = await startBuiltLoom({ folder: many.folder, bare: true });
  const { clusters, jobs } = loom.client;
  const requests = quick ? 50 : 500;
  const largeNodes = quick ? 500 : 10_000;
  const latencies: LatencyRow[] = [];
  try {
    const list = async (query: Parameters<typeof clusters.listClusters>[0]): Promise<number> =>
      (await clusters.listClusters(query)).clusters.length;
    const measure = async (what: string, askOnce: (number: number) => Promise<number>, atOnce = 1): Promise<void> => {
      const row = await latency(what, requests, atOnce, askOnce);
      latencies.push(row);
      say(
        `${row.what}: ${row.items} items, p50 ${row.p50Ms.toFixed(1)}, p99 ${row.p99Ms.toFixed(1)}, max ${row.maxMs.toFixed(1)} ms`,
      );
    };
    const { clusters: known } = await clusters.listClusters({ pageSize: 1000 });
    const nameOf = (number: number): string => known[number % known.length]!.name;
    await measure("first page of 100", () => list({}));
    await measure("first page of 1,000", () => list({ pageSize: 1000 }));
    await measure("state ACTIVE", () => list({ states: [Cluster_State.ACTIVE] }));
    await measure("state TERMINATED", () => list({ states: [Cluster_State.TERMINATED] }));
    await measure(`template ${RARE_TEMPLATE}, one in ten`, () => list({ template: RARE_TEMPLATE }));
    await measure("by name", (number) => list({ displayName: known[number % known.length]!.displayName }));
    await measure("by a name that nothing has", () => list({ displayName: "nothing" }));
    let token = "";
    await measure("next page of 100, around and around", async () => {
      const page = await clusters.listClusters({ pageToken: token });
      token = page.nextPageToken;
      return page.clusters.length;
    });
    await measure(
      "one cluster",
      async (number) => (await clusters.getCluster({ name: nameOf(number) })).links.length + 1,
    );
    await measure(
      "nodes of one cluster",
      async (number) => (await clusters.listNodes({ parent: nameOf(number) })).nodes.length,
    );
    await measure(
      "newest jobs of all clusters",
      async () => (await jobs.listJobs({ parent: "clusters/-" })).jobs.length,
    );
    await measure("first page of 100, 8 clients at once", () => list({}), 8);

    const runs = quick ? 1 : 5;
    const rows = [
      await pages("all clusters, 100 a page", runs, async (pageToken) => {
        const page = await clusters.listClusters({ pageToken });
        return { count: page.clusters.length, next: page.nextPageToken };
      }),
    ];
    say("making the large cluster");
    const large = await create(loom.client, "large", largeNodes);
    const job = `${large.cluster}/jobs/1`;
    for (const pageSize of [100, 1000]) {
      rows.push(
        await pages(
          `nodes of a cluster of ${figure(largeNodes)}, ${figure(pageSize)} a page`,
          runs,
          async (pageToken) => {
            const page = await clusters.listNodes({ parent: large.cluster, pageSize, pageToken });
            return { count: page.nodes.length, next: page.nextPageToken };
          },
        ),
        await pages(`tasks of its job, ${figure(pageSize)} a page`, runs, async (pageToken) => {
          const page = await jobs.listTasks({ parent: job, pageSize, pageToken });
          return { count: page.tasks.length, next: page.nextPageToken };
        }),
      );
    }
    const half = await createHalf(loom.client, largeNodes);
    rows.push(
      await pages("nodes of such a cluster while its job is at work, 1,000 a page", runs, async (pageToken) => {
        const page = await clusters.listNodes({ parent: half, pageSize: 1000, pageToken });
        return { count: page.nodes.length, next: page.nextPageToken };
      }),
    );
    for (const row of rows) {
      say(
        `${row.what}: ${row.items} in ${row.pages} pages, ${row.totalMs.toFixed(0)} ms; a page ${row.pageMedianMs.toFixed(1)}, max ${row.pageMaxMs.toFixed(1)} ms`,
      );
    }
    await measure("the large cluster", async () => (await clusters.getCluster({ name: large.cluster })).nodeCount);
    const seen = await delays(loom.client, quick ? 20 : 100);
    for (const row of seen)
      say(`${row.what}: a watcher hears of it after p50 ${row.p50Ms.toFixed(0)}, p99 ${row.p99Ms.toFixed(0)} ms`);
    return { clusters: many.clusters, nodesEach: many.nodes, latencies, pages: rows, delays: seen };
  } finally {
    await loom.stop();
  }
}
