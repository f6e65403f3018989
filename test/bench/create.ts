/** Making and removing clusters through the gateway, with the times that Loom itself has written down. */
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { LoomClient } from "../../gateway/client.js";
import { Job_State } from "../../gen/web/loom/v1/job_pb.js";

export interface Created {
  readonly cluster: string;
  readonly tasks: number;
  /** Milliseconds from the request to its answer. */
  readonly answeredMs: number;
  /** Milliseconds from the request to the end of the job as its record has it, not to when a watcher hears of it. */
  readonly endedMs: number;
}

/** Milliseconds since 1970. */
export const milliseconds = (time: Timestamp | undefined): number => Number(time!.seconds) * 1000 + time!.nanos / 1e6;

/** Milliseconds since 1970, finer than Date.now(). */
export const wallClock = (): number => performance.timeOrigin + performance.now();

/** Watches the job to its end, as `--wait` does. */
export async function create(client: LoomClient, displayName: string, nodeCount: number): Promise<Created> {
  const asked = wallClock();
  const request = { displayName, template: "farm", nodeCount, requestId: crypto.randomUUID() };
  const cluster = await client.clusters.createCluster(request);
  const answeredMs = wallClock() - asked;
  const job = await watchToEnd(client, cluster.job!.name);
  return { cluster: cluster.name, tasks: job.tasks, answeredMs, endedMs: job.endedAt - asked };
}

export async function remove(client: LoomClient, cluster: string): Promise<void> {
  const job = await client.clusters.deleteCluster({ name: cluster, requestId: crypto.randomUUID() });
  await watchToEnd(client, job.name);
}

async function watchToEnd(client: LoomClient, name: string): Promise<{ tasks: number; endedAt: number }> {
  for await (const { job } of client.jobs.watchJob({ name })) {
    if (job?.state === Job_State.FAILED) throw new Error(`the job failed: ${job.message}`);
    if (job?.state === Job_State.COMPLETE) return { tasks: job.taskCount, endedAt: milliseconds(job.endTime) };
  }
  throw new Error("the watch ended before the job");
}
