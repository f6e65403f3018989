/** Follows a job to its end with live progress on standard error. */
import type { LoomClient } from "../gateway/client.js";
import { Job_Kind, Job_State, Task_State, type Job } from "../gen/web/loom/v1/job_pb.js";
import { didYouMean } from "../services/server/catalog/suggest.js";
import { createDisplay } from "./display.js";
import { formatDuration, parseDuration } from "./duration.js";
import { badInput, CliError, EXIT } from "./exit.js";
import { follow } from "./follow.js";
import { clusterPart, lastPart } from "./names.js";
import { advance, rootCause, type JobProgress } from "./render/progress.js";
import { count, doing, jobEnded, jobKind, jobState, millis } from "./render/words.js";
import type { Session } from "./session.js";

/** Flags of commands that can wait. */
export interface WaitOptions {
  /** A state, or `end` where `--wait` names none. */
  readonly wait?: string;
  readonly timeout?: string;
}

/** What `--wait=STATE` may name, and the states of the job that meet it. */
const TARGETS: Readonly<Record<string, readonly Job_State[]>> = {
  complete: [Job_State.COMPLETE],
  active: [Job_State.COMPLETE],
  terminated: [Job_State.COMPLETE],
  running: [Job_State.RUNNING, Job_State.COMPLETE],
  paused: [Job_State.PAUSED],
  cancelled: [Job_State.CANCELLED],
  failed: [Job_State.FAILED],
  ended: [Job_State.COMPLETE, Job_State.FAILED, Job_State.CANCELLED],
};

export const WAIT_STATES = Object.keys(TARGETS);

/**
 * Waits until a job has reached what `--wait` asks for.
 *
 * @param usual what `--wait` without a state means for this command
 * @param advises false where the caller says itself why the job failed and what to do
 * @returns the job and EXIT.done, or EXIT.failed where the job ended otherwise
 * @throws CliError (exit 6) after `--timeout`, (exit 130) at Ctrl-C; the job goes on in both cases
 */
export async function waitForJob(
  session: Session,
  job: Job,
  options: WaitOptions,
  usual = "complete",
  advises = true,
): Promise<{ readonly job: Job; readonly exit: 0 | 1 }> {
  const wanted = checkWait(options, usual);
  const timeout = options.timeout === undefined ? undefined : parseDuration(options.timeout);
  const stop = new AbortController();
  const onInterrupt = (): void => stop.abort();
  session.signal.addEventListener("abort", onInterrupt, { once: true });
  let timedOut = false;
  const timer = timeout === undefined ? undefined : setTimeout(() => ((timedOut = true), stop.abort()), timeout);
  const api = await session.api();
  const display = createDisplay(session);
  let view: JobProgress | undefined;
  const update = (next: JobProgress | undefined, failures: readonly string[] = []): void => {
    view = next;
    if (view !== undefined) display.show(view, failures);
  };
  try {
    update(advance(undefined, { job, tasks: [] }, session.terminal.now()).after);
    void usualDuration(api, job, stop.signal).then((found) => {
      if (view !== undefined && found !== undefined) view = { ...view, usual: found };
    });
    const stream = follow(session, {
      open: (resumeToken, signal) => api.jobs.watchJob({ name: job.name, resumeToken }, { signal }),
      tokenOf: (message) => message.resumeToken,
      signal: stop.signal,
      isLast: (message) => message.job !== undefined && jobEnded(message.job),
      onReconnecting: (reconnecting) => {
        if (view !== undefined) view = { ...view, reconnecting };
        display.reconnecting(reconnecting, view);
      },
    });
    for await (const message of stream) {
      const { after, failures } = advance(view, message, session.terminal.now());
      update(after, failures);
      if (after !== undefined && (wanted.includes(after.job.state) || jobEnded(after.job))) break;
    }
  } finally {
    clearTimeout(timer);
    stop.abort();
    session.signal.removeEventListener("abort", onInterrupt);
    display.close();
  }
  const last = view?.job ?? job;
  const met = wanted.includes(last.state);
  if (!met && !jobEnded(last)) throw leftEarly(last, timedOut, timeout);
  await summarize(session, api, last, met, advises);
  return { job: last, exit: met ? EXIT.done : EXIT.failed };
}

/** The states of a job that `--wait` asks for. @throws CliError where the state or the time makes no sense */
export function checkWait(options: WaitOptions, usual = "complete"): readonly Job_State[] {
  if (options.timeout !== undefined) {
    if (options.wait === undefined) throw badInput("--timeout has a meaning only with --wait.");
    parseDuration(options.timeout);
  }
  const name = options.wait === undefined || options.wait === "end" ? usual : options.wait.toLowerCase();
  const wanted = TARGETS[name];
  if (wanted === undefined)
    throw badInput(
      `--wait knows no state ${name}. ${didYouMean(name, WAIT_STATES)}`.trimEnd(),
      `States: ${WAIT_STATES.join(", ")}.`,
    );
  return wanted;
}

function leftEarly(job: Job, timedOut: boolean, timeout: number | undefined): CliError {
  const cluster = clusterPart(job.name);
  const advice = [`Look again: loom status ${cluster} --watch`, `Stop it:    loom cancel ${cluster}`];
  if (!timedOut) return new CliError(EXIT.interrupted, `No longer waiting. The job ${job.name} goes on.`, { advice });
  const reached = job.taskCount === 0 ? jobState(job) : `${job.doneCount} of ${job.taskCount} tasks done`;
  return new CliError(
    EXIT.timedOut,
    `${job.name} did not get there within ${formatDuration(timeout ?? 0)} (${reached}). The job goes on.`,
    { advice, reason: "TIMED_OUT" },
  );
}

/** Says how the job ended, and where it failed which task most likely stopped it. */
async function summarize(session: Session, api: LoomClient, job: Job, met: boolean, advises: boolean): Promise<void> {
  const { errPalette: palette } = session;
  const cluster = clusterPart(job.name);
  const time = formatDuration(
    (millis(job.endTime) ?? session.terminal.now()) - (millis(job.createTime) ?? session.terminal.now()),
  );
  if (met || job.state !== Job_State.FAILED) {
    const state = jobState(job).toLowerCase();
    session.say(
      `${met ? palette.green(state) : palette.yellow(state)}: ${jobKind(job)} of ${cluster}, ${count(job.doneCount, "task")} done in ${time}`,
    );
    return;
  }
  session.say(`${palette.red(palette.bold("failed:"))} ${jobKind(job)} of ${cluster} after ${time}: ${job.message}`);
  if (job.reason !== "") session.say(`  ${palette.dim(`reason ${job.reason}`)}`);
  if (!advises) return;
  try {
    const { tasks } = await api.jobs.listTasks(
      { parent: job.name, states: [Task_State.FAILED], pageSize: 1000 },
      { signal: session.signal },
    );
    const cause = rootCause(tasks);
    if (cause !== undefined) {
      session.say(`  most likely because: ${doing(cause)} on node ${cause.node} failed: ${cause.message}`);
      if (tasks.length > 1)
        session.say(
          `  ${tasks.length - 1} more failed: loom tasks ${cluster} --job ${lastPart(job.name)} --state failed`,
        );
      session.say(`  its log:  loom logs ${cluster} --job ${lastPart(job.name)} --task ${lastPart(cause.name)}`);
    }
  } catch (thrown) {
    session.detail(`The failed tasks could not be listed: ${String(thrown)}`);
  }
  const other = OTHER_WAYS[job.kind] ?? "mend it: loom repair";
  session.say(`  go on:    loom retry ${cluster}${other === "" ? "" : `      ${other} ${cluster}`}`);
}

/** What else than a retry helps, by kind of job. A cluster that ran is rather mended than given up. */
const OTHER_WAYS: Readonly<Partial<Record<Job_Kind, string>>> = {
  [Job_Kind.CREATE]: "give up: loom delete",
  [Job_Kind.DELETE]: "",
  [Job_Kind.REPAIR]: "",
};

/** The median time of complete jobs of the same kind and a like size; undefined where there are none. */
async function usualDuration(api: LoomClient, job: Job, signal: AbortSignal): Promise<number | undefined> {
  try {
    const { jobs } = await api.jobs.listJobs(
      { parent: "clusters/-", states: [Job_State.COMPLETE], pageSize: 100 },
      { signal },
    );
    const times = jobs
      .filter(
        (past) =>
          past.kind === job.kind &&
          (job.taskCount === 0 || (past.taskCount <= job.taskCount * 2 && past.taskCount * 2 >= job.taskCount)),
      )
      .map((past) => (millis(past.endTime) ?? 0) - (millis(past.createTime) ?? 0))
      .filter((time) => time >= 1000)
      .sort((a, b) => a - b);
    return times[Math.floor(times.length / 2)];
  } catch {
    return undefined;
  }
}
