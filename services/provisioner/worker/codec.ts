/** Between the messages of worker.proto and the plain records the worker works with. */
import type * as wire from "../../../gen/services/loom/internal/v1/worker.js";
import { ACTIONS, type ActionName } from "../../server/plan/types.js";
import type { Assignment, Lease } from "../../server/workers/types.js";

/** @returns undefined for a message that lacks its lease or node, or names no action this program knows */
export function assignmentFrom(message: wire.Assignment): Assignment | undefined {
  const { lease, node, action } = message;
  if (lease === undefined || node === undefined || !isAction(action)) return undefined;
  return {
    lease, action, service: message.service, clusterUid: message.clusterUid, clusterName: message.clusterName, tenant: message.tenant,
    node: {
      number: node.number, incarnation: node.incarnation, token: node.token, hostname: node.hostname, services: node.services,
      flavor: node.flavor, hardwareFields: node.hardwareFields ?? {}, image: node.image, user: node.user, addresses: node.addresses,
      providerResults: node.providerResults ?? {},
    },
    providerType: message.providerType, provider: message.provider, providerFields: message.providerFields ?? {},
    automatorType: message.automatorType, automatorFields: message.automatorFields ?? {}, config: message.config ?? {},
    secrets: message.secrets, timeoutMs: message.timeoutMs, taskKey: message.taskKey, replacesToken: message.replacesToken,
  };
}

function isAction(text: string): text is ActionName {
  return (ACTIONS as readonly string[]).includes(text);
}

/** True where `a` is of the same task as `b` and newer: a later epoch, runner or attempt. */
export function supersedes(a: Lease, b: Lease): boolean {
  if (a.epoch !== b.epoch) return a.epoch > b.epoch;
  if (a.runner !== b.runner) return a.runner > b.runner;
  return a.attempt > b.attempt;
}

/** The same text for every attempt of a task. */
export function taskOf(lease: Lease): string {
  return `${lease.shard}/${lease.cluster}/${lease.job}/${lease.task}`;
}
