/** What people read of a record: the event feed is the log in words. */
import type { EventView } from "../views.js";
import type { LogRecord, RecordBody } from "./types.js";

type Words = Pick<EventView, "severity" | "reason" | "message"> & { readonly job: number };

const OPERATION_WORDS = { CREATE: "create the cluster", DELETE: "delete the cluster", ADD_NODES: "add nodes" } as const;

const VERB_WORDS = {
  pause: ["JOB_PAUSED", "paused"],
  resume: ["JOB_RESUMED", "resumed"],
  cancel: ["JOB_CANCEL_ASKED", "cancelled"],
  retry: ["JOB_RETRIED", "retried"],
  retryTask: ["TASK_RETRIED", "retried"],
  skipTask: ["TASK_SKIPPED", "skipped"],
} as const;

/** Undefined for records that only Loom itself cares about. */
function wordsOf(body: RecordBody): Words | undefined {
  switch (body.kind) {
    case "EpochStart":
    case "IdBlock":
      return undefined;
    case "OpAccepted": {
      const nodes = (body.groups ?? []).reduce((sum, group) => sum + group.count, 0);
      const size = nodes > 0 ? `: ${nodes} ${nodes === 1 ? "node" : "nodes"}` : "";
      return {
        severity: "INFO",
        reason: "JOB_ACCEPTED",
        message: `Job ${body.job} accepted, to ${OPERATION_WORDS[body.operation]}${size}.`,
        job: body.job,
      };
    }
    case "OpPlanned":
      return {
        severity: "INFO",
        reason: "JOB_PLANNED",
        message: `Job ${body.job} planned: ${body.taskCount} tasks.`,
        job: body.job,
      };
    case "JobControl": {
      const [reason, verb] = VERB_WORDS[body.verb];
      const task = body.task === undefined ? "" : `Task ${body.task} of `;
      const why = body.reason === undefined ? "" : `: ${body.reason}`;
      return {
        severity: "INFO",
        reason,
        message: `${task}${task === "" ? "Job" : "job"} ${body.job} ${verb}${why}.`,
        job: body.job,
      };
    }
    case "NodeChanged":
      return {
        severity: "WARNING",
        reason: "NODE_REPLACED",
        message: `The machine of node ${body.node} is replaced; this is its incarnation ${body.incarnation}.`,
        job: body.job,
      };
    case "OpCompleted":
      if (body.outcome === "COMPLETE")
        return { severity: "INFO", reason: "JOB_COMPLETE", message: `Job ${body.job} is complete.`, job: body.job };
      if (body.outcome === "CANCELLED")
        return {
          severity: "WARNING",
          reason: "JOB_CANCELLED",
          message: `Job ${body.job} was cancelled. ${body.message}`.trim(),
          job: body.job,
        };
      return {
        severity: "ERROR",
        reason: "JOB_FAILED",
        message: `Job ${body.job} failed: ${body.message}`,
        job: body.job,
      };
    case "MetaChanged": {
      if (body.documents !== undefined && body.documents.length > 0) {
        const names = body.documents
          .slice(0, 3)
          .map(
            (document) =>
              `${document.kind}/${document.name}${document.body === null ? " deleted" : ` version ${document.version}`}`,
          );
        const more = body.documents.length > 3 ? ` and ${body.documents.length - 3} more` : "";
        return {
          severity: "INFO",
          reason: "CATALOG_CHANGED",
          message: `Catalog changed: ${names.join(", ")}${more}.`,
          job: 0,
        };
      }
      if (body.token !== undefined)
        return {
          severity: "INFO",
          reason: "TOKEN_CREATED",
          message: `Access token "${body.token.label}" made for ${body.token.user}.`,
          job: 0,
        };
      return { severity: "INFO", reason: "TOKEN_REVOKED", message: "Access token revoked.", job: 0 };
    }
  }
}

/** The event of a record; `cluster` is the cluster's name without `clusters/`, empty for none. */
export function eventOf(record: LogRecord, cluster: string): EventView | undefined {
  const words = wordsOf(record.body);
  if (words === undefined) return undefined;
  return { ...words, id: `${record.shard}-${record.seq}`, time: record.at, cluster, actor: record.actor };
}
