/** `loom tasks` */
import type { LoomClient } from "../../gateway/client.js";
import { Task_State, type Job, type Task } from "../../gen/web/loom/v1/job_pb.js";
import { EXIT } from "../exit.js";
import { jobFeed } from "../feeds.js";
import { readPages } from "../pages.js";
import { TASKS } from "../render/kinds/jobs.js";
import { printRecords } from "../render/output.js";
import { clusterPart, lastPart } from "../names.js";
import { jobEnded, jobKind, jobState, progress } from "../render/words.js";
import type { OutputOptions, Session } from "../session.js";
import { statesOf } from "../states.js";
import { watchRecords } from "../watch.js";
import { findJob } from "./jobs.js";

export interface TasksOptions extends OutputOptions {
  readonly job?: number;
  readonly state?: readonly string[];
  readonly node?: number;
  readonly service?: string;
  /** Only tasks that were tried more than once. */
  readonly retried?: boolean;
  readonly watch?: boolean;
}

/** The tasks of a job in the order of their stages. */
export async function tasksOf(
  session: Session,
  api: LoomClient,
  job: Job,
  states: readonly Task_State[],
  node = 0,
): Promise<Task[]> {
  const { items } = await readPages(async (page) => {
    const answer = await api.jobs.listTasks(
      { parent: job.name, states: [...states], node, ...page },
      { signal: session.signal },
    );
    return { items: answer.tasks, nextPageToken: answer.nextPageToken };
  });
  return items;
}

export async function run(session: Session, options: TasksOptions, name: string): Promise<number> {
  const states = statesOf(Task_State as unknown as Record<string, Task_State>, options.state);
  const api = await session.api();
  let job = await findJob(session, api, name, options.job);
  const snapshot = async (): Promise<Task[]> => {
    const tasks = await tasksOf(session, api, job, states, options.node);
    return tasks.filter(
      (task) =>
        (options.service === undefined || task.service === options.service) &&
        (options.retried !== true || task.attempt > 1),
    );
  };
  if (options.watch !== true) {
    await printRecords(session, options, TASKS, await snapshot());
    return EXIT.done;
  }
  await watchRecords(session, options, {
    kind: TASKS,
    snapshot: async () => {
      // The job first: where it has ended, the tasks read after it are the last ones.
      job = await api.jobs.getJob({ name: job.name }, { signal: session.signal });
      return snapshot();
    },
    feed: jobFeed(session, api, job.name),
    isDone: () => jobEnded(job),
    heading: () => [
      `${clusterPart(job.name)} job ${lastPart(job.name)} ${jobKind(job)} ${jobState(job)} ${progress(job)}`.trimEnd(),
    ],
  });
  return jobState(job) === "COMPLETE" ? EXIT.done : EXIT.failed;
}
