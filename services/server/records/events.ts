/** What people read of a record: the event feed is the log in words. */
import type { EventView } from "../views.js";
import type { OperationKind } from "../plan/types.js";
import type { LogRecord, MetaChanged, OpAccepted, RecordBody } from "./types.js";

type Words = Pick<EventView, "severity" | "reason" | "message"> & { readonly job: number };

const OPERATION_WORDS: Readonly<Record<OperationKind, string>> = {
  CREATE: "create the cluster",
  DELETE: "delete the cluster",
  ADD_NODES: "add nodes",
  REMOVE_NODES: "remove nodes",
  REPLACE_NODE: "replace a node",
  REPAIR: "repair the cluster",
  CONFIGURE: "configure the cluster",
  START_SERVICES: "start services",
  STOP_SERVICES: "stop services",
  RESTART_SERVICES: "restart services",
  ADD_SERVICES: "add services",
  REMOVE_SERVICES: "remove services",
};

/** What an operation on a cluster means, in names. */
function subjectOf({ groups, change }: Pick<OpAccepted, "groups" | "change">): string {
  const count = (groups ?? []).reduce((sum, group) => sum + group.count, 0);
  if (count > 0) return `: ${count} ${count === 1 ? "node" : "nodes"}`;
  const nodes = [...(change?.nodes ?? []), ...(change?.started ?? [])].sort((a, b) => a - b);
  const names = nodes.length > 0 ? nodes.map(String) : [...(change?.services ?? [])];
  if (names.length === 0) return "";
  const rest = names.length > 5 ? ` and ${names.length - 5} more` : "";
  return `: ${nodes.length > 0 ? (nodes.length === 1 ? "node " : "nodes ") : ""}${names.slice(0, 5).join(", ")}${rest}`;
}

const VERB_WORDS = {
  pause: ["JOB_PAUSED", "paused"],
  resume: ["JOB_RESUMED", "resumed"],
  cancel: ["JOB_CANCEL_ASKED", "cancelled"],
  retry: ["JOB_RETRIED", "retried"],
  retryTask: ["TASK_RETRIED", "retried"],
  skipTask: ["TASK_SKIPPED", "skipped"],
} as const;

/** An ISO time for people: `2026-03-01 12:00:00 UTC`. */
function utc(time: string): string {
  return `${time.slice(0, 19).replace("T", " ")} UTC`;
}

/** A cluster whose time is over. */
function expiryWords(job: number, { expireTime, tries }: NonNullable<OpAccepted["expired"]>): Words {
  const again = tries === 1 ? "" : ` This is try ${tries}.`;
  return {
    severity: "WARNING",
    reason: "LEASE_EXPIRED",
    message: `The lease ended at ${utc(expireTime)}. Job ${job} accepted, to delete the cluster.${again}`,
    job,
  };
}

function provisionerWords({ invited, certified, dismissed }: MetaChanged): Words | undefined {
  const words = (severity: Words["severity"], reason: string, message: string): Words => ({
    severity,
    reason,
    message,
    job: 0,
  });
  if (invited !== undefined)
    return words(
      "INFO",
      "PROVISIONER_INVITED",
      `Provisioner ${invited.id} was invited, to serve as ${invited.label}, until ${utc(invited.tokenExpires)}.`,
    );
  if (certified !== undefined)
    return words(
      "INFO",
      "PROVISIONER_CERTIFIED",
      `Provisioner ${certified.id} of the machine ${certified.host} got a certificate until ${utc(certified.expires)}.`,
    );
  if (dismissed !== undefined && dismissed.length > 0)
    return words("WARNING", "PROVISIONER_REVOKED", `Provisioner ${dismissed.join(", ")} was revoked.`);
  return undefined;
}

/** Undefined for records that only Loom itself cares about. */
function wordsOf(body: RecordBody): Words | undefined {
  switch (body.kind) {
    case "EpochStart":
    case "IdBlock":
      return undefined;
    case "OpAccepted":
      if (body.expired !== undefined) return expiryWords(body.job, body.expired);
      return {
        severity: "INFO",
        reason: "JOB_ACCEPTED",
        message: `Job ${body.job} accepted, to ${OPERATION_WORDS[body.operation]}${subjectOf(body)}.`,
        job: body.job,
      };
    case "LeaseChanged": {
      const end = (time: string | null): string => (time === null ? "no end" : `its end at ${utc(time)}`);
      return {
        severity: "INFO",
        reason: "LEASE_CHANGED",
        message: `The lease has ${end(body.lease?.expireTime ?? null)}; before it had ${end(body.before)}.`,
        job: 0,
      };
    }
    case "LeaseWarned":
      return {
        severity: "WARNING",
        reason: "LEASE_ENDS_SOON",
        message: `The lease ends at ${utc(body.expireTime)}; then the cluster is deleted. To keep it: loom extend.`,
        job: 0,
      };
    case "SessionOpened": {
      const { node, program } = body;
      const more =
        body.arguments === 0 ? "" : ` with ${body.arguments} ${body.arguments === 1 ? "argument" : "arguments"}`;
      return {
        severity: "INFO",
        reason: "SESSION_OPENED",
        message: `On node ${node}: ${program === "" ? "a shell" : `${program}${more}`}${body.terminal ? ", with a terminal" : ""}.`,
        job: 0,
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
      const words = provisionerWords(body);
      if (words !== undefined) return words;
      if (body.quota !== undefined) {
        const limit = (max: number | null, what: string): string => `${max ?? "any number of"} ${what}`;
        return {
          severity: "INFO",
          reason: "QUOTA_CHANGED",
          message: `Quota changed: ${limit(body.quota.maxClusters, "clusters")} and ${limit(body.quota.maxNodes, "nodes")} in ${body.quota.datacenter}.`,
          job: 0,
        };
      }
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
