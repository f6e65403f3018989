/** What the job engine hands to workers and gets back, without any transport. rpc/ carries it over the Work streams. */
import type { JsonObject } from "../catalog/types.js";
import type { ActionName } from "../plan/types.js";
import type { PluginTypeView } from "../views.js";

/**
 * Who serves a provider: its type, and the label of the provisioners that serve it. Two machines each have a Docker of
 * their own, so a type alone says nothing about where a machine is.
 */
export function servedBy(type: string, label: string): string {
  return label === "" ? type : `${type}@${label}`;
}

/** Names one attempt of one task. Nothing from an older epoch, runner or attempt is taken. */
export interface Lease {
  readonly shard: number;
  readonly epoch: bigint;
  readonly cluster: bigint;
  readonly job: number;
  readonly task: number;
  readonly runner: number;
  readonly attempt: number;
}

/** A text that is the same for the same lease. */
export function leaseKey(lease: Lease): string {
  return `${lease.shard}/${lease.epoch}/${lease.cluster}/${lease.job}/${lease.task}/${lease.runner}/${lease.attempt}`;
}

/** A task to do; field for field the message Assignment of worker.proto, where each is described. */
export interface Assignment {
  readonly lease: Lease;
  readonly action: ActionName;
  readonly service: string;
  readonly clusterUid: string;
  readonly clusterName: string;
  readonly tenant: string;
  readonly node: {
    readonly number: number;
    readonly incarnation: number;
    readonly token: string;
    readonly hostname: string;
    readonly services: readonly string[];
    readonly flavor: string;
    readonly hardwareFields: JsonObject;
    readonly image: string;
    readonly user: string;
    readonly addresses: Readonly<Record<string, string>>;
    readonly providerResults: JsonObject;
  };
  readonly providerType: string;
  readonly provider: string;
  readonly providerFields: JsonObject;
  readonly automatorType: string;
  readonly automatorFields: JsonObject;
  readonly config: JsonObject;
  readonly secrets: readonly string[];
  readonly timeoutMs: number;
  readonly taskKey: string;
  readonly replacesTokens: readonly string[];
}

/** How an attempt ended; field for field the message Result of worker.proto. */
export interface TaskResult {
  readonly lease: Lease;
  readonly succeeded: boolean;
  readonly reason: string;
  readonly message: string;
  readonly exitCode: number;
  readonly permanent: boolean;
  readonly addresses: Readonly<Record<string, string>>;
  readonly machine: string;
  readonly results: JsonObject;
  readonly unreachable: boolean;
}

export interface LogChunk {
  readonly lease: Lease;
  readonly stderr: boolean;
  readonly text: string;
  /** From 0, for each attempt and stream. */
  readonly sequence: number;
}

/** What a provider is asked for its machines. */
export interface InventoryQuestion {
  readonly providerType: string;
  /** Name of the provider document. */
  readonly provider: string;
  /** Sensitive ones included. */
  readonly fields: JsonObject;
  /** Label of the provisioners that serve it; absent: that of Loom's own machine. */
  readonly provisioner?: string | undefined;
}

/** A machine at a provider; field for field the message ObservedMachine of worker.proto. */
export interface ObservedMachine {
  /** Empty where the machine does not answer, and the provider cannot tell whose it is. */
  readonly token: string;
  readonly running: boolean;
  readonly machine: string;
  /** Empty where the provider does not keep it. */
  readonly clusterUid: string;
  /** 0 where the provider does not keep it. */
  readonly node: number;
}

/** A piece of the answer to an inventory question. */
export interface InventoryReport {
  readonly query: string;
  readonly machines: readonly ObservedMachine[];
  /** Empty where the provider answered. */
  readonly error: string;
  readonly more: boolean;
}

/** A worker's stream as the server sees it. */
export interface WorkerSession {
  readonly provisioner: string;
  /** What provider documents call it in their field `provisioner`; empty for that of Loom's own machine. */
  readonly label: string;
  readonly worker: string;
  readonly slots: number;
  readonly offers: readonly PluginTypeView[];
  /** Tasks for its free slots. */
  assign(assignments: readonly Assignment[]): void;
  /** These results need not be sent again. */
  acknowledge(leases: readonly Lease[]): void;
  /** Kill these. */
  revoke(leases: readonly Lease[]): void;
  renewed(leases: readonly Lease[]): void;
  /** What machines there are; the answer comes as reports with the same query. */
  ask(query: string, question: InventoryQuestion): void;
}

/** What rpc/ calls for each stream. */
export interface WorkerHub {
  readonly leaseMs: number;
  readonly heartbeatMs: number;
  open(session: WorkerSession): {
    results(results: readonly TaskResult[]): void;
    heartbeat(leases: readonly Lease[]): void;
    log(chunk: LogChunk): void;
    inventory(report: InventoryReport): void;
    /** It wants no more tasks; what it runs goes on. */
    drain(): void;
    /** The stream is gone. Its tasks keep their leases until they run out: the worker may come back with results. */
    close(): void;
  };
}
