/** Jobs, tasks, attempts, plans and logs as messages. */
import type { Attempt, Job, Plan, ReadLogsResponse, Task } from "../../../../gen/services/loom/v1/job.js";
import { ReadLogsResponse_Stream } from "../../../../gen/services/loom/v1/job.js";
import type { AttemptView, JobView, LogView, PlanView, TaskView } from "../../views.js";
import { jobPath, taskPath } from "../names.js";
import { costToWire } from "./cost.js";
import { attemptStates, jobKinds, jobStates, logStreams, plannedChanges, taskStates } from "./enums.js";

export function planToWire(plan: PlanView): Plan {
  return {
    nodes: plan.nodes.map((node) => ({
      change: plannedChanges.toWire(node.change),
      number: node.number,
      hostname: node.hostname,
      hardwareType: node.hardwareType,
      imageType: node.imageType,
      services: [...node.services],
    })),
    stages: plan.stages.map((stage) => ({
      actions: stage.map(({ action, service, count }) => ({ action, service, count })),
    })),
    taskCount: plan.taskCount,
    addedServices: [...plan.addedServices],
    configChanges: plan.configChanges.map((change) => ({ ...change })),
    costAdded: costToWire(plan.costAdded),
    costRemoved: costToWire(plan.costRemoved),
  };
}

export function jobToWire(job: JobView): Job {
  return {
    name: jobPath(job.cluster, job.number),
    kind: jobKinds.toWire(job.kind),
    state: jobStates.toWire(job.state),
    message: job.message,
    reason: job.reason,
    taskCount: job.taskCount,
    doneCount: job.doneCount,
    runningCount: job.runningCount,
    retryingCount: job.retryingCount,
    failedCount: job.failedCount,
    actor: job.actor,
    createTime: job.createTime,
    endTime: job.endTime,
    runner: job.runner,
    etag: job.etag,
    plan: job.plan === undefined ? undefined : planToWire(job.plan),
  };
}

export function taskToWire(task: TaskView): Task {
  return {
    name: taskPath(task.cluster, task.job, task.number),
    node: task.node,
    service: task.service,
    action: task.action,
    state: taskStates.toWire(task.state),
    attempt: task.attempt,
    stage: task.stage,
    message: task.message,
    startTime: task.startTime,
    endTime: task.endTime,
  };
}

export function attemptToWire(attempt: AttemptView): Attempt {
  return {
    number: attempt.number,
    state: attemptStates.toWire(attempt.state),
    worker: attempt.worker,
    reason: attempt.reason,
    message: attempt.message,
    startTime: attempt.startTime,
    endTime: attempt.endTime,
    exitCode: attempt.exitCode,
  };
}

export function logToWire(log: LogView): ReadLogsResponse {
  return {
    task: taskPath(log.cluster, log.job, log.task),
    attempt: log.attempt,
    node: log.node,
    service: log.service,
    action: log.action,
    stream: logStreams.toWire(log.stream),
    text: log.text,
  };
}

/** A sign of life on a stream of logs. */
export function logHeartbeat(): ReadLogsResponse {
  return {
    task: "",
    attempt: 0,
    node: 0,
    service: "",
    action: "",
    stream: ReadLogsResponse_Stream.STREAM_UNSPECIFIED,
    text: "",
  };
}
