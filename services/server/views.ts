/** What the application answers with: plain records that rpc/ turns into messages. Times are Dates in UTC. */
import type { Bodies, DocumentKind, JsonObject, Problem } from "./catalog/types.js";
import type { Cost } from "./cost/cost.js";
import type { ClusterState, NodeObservation, NodeState } from "./clusters/states.js";
import type { JobState, TaskState } from "./jobs/states.js";
import type { NodeGroup } from "./layout/types.js";
import type { ActionName, OperationKind } from "./plan/types.js";

/** A page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

export interface PlanView {
  readonly nodes: readonly {
    readonly change: "CREATE" | "UPDATE" | "DELETE" | "REPLACE";
    readonly number: number;
    readonly hostname: string;
    readonly hardwareType: string;
    readonly imageType: string;
    readonly services: readonly string[];
  }[];
  /** By stage, then summed up by action and service. */
  readonly stages: readonly (readonly {
    readonly action: ActionName;
    readonly service: string;
    readonly count: number;
  }[])[];
  readonly taskCount: number;
  /** Services added because others require them. */
  readonly addedServices: readonly string[];
  /** Values of the configuration as JSON, secrets masked; empty where there is none. */
  readonly configChanges: readonly { readonly path: string; readonly before: string; readonly after: string }[];
  /** Of the nodes it makes; absent where prices were not looked at. */
  readonly costAdded?: Cost;
  /** Of the nodes it removes. */
  readonly costRemoved?: Cost;
}

export interface JobView {
  /** Cluster's name without `clusters/`. */
  readonly cluster: string;
  readonly number: number;
  readonly kind: OperationKind;
  readonly state: JobState;
  readonly message: string;
  /** A Reason, or empty. */
  readonly reason: string;
  readonly taskCount: number;
  readonly doneCount: number;
  readonly runningCount: number;
  readonly retryingCount: number;
  readonly failedCount: number;
  readonly actor: string;
  readonly createTime: Date;
  readonly endTime: Date | undefined;
  readonly runner: number;
  readonly etag: string;
  /** Only in answers to validateOnly. */
  readonly plan: PlanView | undefined;
}

export interface ClusterView {
  /** Without `clusters/`. */
  readonly name: string;
  readonly uid: string;
  readonly displayName: string;
  readonly description: string;
  readonly state: ClusterState;
  readonly template: string;
  readonly templateVersion: number;
  readonly provider: string;
  readonly nodeCount: number;
  readonly services: readonly string[];
  /** Secrets masked. */
  readonly config: JsonObject;
  readonly owner: string;
  readonly tenant: string;
  readonly createTime: Date;
  readonly job: JobView | undefined;
  readonly links: readonly { readonly label: string; readonly url: string }[];
  readonly etag: string;
  readonly layout: readonly NodeGroup[];
  /** When its lease ends; undefined for never. */
  readonly expireTime: Date | undefined;
  /** Of its nodes, by the prices it was made with; undefined where it is gone. */
  readonly cost: Cost | undefined;
  /** What providers say of its nodes; undefined where nobody has looked since the last job, and where it is gone. */
  readonly observed: ClusterObservation | undefined;
  /** Only in answers to validateOnly. */
  readonly plan: PlanView | undefined;
}

/** How many nodes of a cluster are not as they should be. */
export interface ClusterObservation {
  readonly down: number;
  readonly missing: number;
  /** Nobody can tell: the provider does not answer. */
  readonly isUnknown: boolean;
  /** Why nobody can tell. */
  readonly message: string;
}

/** A machine that Loom made and no cluster owns. */
export interface StrayView {
  readonly token: string;
  /** Without `clusters/`. */
  readonly cluster: string;
  readonly node: number;
  readonly incarnation: number;
  readonly provider: string;
  readonly machine: string;
  readonly firstSeenTime: Date;
  /** When it will be removed if it is seen until then. */
  readonly removeTime: Date;
  /** Why it could not be removed the last time. */
  readonly message: string;
}

/** What a tenant may use in one datacenter, and what it uses. */
export interface QuotaView {
  readonly tenant: string;
  readonly datacenter: string;
  /** Undefined: no limit. */
  readonly maxClusters: number | undefined;
  readonly maxNodes: number | undefined;
  readonly usedClusters: number;
  readonly usedNodes: number;
  readonly etag: string;
}

export interface NodeView {
  readonly cluster: string;
  readonly number: number;
  readonly incarnation: number;
  readonly state: NodeState;
  readonly observed: NodeObservation;
  /** Undefined where nobody has looked since the last job. */
  readonly observedSince: Date | undefined;
  /** What is wrong with its machine, or why nobody can tell. */
  readonly observedMessage: string;
  readonly hostname: string;
  readonly addresses: Readonly<Record<string, string>>;
  readonly hardwareType: string;
  readonly imageType: string;
  readonly services: readonly string[];
  /** Of `services`, those that were stopped on purpose. */
  readonly stoppedServices: readonly string[];
  readonly machine: string;
  readonly message: string;
}

export interface TaskView {
  readonly cluster: string;
  readonly job: number;
  readonly number: number;
  readonly node: number;
  readonly service: string;
  readonly action: ActionName;
  readonly state: TaskState;
  readonly attempt: number;
  readonly stage: number;
  readonly message: string;
  readonly startTime: Date | undefined;
  readonly endTime: Date | undefined;
}

export interface AttemptView {
  readonly number: number;
  readonly state: "RUNNING" | "COMPLETE" | "FAILED" | "LOST" | "CANCELLED";
  readonly worker: string;
  readonly reason: string;
  readonly message: string;
  readonly startTime: Date;
  readonly endTime: Date | undefined;
  readonly exitCode: number;
}

export interface LogView {
  readonly cluster: string;
  readonly job: number;
  readonly task: number;
  readonly attempt: number;
  readonly node: number;
  readonly service: string;
  readonly action: ActionName;
  readonly stream: "stdout" | "stderr";
  readonly text: string;
}

export interface EventView {
  /** Unique and stable. */
  readonly id: string;
  readonly time: Date;
  readonly severity: "INFO" | "WARNING" | "ERROR";
  readonly reason: string;
  readonly message: string;
  /** Cluster's name without `clusters/`, empty for others. */
  readonly cluster: string;
  /** 0 for none. */
  readonly job: number;
  readonly actor: string;
}

export type DocumentView = {
  [K in DocumentKind]: {
    readonly kind: K;
    readonly id: string;
    readonly body: Bodies[K];
    readonly version: number;
    readonly shipped: boolean;
    readonly deleted: boolean;
    readonly problems: readonly Problem[];
    readonly createTime: Date;
    readonly etag: string;
  };
}[DocumentKind];

export interface DocumentChangeView {
  readonly kind: "CREATED" | "UPDATED" | "UNCHANGED" | "KEPT";
  readonly document: { readonly kind: DocumentKind; readonly id: string };
  /** After the write. */
  readonly version: number;
  readonly fields: readonly { readonly path: string; readonly before: string; readonly after: string }[];
}

export interface PluginTypeView {
  readonly kind: "PROVIDER" | "AUTOMATOR";
  readonly type: string;
  readonly description: string;
  readonly fields: readonly {
    readonly name: string;
    readonly type: string;
    readonly description: string;
    readonly required: boolean;
    readonly sensitive: boolean;
  }[];
  readonly available: boolean;
  readonly unavailableReason: string;
}

/** A provisioner of another machine. */
export interface ProvisionerView {
  readonly id: string;
  /** What provider documents call it. */
  readonly label: string;
  readonly state: "INVITED" | "EXPIRED" | "JOINED" | "REVOKED";
  readonly connected: boolean;
  readonly host: string;
  readonly datacenter: string;
  readonly slots: number;
  /** Types that it offers and that can be used now. */
  readonly providerTypes: readonly string[];
  readonly creator: string;
  readonly createTime: Date;
  readonly tokenExpireTime: Date;
  readonly joinTime: Date | undefined;
  readonly certificateExpireTime: Date | undefined;
  readonly revokeTime: Date | undefined;
  readonly etag: string;
}
