/** `loom jobs`, and what other commands need of jobs. */
import type { LoomClient } from "../../gateway/client.js";
import { Job_State, type Job } from "../../gen/web/loom/v1/job_pb.js";
import { badInput, EXIT } from "../exit.js";
import { eventFeed } from "../feeds.js";
import { clusterPart, findCluster, parseReference } from "../names.js";
import { readPages } from "../pages.js";
import { JOBS } from "../render/kinds/jobs.js";
import { printRecords } from "../render/output.js";
import { jobEnded } from "../render/words.js";
import type { OutputOptions, Session } from "../session.js";
import { statesOf } from "../states.js";
import { watchRecords } from "../watch.js";

export interface JobsOptions extends OutputOptions {
  readonly state?: readonly string[];
  readonly limit?: number;
  readonly watch?: boolean;
}

export async function run(session: Session, options: JobsOptions, name?: string): Promise<number> {
  const states = statesOf(Job_State as unknown as Record<string, Job_State>, options.state);
  const api = await session.api();
  const parent = name === undefined ? "clusters/-" : (await findCluster(api, name, session.signal)).name;
  const snapshot = (): Promise<{ items: Job[]; unreachable: string[] }> =>
    readPages(async (page) => {
      const answer = await api.jobs.listJobs({ parent, states, ...page }, { signal: session.signal });
      return { items: answer.jobs, nextPageToken: answer.nextPageToken, unreachable: answer.unreachable };
    }, options.limit ?? 100);
  if (options.watch !== true) {
    const { items, unreachable } = await snapshot();
    await printRecords(session, options, JOBS, items, unreachable);
    return EXIT.done;
  }
  let busy = true;
  await watchRecords(session, options, {
    kind: JOBS,
    snapshot: async () => {
      const { items } = await snapshot();
      busy = items.some((job) => !jobEnded(job));
      return items;
    },
    feed: eventFeed(session, api, name === undefined ? "" : parent, () => busy),
    isDone: () => false,
  });
  return EXIT.done;
}

/**
 * The job a person means: `CLUSTER/jobs/N`, or a cluster with `--job N`, or a cluster's newest job.
 *
 * @throws CliError where the cluster has no job
 */
export async function findJob(
  session: Session,
  api: LoomClient,
  text: string,
  number: number | undefined,
): Promise<Job> {
  const reference = parseReference(text);
  if (reference.node !== undefined) throw badInput(`"${text}" is a node, not a cluster or job.`);
  const wanted = reference.job ?? number;
  if (reference.job !== undefined && number !== undefined && reference.job !== number)
    throw badInput(`"${text}" and --job ${number} name different jobs.`);
  const cluster = await findCluster(api, text, session.signal);
  if (wanted !== undefined)
    return api.jobs.getJob({ name: `${cluster.name}/jobs/${wanted}` }, { signal: session.signal });
  if (cluster.job === undefined) throw badInput(`${clusterPart(cluster.name)} has no job.`);
  return cluster.job;
}
