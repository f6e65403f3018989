/** What the worker works with: the messages of worker.proto with everything there that has to be. */
import type * as wire from "../../../gen/services/loom/internal/v1/worker.js";

export type Lease = wire.Lease;
export type LogChunk = wire.LogChunk;
export type TaskResult = wire.Result;

/** Actions that run on a node, in a script or the like; the others are the provider's, or put Loom's own files there. */
export const NODE_ACTIONS = ["INSTALL", "CONFIGURE", "INITIALIZE", "START", "STOP", "REMOVE", "CHECK"] as const;
const MACHINE_ACTIONS = ["CREATE", "CONFIRM", "BOOTSTRAP", "DELETE"] as const;
export type Action = (typeof NODE_ACTIONS)[number] | (typeof MACHINE_ACTIONS)[number];

type Struct = Readonly<Record<string, unknown>>;

export interface Assignment extends Omit<
  wire.Assignment,
  "lease" | "action" | "node" | "providerFields" | "automatorFields" | "config"
> {
  readonly lease: Lease;
  readonly action: Action;
  readonly node: Omit<wire.AssignedNode, "hardwareFields" | "providerResults"> & {
    readonly hardwareFields: Struct;
    readonly providerResults: Struct;
  };
  readonly providerFields: Struct;
  readonly automatorFields: Struct;
  readonly config: Struct;
}

/** @returns undefined for a message that lacks its lease or node, or names no action this program knows */
export function assignmentFrom(message: wire.Assignment): Assignment | undefined {
  const { lease, node, action } = message;
  if (lease === undefined || node === undefined || !isAction(action)) return undefined;
  return {
    ...message,
    lease,
    action,
    node: { ...node, hardwareFields: node.hardwareFields ?? {}, providerResults: node.providerResults ?? {} },
    providerFields: message.providerFields ?? {},
    automatorFields: message.automatorFields ?? {},
    config: message.config ?? {},
  };
}

function isAction(text: string): text is Action {
  return ([...NODE_ACTIONS, ...MACHINE_ACTIONS] as readonly string[]).includes(text);
}

/** True for actions that run on a node under the fences of loom-run. */
export function runsOnNode(action: Action): boolean {
  return (NODE_ACTIONS as readonly string[]).includes(action);
}

/** A text that is the same for the same lease. */
export function leaseKey(lease: Lease): string {
  return `${taskOf(lease)}/${lease.epoch}/${lease.runner}/${lease.attempt}`;
}

/** The same text for every attempt of a task. */
export function taskOf(lease: Lease): string {
  return `${lease.shard}/${lease.cluster}/${lease.job}/${lease.task}`;
}

/** True where `a` is of the same task as `b` and newer: a later epoch, runner or attempt. */
export function supersedes(a: Lease, b: Lease): boolean {
  if (a.epoch !== b.epoch) return a.epoch > b.epoch;
  if (a.runner !== b.runner) return a.runner > b.runner;
  return a.attempt > b.attempt;
}
