/** The progress of a job in lines: how far, what now, how long, what last, and what each node does. Pure. */
import { Job_State, Task_State, type Job, type Task } from "../../gen/web/loom/v1/job_pb.js";
import { formatDuration } from "../duration.js";
import { clusterPart, lastPart } from "../names.js";
import { paintState, type Palette } from "./colour.js";
import { cut, oneLine } from "./text.js";
import { doing, jobEnded, jobKind, jobState, millis, progress, someOf, took } from "./words.js";

/** What is known of a job that is being watched. */
export interface JobProgress {
  readonly job: Job;
  /** Tasks that run, wait for another try, or failed, by name. */
  readonly active: ReadonlyMap<string, Task>;
  /** The last thing that happened, in words; empty at first. */
  readonly last: string;
  readonly reconnecting: boolean;
  /** How long such jobs usually take, in milliseconds; undefined where not known. */
  readonly usual?: number | undefined;
}

const SHOWN = new Set([Task_State.RUNNING, Task_State.RETRYING, Task_State.FAILED]);

/** What happened to a task, in words; undefined where it is not worth telling. */
function happened(task: Task, now: number): string | undefined {
  const what = `${task.node}: ${doing(task)}`;
  switch (task.state) {
    case Task_State.COMPLETE:
      return `${what}, done in ${took(task.startTime, task.endTime, now)}`;
    case Task_State.RETRYING:
      return `${what} failed, another try follows: ${oneLine(task.message)}`;
    case Task_State.FAILED:
      return `${what} failed: ${oneLine(task.message)}`;
    case Task_State.SKIPPED:
      return `${what}, skipped`;
    default:
      return undefined;
  }
}

/** What is known after a message of the watch; also the failures it told of, which deserve lines of their own. */
export function advance(
  before: JobProgress | undefined,
  message: { readonly job?: Job | undefined; readonly tasks: readonly Task[] },
  now: number,
): { readonly after: JobProgress | undefined; readonly failures: readonly string[] } {
  const job = message.job ?? before?.job;
  if (job === undefined) return { after: undefined, failures: [] };
  const active = new Map(before?.active);
  const failures: string[] = [];
  let last = before?.last ?? "";
  for (const task of message.tasks) {
    const text = happened(task, now);
    last = text ?? last;
    const known = active.get(task.name);
    if (
      text !== undefined &&
      (task.state === Task_State.FAILED || task.state === Task_State.RETRYING) &&
      known?.state !== task.state
    )
      failures.push(text);
    if (SHOWN.has(task.state)) active.set(task.name, task);
    else active.delete(task.name);
  }
  return { after: { job, active, last, reconnecting: false, usual: before?.usual }, failures };
}

/** What is being done now, tasks alike together: `installing web on 1001 and 1002; starting lb on 1000`. */
export function currentStep(view: JobProgress): string {
  const { job } = view;
  if (job.state === Job_State.QUEUED)
    return job.taskCount === 0 ? "working out the layout and the plan" : "waiting for a runner";
  if (job.state === Job_State.PAUSED) return "paused";
  if (job.state === Job_State.CANCELLING) return "stopping what runs";
  if (job.state === Job_State.WAITING) return `waiting: ${oneLine(job.message)}`;
  const steps = new Map<string, number[]>();
  for (const task of view.active.values()) {
    if (task.state === Task_State.FAILED) continue;
    const step = task.state === Task_State.RETRYING ? `waiting to retry ${doing(task)}` : doing(task);
    const nodes = steps.get(step);
    if (nodes === undefined) steps.set(step, [task.node]);
    else nodes.push(task.node);
  }
  if (steps.size === 0) return jobEnded(job) ? jobState(job).toLowerCase() : "handing out the next tasks";
  const texts = [...steps].map(([step, nodes]) => `${step} on ${someOf([...new Set(nodes)].sort((a, b) => a - b))}`);
  return texts.length <= 3 ? texts.join("; ") : `${texts.slice(0, 3).join("; ")}; and more`;
}

function bar(done: number, all: number, width: number, palette: Palette): string {
  const filled = all === 0 ? 0 : Math.floor((done / all) * width);
  return `[${palette.green("#".repeat(filled))}${palette.dim("-".repeat(width - filled))}]`;
}

/** Elapsed time, with how long it usually takes where that is known. */
function elapsed(view: JobProgress, now: number): string {
  const text = formatDuration((millis(view.job.endTime) ?? now) - (millis(view.job.createTime) ?? now));
  return view.usual === undefined ? text : `${text}, usually ${formatDuration(view.usual)}`;
}

/** The lines of the live area, none wider than `width` and at most `height` of them. */
export function progressLines(
  view: JobProgress,
  palette: Palette,
  now: number,
  width: number,
  height: number,
): string[] {
  const { job } = view;
  const title = `${clusterPart(job.name)} ${jobKind(job)}`;
  const percent = job.taskCount === 0 ? "" : ` ${String(Math.floor((job.doneCount / job.taskCount) * 100))}%`;
  const times = elapsed(view, now);
  const barWidth = Math.max(5, Math.min(30, width - title.length - times.length - 30));
  const head =
    width < 60
      ? cut(`${title} ${progress(job)}${percent} ${times}`, width - 1)
      : `${palette.bold(title)} ${bar(job.doneCount, job.taskCount, barWidth, palette)} ${progress(job)}${percent}  ${times}  ${paintState(jobState(job), palette)}`;
  const lines = [head, cut(`  now:  ${currentStep(view)}`, width - 1)];
  const tasks = [...view.active.values()].sort((a, b) => a.node - b.node || a.stage - b.stage);
  const room = Math.max(0, height - 5);
  for (const task of tasks.slice(0, tasks.length > room ? room - 1 : room))
    lines.push(taskLine(task, palette, now, width));
  if (tasks.length > room && room > 0) lines.push(palette.dim(`  and ${tasks.length - room + 1} more`));
  if (view.last !== "") lines.push(palette.dim(cut(`  last: ${view.last}`, width - 1)));
  if (view.reconnecting) lines.push(palette.yellow("  reconnecting; the job goes on"));
  return lines;
}

function taskLine(task: Task, palette: Palette, now: number, width: number): string {
  const state =
    task.state === Task_State.RUNNING
      ? took(task.startTime, undefined, now)
      : task.state === Task_State.FAILED
        ? "failed"
        : "waits for another try";
  const tries = task.attempt > 1 ? `, try ${task.attempt}` : "";
  const message = task.state === Task_State.RUNNING || task.message === "" ? "" : `: ${oneLine(task.message)}`;
  const text = cut(`  ${task.node}  ${doing(task)}  ${state}${tries}${message}`, width - 1);
  if (task.state === Task_State.FAILED) return palette.red(text);
  return task.state === Task_State.RETRYING ? palette.yellow(text) : text;
}

/** One line for where lines cannot be drawn again. */
export function plainProgress(view: JobProgress, now: number): string {
  const { job } = view;
  const done = progress(job);
  return `${clusterPart(job.name)} ${jobKind(job)}: ${done === "" ? "" : `${done}, `}${currentStep(view)} (${elapsed(view, now)})`;
}

/** The failed task that most likely stopped the job: the first in the order of stages. */
export function rootCause(tasks: Iterable<Task>): Task | undefined {
  const failed = [...tasks].filter((task) => task.state === Task_State.FAILED);
  return failed.sort((a, b) => a.stage - b.stage || Number(lastPart(a.name)) - Number(lastPart(b.name)))[0];
}
