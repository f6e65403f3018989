/** States of jobs and tasks and the moves between them (docs/architecture.md, "States"). An illegal move is a defect. */

export const JOB_STATES = [
  "QUEUED",
  "RUNNING",
  "PAUSED",
  "WAITING",
  "CANCELLING",
  "COMPLETE",
  "FAILED",
  "CANCELLED",
] as const;
export type JobState = (typeof JOB_STATES)[number];

export const TASK_STATES = [
  "WAITING",
  "READY",
  "RUNNING",
  "RETRYING",
  "COMPLETE",
  "FAILED",
  "SKIPPED",
  "CANCELLED",
] as const;
export type TaskState = (typeof TASK_STATES)[number];

/** From each state of a job, the states it may go to. FAILED and CANCELLED end a job until it is retried. */
export const JOB_MOVES: Readonly<Record<JobState, readonly JobState[]>> = {
  QUEUED: ["RUNNING", "PAUSED", "CANCELLING", "FAILED"],
  RUNNING: ["PAUSED", "WAITING", "CANCELLING", "COMPLETE", "FAILED"],
  PAUSED: ["QUEUED", "RUNNING", "CANCELLING", "COMPLETE", "FAILED"],
  WAITING: ["RUNNING", "PAUSED", "CANCELLING", "COMPLETE", "FAILED"],
  CANCELLING: ["CANCELLED", "COMPLETE", "FAILED"],
  COMPLETE: [],
  FAILED: ["QUEUED", "RUNNING"],
  CANCELLED: ["QUEUED", "RUNNING"],
};

/** From each state of a task, the states it may go to. COMPLETE and SKIPPED are left only where a machine is made again. */
export const TASK_MOVES: Readonly<Record<TaskState, readonly TaskState[]>> = {
  WAITING: ["READY", "SKIPPED", "CANCELLED"],
  READY: ["RUNNING", "WAITING", "SKIPPED", "CANCELLED"],
  RUNNING: ["COMPLETE", "FAILED", "RETRYING", "READY", "WAITING", "CANCELLED"],
  RETRYING: ["READY", "WAITING", "FAILED", "SKIPPED", "CANCELLED"],
  COMPLETE: ["WAITING", "READY"],
  FAILED: ["READY", "WAITING", "SKIPPED"],
  SKIPPED: ["WAITING"],
  CANCELLED: ["WAITING", "READY", "SKIPPED"],
};

/** True where a job in this state does nothing more by itself. */
export function isEnded(state: JobState): boolean {
  return state === "COMPLETE" || state === "FAILED" || state === "CANCELLED";
}

/** Throws unless the move stands in the table. A state may always stay what it is. */
export function checkJobMove(from: JobState, to: JobState): void {
  if (from !== to && !JOB_MOVES[from].includes(to)) throw new Error(`illegal move of a job: ${from} to ${to}`);
}

/** Throws unless the move stands in the table. */
export function checkTaskMove(from: TaskState, to: TaskState): void {
  if (from !== to && !TASK_MOVES[from].includes(to)) throw new Error(`illegal move of a task: ${from} to ${to}`);
}
