/** Words for values of the contract: states, times, tasks. Pure. */
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { Job_Kind, Job_State, Task_State, type Job, type Task } from "../../gen/web/loom/v1/job_pb.js";
import { formatDuration } from "../duration.js";

/** Milliseconds since 1970, undefined where there is no time. */
export function millis(time: Timestamp | undefined): number | undefined {
  return time === undefined ? undefined : Number(time.seconds) * 1000 + Math.floor(time.nanos / 1e6);
}

/** What a value of an enum is called; `-` for none or one that this client does not know. */
export function word(names: Readonly<Record<number, string>>, value: number): string {
  const name = names[value];
  return name === undefined || name.endsWith("UNSPECIFIED") ? "-" : name;
}

export function jobState(job: Job): string {
  return word(Job_State as unknown as Record<number, string>, job.state);
}

export function taskState(task: Task): string {
  return word(Task_State as unknown as Record<number, string>, task.state);
}

const KINDS: Readonly<Record<number, string>> = {
  [Job_Kind.CREATE]: "create",
  [Job_Kind.DELETE]: "delete",
  [Job_Kind.ADD_NODES]: "add nodes",
  [Job_Kind.REMOVE_NODES]: "remove nodes",
  [Job_Kind.REPLACE_NODE]: "replace node",
  [Job_Kind.REPAIR]: "repair",
  [Job_Kind.CONFIGURE]: "configure",
  [Job_Kind.START_SERVICES]: "start services",
  [Job_Kind.STOP_SERVICES]: "stop services",
  [Job_Kind.RESTART_SERVICES]: "restart services",
  [Job_Kind.ADD_SERVICES]: "add services",
  [Job_Kind.REMOVE_SERVICES]: "remove services",
};

/** `create`, `delete`, `add nodes`. */
export function jobKind(job: Job): string {
  return KINDS[job.kind] ?? "-";
}

/** True where a job does nothing more by itself. */
export function jobEnded(job: Job): boolean {
  return job.state === Job_State.COMPLETE || job.state === Job_State.FAILED || job.state === Job_State.CANCELLED;
}

/** `12/29`, empty before the job is planned. */
export function progress(job: Job): string {
  return job.taskCount === 0 ? "" : `${job.doneCount}/${job.taskCount}`;
}

/** How long something took or has taken so far; empty where it has not begun. */
export function took(start: Timestamp | undefined, end: Timestamp | undefined, now: number): string {
  const from = millis(start);
  return from === undefined ? "" : formatDuration((millis(end) ?? now) - from);
}

const DOING: Readonly<Record<string, string>> = {
  CREATE: "making the machine",
  CONFIRM: "waiting for the machine",
  BOOTSTRAP: "preparing the machine",
  INSTALL: "installing",
  CONFIGURE: "configuring",
  INITIALIZE: "initializing",
  START: "starting",
  STOP: "stopping",
  REMOVE: "removing",
  CHECK: "checking",
  DELETE: "removing the machine",
};

/** What a task does, in words: `installing web`, `making the machine`. */
export function doing(task: { readonly action: string; readonly service: string }): string {
  const verb = DOING[task.action] ?? task.action.toLowerCase();
  return task.service === "" ? verb : `${verb} ${task.service}`;
}

/** `1000`, `1000 and 1001`, `1000, 1001 and 4 more`. */
export function someOf(items: readonly (string | number)[], most = 3): string {
  if (items.length <= 1) return items.join("");
  if (items.length > most) return `${items.slice(0, most - 1).join(", ")} and ${items.length - most + 1} more`;
  return `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}

/** `1 node`, `4 nodes`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
