/** Columns of jobs, tasks, attempts and events. */
import {
  AttemptSchema,
  Attempt_State,
  JobSchema,
  TaskSchema,
  type Attempt,
  type Job,
  type Task,
} from "../../../gen/web/loom/v1/job_pb.js";
import { EventSchema, Event_Severity, type Event } from "../../../gen/web/loom/v1/event_pb.js";
import { clusterPart, lastPart } from "../../names.js";
import { paintState } from "../colour.js";
import type { RecordKind } from "../output.js";
import { moment } from "../table.js";
import { jobKind, jobState, millis, progress, taskState, took, word } from "../words.js";

export const JOBS: RecordKind<Job> = {
  schema: JobSchema,
  plural: "jobs",
  nameOf: (job) => job.name,
  empty: "No jobs.",
  columns: [
    { name: "cluster", value: (job) => clusterPart(job.name) },
    { name: "job", value: (job) => lastPart(job.name), right: true },
    { name: "kind", value: jobKind },
    { name: "state", value: jobState, paint: paintState },
    { name: "progress", value: progress, right: true },
    { name: "started", value: (job, context) => moment(millis(job.createTime), context) },
    { name: "took", value: (job, context) => took(job.createTime, job.endTime, context.now) },
    { name: "running", value: (job) => String(job.runningCount), wide: true, right: true },
    { name: "retrying", value: (job) => String(job.retryingCount), wide: true, right: true },
    { name: "failed", value: (job) => String(job.failedCount), wide: true, right: true },
    { name: "actor", value: (job) => job.actor, wide: true },
    { name: "runner", value: (job) => String(job.runner), wide: true, right: true },
    { name: "reason", value: (job) => job.reason, wide: true },
    { name: "message", value: (job) => job.message, flexible: true },
  ],
};

export const TASKS: RecordKind<Task> = {
  schema: TaskSchema,
  plural: "tasks",
  nameOf: (task) => task.name,
  empty: "No tasks.",
  columns: [
    { name: "task", value: (task) => lastPart(task.name), right: true },
    { name: "stage", value: (task) => String(task.stage), right: true },
    { name: "node", value: (task) => String(task.node) },
    { name: "service", value: (task) => (task.service === "" ? "-" : task.service) },
    { name: "action", value: (task) => task.action },
    { name: "state", value: taskState, paint: paintState },
    { name: "attempt", value: (task) => (task.attempt === 0 ? "" : String(task.attempt)), right: true },
    { name: "took", value: (task, context) => took(task.startTime, task.endTime, context.now) },
    { name: "started", value: (task, context) => moment(millis(task.startTime), context), wide: true },
    { name: "message", value: (task) => task.message, flexible: true },
  ],
};

export const ATTEMPTS: RecordKind<Attempt> = {
  schema: AttemptSchema,
  plural: "attempts",
  nameOf: (attempt) => String(attempt.number),
  empty: "Not tried yet.",
  columns: [
    { name: "attempt", value: (attempt) => String(attempt.number), right: true },
    {
      name: "state",
      value: (attempt) => word(Attempt_State as unknown as Record<number, string>, attempt.state),
      paint: paintState,
    },
    { name: "started", value: (attempt, context) => moment(millis(attempt.startTime), context) },
    { name: "took", value: (attempt, context) => took(attempt.startTime, attempt.endTime, context.now) },
    { name: "exit", value: (attempt) => (attempt.exitCode === 0 ? "" : String(attempt.exitCode)), right: true },
    { name: "reason", value: (attempt) => attempt.reason },
    { name: "worker", value: (attempt) => attempt.worker, wide: true },
    { name: "message", value: (attempt) => attempt.message, flexible: true },
  ],
};

export function severity(event: Event): string {
  return word(Event_Severity as unknown as Record<number, string>, event.severity);
}

export const EVENTS: RecordKind<Event> = {
  schema: EventSchema,
  plural: "events",
  nameOf: (event) => event.name,
  empty: "No events.",
  columns: [
    { name: "time", value: (event, context) => moment(millis(event.time), context) },
    { name: "severity", value: severity, paint: paintState },
    { name: "cluster", value: (event) => (event.cluster === "" ? "-" : lastPart(event.cluster)) },
    { name: "reason", value: (event) => event.reason },
    { name: "message", value: (event) => event.message, flexible: true },
    { name: "job", value: (event) => (event.job === "" ? "" : lastPart(event.job)), wide: true, right: true },
    { name: "actor", value: (event) => event.actor, wide: true },
    { name: "event", value: (event) => lastPart(event.name), wide: true },
  ],
};
