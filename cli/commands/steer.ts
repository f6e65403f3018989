/** `loom pause`, `resume`, `cancel`, `retry`, `retry-task` and `skip-task`. */
import type { LoomClient } from "../../gateway/client.js";
import type { Job } from "../../gen/web/loom/v1/job_pb.js";
import { badInput } from "../exit.js";
import { clusterPart, lastPart, parseReference } from "../names.js";
import { mutate } from "../request.js";
import type { Session } from "../session.js";
import { findJob } from "./jobs.js";
import { checkFlags, reportJob, type JobCommandOptions } from "./report.js";

export interface SteerOptions extends JobCommandOptions {
  readonly job?: number;
  readonly task?: number;
  readonly reason?: string;
}

interface Request {
  readonly name: string;
  readonly validateOnly: boolean;
  readonly requestId: string;
}

type Send = (api: LoomClient, request: Request, signal: AbortSignal) => Promise<Job>;

async function steer(
  session: Session,
  options: SteerOptions,
  text: string,
  verb: string,
  usual: string,
  send: Send,
): Promise<number> {
  checkFlags(options, usual);
  const api = await session.api();
  const job = await findJob(session, api, text, options.job);
  const what = `${verb} ${clusterPart(job.name)} job ${lastPart(job.name)}`;
  const answer = await mutate(session, options, what, (requestId) =>
    send(api, { name: job.name, validateOnly: options.dryRun === true, requestId }, session.signal),
  );
  return reportJob(session, options, answer, what, usual);
}

export const pause = (session: Session, options: SteerOptions, text: string): Promise<number> =>
  steer(session, options, text, "pause", "paused", (api, request, signal) => api.jobs.pauseJob(request, { signal }));

export const resume = (session: Session, options: SteerOptions, text: string): Promise<number> =>
  steer(session, options, text, "resume", "complete", (api, request, signal) =>
    api.jobs.resumeJob(request, { signal }),
  );

export const cancel = (session: Session, options: SteerOptions, text: string): Promise<number> =>
  steer(session, options, text, "cancel", "cancelled", (api, request, signal) =>
    api.jobs.cancelJob(request, { signal }),
  );

export const retry = (session: Session, options: SteerOptions, text: string): Promise<number> =>
  steer(session, options, text, "retry", "complete", (api, request, signal) => api.jobs.retryJob(request, { signal }));

async function steerTask(
  session: Session,
  options: SteerOptions,
  text: string,
  verb: string,
  send: Send,
): Promise<number> {
  checkFlags(options);
  const number = parseReference(text).task ?? options.task;
  if (number === undefined)
    throw badInput(
      "No task is named.",
      "Give --task N, or CLUSTER/jobs/N/tasks/N. List them with: loom tasks CLUSTER --state failed",
    );
  const api = await session.api();
  const job = await findJob(session, api, text, options.job);
  const name = `${job.name}/tasks/${number}`;
  const what = `${verb} ${name.replace(/^clusters\//, "")}`;
  const answer = await mutate(session, options, what, (requestId) =>
    send(api, { name, validateOnly: options.dryRun === true, requestId }, session.signal),
  );
  return reportJob(session, options, answer, what);
}

export const retryTask = (session: Session, options: SteerOptions, text: string): Promise<number> =>
  steerTask(session, options, text, "retry-task", (api, request, signal) => api.jobs.retryTask(request, { signal }));

export const skipTask = (session: Session, options: SteerOptions, text: string): Promise<number> =>
  steerTask(session, options, text, "skip-task", (api, request, signal) =>
    api.jobs.skipTask({ ...request, reason: options.reason ?? "" }, { signal }),
  );
