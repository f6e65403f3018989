/** What can be asked of jobs. */
import { LoomError } from "../../common/errors.js";
import { clusterName, type IdSpace } from "../../common/ids.js";
import type { Caller, Change, JobOperations, Mutation } from "../application.js";
import { findCluster, findJob } from "../clusters/locate.js";
import { decodePageToken, encodePageToken, pageSize } from "../paging.js";
import type { JobControl, JobVerb } from "../records/types.js";
import { checkEtag, requestOf } from "../requests.js";
import { JOBS_TOPIC, LOG_TOPIC, clusterTopic, controlTopic, logsTopic, type Signals } from "../signals.js";
import type { Log } from "../store/log.js";
import {
  jobView,
  readAttempts,
  readJob,
  readJobsOfCluster,
  readJobsOfTenant,
  readTasks,
  type JobRow,
} from "../store/read/jobs.js";
import type { Rows } from "../store/rows.js";
import { readTaskLogs } from "../store/task-logs.js";
import type { JobView, LogView, TaskView } from "../views.js";
import { isEnded, type JobState, type TaskState } from "./states.js";
import { watch } from "../watch.js";

export interface JobServices {
  readonly db: Rows;
  readonly log: Log;
  readonly epochs: ReadonlyMap<number, bigint>;
  readonly space: IdSpace;
  readonly signals: Signals;
}

/** States of a job in which each command makes sense. */
const ALLOWED: Readonly<Record<JobVerb, readonly JobState[]>> = {
  pause: ["QUEUED", "RUNNING", "WAITING"],
  resume: ["PAUSED"],
  cancel: ["QUEUED", "RUNNING", "WAITING", "PAUSED"],
  retry: ["FAILED", "CANCELLED"],
  retryTask: ["RUNNING", "WAITING", "PAUSED", "FAILED", "CANCELLED"],
  skipTask: ["RUNNING", "WAITING", "PAUSED", "FAILED", "CANCELLED"],
};

/** States of a task in which it can be retried or skipped. */
const ALLOWED_TASK: Readonly<Record<"retryTask" | "skipTask", readonly TaskState[]>> = {
  retryTask: ["FAILED", "CANCELLED", "RETRYING"],
  skipTask: ["WAITING", "READY", "RETRYING", "FAILED", "CANCELLED"],
};

const VERB_TEXT: Readonly<Record<JobVerb, string>> = {
  pause: "paused",
  resume: "resumed",
  cancel: "cancelled",
  retry: "retried",
  retryTask: "retried",
  skipTask: "skipped",
};

/** Rows of tasks or chunks of logs read at once. */
const BATCH = 1000;
/** Milliseconds between two looks of a watcher at most, so that a busy job does not flood it. */
const WATCH_PAUSE_MS = 150;

export function createJobOperations(services: JobServices): JobOperations {
  const { db, log, epochs, space, signals } = services;

  async function control(
    caller: Caller,
    name: string,
    number: number,
    verb: JobVerb,
    mutation: Mutation,
    extra: Pick<JobControl, "task" | "reason"> = {},
  ): Promise<JobView> {
    const place = await findCluster(db, caller, name, space);
    const request = requestOf(mutation.requestId, verb, { name, number, etag: mutation.etag, ...extra });
    const view = async (tx: Rows): Promise<JobView> => jobView((await findJob(tx, caller, name, number, space)).job);
    const answer = await log.append(
      {
        name: `${verb} job`,
        shard: place.shard,
        epoch: epochs.get(place.shard)!,
        tenant: caller.tenant,
        actor: caller.user,
        request,
        dryRun: mutation.validateOnly,
      },
      async (tx) => {
        const { cluster, job } = await findJob(tx, caller, name, number, space);
        const state = jobView(job).state;
        checkEtag(mutation.etag, `${job.epoch}-${job.seq}`, `Job ${number} of "${name}"`);
        if (!ALLOWED[verb].includes(state)) {
          throw new LoomError(
            "JOB_STATE",
            `Job ${number} of "${name}" is ${state} and cannot be ${VERB_TEXT[verb]}; that takes a job that is ${ALLOWED[verb].join(" or ")}.`,
            { metadata: { state } },
          );
        }
        if (cluster.cluster_state === "TERMINATED") {
          throw new LoomError(
            "CLUSTER_STATE",
            `Cluster "${name}" is TERMINATED: nothing of it is left that job ${number} could go on with. Create a new one.`,
            { metadata: { cluster: name, state: "TERMINATED" } },
          );
        }
        if (isEnded(state) && cluster.number !== number) {
          throw new LoomError(
            "JOB_STATE",
            `Job ${number} of "${name}" was followed by job ${cluster.number}; only the newest job can go on.`,
            { metadata: { newest: String(cluster.number) } },
          );
        }
        if (verb === "retryTask" || verb === "skipTask") await checkTask(tx, cluster, name, number, extra.task!, verb);
        const body: JobControl = { kind: "JobControl", job: number, verb, ...extra };
        return { bodies: [body], clusterId: cluster.id, job: number, answer: view };
      },
      view,
    );
    if (!mutation.validateOnly) {
      for (const topic of [JOBS_TOPIC, LOG_TOPIC, controlTopic(place.id), clusterTopic(place.id)])
        signals.notify(topic);
    }
    return answer;
  }

  async function checkTask(
    tx: Rows,
    cluster: JobRow & { id: bigint },
    name: string,
    job: number,
    task: number,
    verb: "retryTask" | "skipTask",
  ): Promise<void> {
    const [found] = await readTasks(tx, cluster.shard, cluster.id, name, job, { number: task, limit: 1 });
    if (found === undefined) throw taskNotFound(name, job, task);
    if (verb === "skipTask" && found.action === "DELETE") {
      throw new LoomError(
        "TASK_STATE",
        `Task ${task} of job ${job} removes the machine of node ${found.node}; skipped, the machine would be forgotten. Retry the task, or the job.`,
        { metadata: { action: found.action } },
      );
    }
    if (!ALLOWED_TASK[verb].includes(found.state)) {
      throw new LoomError(
        "TASK_STATE",
        `Task ${task} of job ${job} is ${found.state} and cannot be ${VERB_TEXT[verb]}; that takes a task that is ${ALLOWED_TASK[verb].join(" or ")}.`,
        { metadata: { state: found.state } },
      );
    }
  }

  function taskNotFound(name: string, job: number, task: number): LoomError {
    return new LoomError(
      "TASK_NOT_FOUND",
      `Job ${job} of "${name}" has no task ${task}. "loom tasks ${name}" lists them.`,
      { metadata: { task: String(task) } },
    );
  }

  return {
    pause: (caller, cluster, job, mutation) => control(caller, cluster, job, "pause", mutation),
    resume: (caller, cluster, job, mutation) => control(caller, cluster, job, "resume", mutation),
    cancel: (caller, cluster, job, mutation) => control(caller, cluster, job, "cancel", mutation),
    retry: (caller, cluster, job, mutation) => control(caller, cluster, job, "retry", mutation),
    retryTask: (caller, cluster, job, task, mutation) => control(caller, cluster, job, "retryTask", mutation, { task }),
    skipTask: (caller, cluster, job, task, reason, mutation) =>
      control(caller, cluster, job, "skipTask", mutation, { task, reason }),

    async get(caller, cluster, job) {
      return jobView((await findJob(db, caller, cluster, job, space)).job);
    },

    async list(caller, cluster, request) {
      const limit = pageSize(request.pageSize);
      const shape = ["jobs", cluster, request.states];
      // A waiting job is a running one in the database.
      const states = [...new Set(request.states.map((state) => (state === "WAITING" ? "RUNNING" : state)))];
      let rows: JobRow[];
      if (cluster === "-") {
        rows = await readJobsOfTenant(
          db,
          caller.tenant,
          states,
          decodePageToken(shape, request.pageToken, 4),
          limit + 1,
        );
      } else {
        const place = await findCluster(db, caller, cluster, space);
        const before = decodePageToken(shape, request.pageToken, 1);
        rows = await readJobsOfCluster(
          db,
          place.shard,
          place.id,
          states,
          before === undefined ? undefined : Number(before[0]),
          limit + 1,
        );
      }
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      const key = (row: JobRow): (string | number)[] =>
        cluster === "-" ? [row.accepted_at.toISOString(), row.shard, String(row.cluster_id), row.number] : [row.number];
      const views = page
        .map(jobView)
        .filter((view) => request.states.length === 0 || request.states.includes(view.state));
      return {
        items: views,
        nextPageToken: rows.length > limit && last !== undefined ? encodePageToken(shape, key(last)) : "",
      };
    },

    async *watch(caller, name, number, resumeToken, signal) {
      const { cluster } = await findJob(db, caller, name, number, space);
      let [seq, progress] = parseResumeToken(resumeToken);
      const seen = new Map<number, string>();
      const topics = [clusterTopic(cluster.id)];
      yield* watch(
        signals,
        topics,
        signal,
        WATCH_PAUSE_MS,
        async function* (): AsyncGenerator<Change<{ job: JobView | undefined; tasks: TaskView[] }>, boolean> {
          const job = (await readJob(db, cluster.shard, cluster.id, number))!;
          // Tasks are made with 0, some time after the plan: until the first step they are looked for again.
          const nowProgress = job.progress === null || job.progress === 0n ? -1n : job.progress;
          if (job.seq === seq && nowProgress === progress) return isEnded(job.state);
          const view = jobView(job);
          for (let after = -1, more = true; more;) {
            const tasks = await readTasks(db, cluster.shard, cluster.id, name, number, {
              changedSince: progress,
              after,
              limit: BATCH,
            });
            more = tasks.length === BATCH;
            after = tasks.at(-1)?.number ?? after;
            const fresh = tasks.filter((task) => seen.get(task.number) !== `${task.state}/${task.attempt}`);
            for (const task of fresh) seen.set(task.number, `${task.state}/${task.attempt}`);
            // The token only moves on with the last part, so a stream that breaks before it repeats the parts.
            yield {
              value: { job: view, tasks: fresh },
              resumeToken: more ? `${seq}.${progress}` : `${job.seq}.${nowProgress}`,
            };
          }
          [seq, progress] = [job.seq, nowProgress];
          return isEnded(job.state);
        },
        () => ({ value: { job: undefined, tasks: [] }, resumeToken: `${seq}.${progress}` }),
      );
    },

    async listTasks(caller, name, job, request) {
      const limit = pageSize(request.pageSize);
      const shape = ["tasks", name, job, request.states, request.node];
      const after = decodePageToken(shape, request.pageToken, 1);
      const { cluster } = await findJob(db, caller, name, job, space);
      const found = await readTasks(db, cluster.shard, cluster.id, name, job, {
        states: request.states,
        node: request.node,
        limit: limit + 1,
        ...(after === undefined ? {} : { after: Number(after[0]) }),
      });
      const page = found.slice(0, limit);
      return { items: page, nextPageToken: found.length > limit ? encodePageToken(shape, [page.at(-1)!.number]) : "" };
    },

    async listAttempts(caller, name, job, task) {
      const { cluster } = await findJob(db, caller, name, job, space);
      const [found] = await readTasks(db, cluster.shard, cluster.id, name, job, { number: task, limit: 1 });
      if (found === undefined) throw taskNotFound(name, job, task);
      return readAttempts(db, cluster.shard, cluster.id, job, task);
    },

    async *readLogs(caller, name, number, filter, signal) {
      const { cluster } = await findJob(db, caller, name, number, space);
      if (filter.task !== undefined) {
        const [found] = await readTasks(db, cluster.shard, cluster.id, name, number, { number: filter.task, limit: 1 });
        if (found === undefined) throw taskNotFound(name, number, filter.task);
      }
      let after = -1n;
      yield* watch(
        signals,
        [logsTopic(cluster.id, number), clusterTopic(cluster.id)],
        signal,
        WATCH_PAUSE_MS,
        async function* (): AsyncGenerator<LogView, boolean> {
          // Whether the job has ended is asked before the chunks are read: what it printed last is stored before its end.
          const { job } = await findJob(db, caller, name, number, space);
          for (let more = true; more;) {
            const chunks = await readTaskLogs(
              db,
              cluster.shard,
              cluster.id,
              clusterName(cluster.display_name, cluster.id),
              number,
              { ...filter, after, limit: BATCH },
            );
            more = chunks.length === BATCH;
            for (const { position, view } of chunks) {
              after = position;
              yield view;
            }
          }
          return !filter.follow || isEnded(job.state);
        },
        () => undefined,
      );
    },
  };
}

/** @throws INVALID_RESUME_TOKEN */
function parseResumeToken(token: string): [bigint, bigint] {
  if (token === "") return [-1n, -1n];
  const parts = /^(-?\d{1,19})\.(-?\d{1,19})$/.exec(token);
  if (parts === null)
    throw new LoomError(
      "INVALID_RESUME_TOKEN",
      "The resume token is none of this watch. Leave it out to start with the present state.",
    );
  return [BigInt(parts[1]!), BigInt(parts[2]!)];
}
