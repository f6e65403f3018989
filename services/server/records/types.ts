/**
 * Records: every mutation there is. A record is appended to the log of its shard, and `apply` (store/apply) is the only
 * code that writes from it the tables people read. So the log is the truth, the event feed and the audit trail at once,
 * and replicating a shard means sending its records.
 *
 * Bodies are plain JSON. A change of shape raises RECORD_FORMAT and gets a step in codec.ts that reads the older one.
 */
import type { Bodies, Json, JsonObject } from "../catalog/types.js";
import type { Path } from "../catalog/paths.js";
import type { DocumentKind } from "../catalog/types.js";
import type { NodeState } from "../clusters/states.js";
import type { NodeGroup } from "../layout/types.js";
import type { Prices } from "../cost/cost.js";
import type { OperationKind } from "../plan/types.js";

/** Format of the bodies below; stored with each record. */
export const RECORD_FORMAT = 1;

/** A document as a cluster pins it. */
export interface Pinned<T> {
  readonly version: number;
  readonly body: T;
}

/** Everything a cluster was made from, resolved, so that later edits of the catalog do not reach it. */
export interface ClusterSpec {
  /** `extends` and `includes` are merged already. */
  readonly template: Pinned<Bodies["ClusterTemplate"]> & {
    readonly name: string;
    /** Paths in the configuration that immutable partial templates have fixed. Absent: none. */
    readonly locked?: readonly Path[];
  };
  readonly provider: Pinned<Bodies["Provider"]> & { readonly name: string };
  readonly services: Readonly<Record<string, Pinned<Bodies["Service"]>>>;
  readonly hardwareTypes: Readonly<Record<string, Pinned<Bodies["HardwareType"]>>>;
  readonly imageTypes: Readonly<Record<string, Pinned<Bodies["ImageType"]>>>;
  readonly dnsSuffix: string;
}

/** A lease that ends; times as ISO texts. */
export interface Lease {
  readonly expireTime: string;
  /** When its owner is warned. */
  readonly warnTime: string;
}

/** First record of an epoch. */
export interface EpochStart {
  readonly kind: "EpochStart";
  readonly owner: string;
}

/** Cluster ids below `upto` may be given (the n-th ids of the shard, ids.ts nthClusterId). */
export interface IdBlock {
  readonly kind: "IdBlock";
  readonly upto: number;
}

/** An operation was accepted; what it needs is resolved and pinned here. */
export interface OpAccepted {
  readonly kind: "OpAccepted";
  readonly job: number;
  readonly operation: OperationKind;
  /** What was asked for, for people; secrets masked. */
  readonly request: JsonObject;
  /** Where the request came from. */
  readonly credential: string;
  readonly sourceAddress: string;
  /** Of CREATE. */
  readonly create?: {
    readonly uid: string;
    readonly displayName: string;
    readonly description: string;
    readonly services: readonly string[];
    readonly spec: ClusterSpec;
    /** With `{"$secret": path}` in place of secrets. */
    readonly config: JsonObject;
    /** Sealed texts in base64, by path in the configuration. */
    readonly secrets: Readonly<Record<string, string>>;
    /** Absent: it lives for ever. */
    readonly lease?: Lease;
    /** Of one machine of each hardware type at its provider; what is missing is not known. */
    readonly prices?: Prices;
  };
  /** Of a DELETE that follows from the end of the lease. */
  readonly expired?: {
    /** ISO text. */
    readonly expireTime: string;
    /** How many times in a row by now. */
    readonly tries: number;
    /** When it is tried again if the cluster is not gone by then, as ISO text. */
    readonly nextTry: string;
  };
  /** Of CREATE and ADD_NODES: the nodes to make, in preference order. */
  readonly groups?: readonly NodeGroup[];
  /** Of every operation on a cluster that is there. */
  readonly change?: OperationChange;
}

/** What an operation does to a cluster, decided in full when it is accepted. */
export interface OperationChange {
  /** Services whose nodes change: whoever names them is configured and started again; `*` for everybody. */
  readonly changed?: readonly string[];
  /** Services that are acted on or taken away. */
  readonly services?: readonly string[];
  /** Of CONFIGURE: stop before, start after. */
  readonly restart?: boolean;
  /** Nodes that go, or whose machine is made again. */
  readonly nodes?: readonly number[];
  /** Of `nodes`, those with nothing on them to be stopped: their machine is missing, or no job has finished them. */
  readonly bare?: readonly number[];
  /** Of REPAIR: nodes whose machine is started. */
  readonly started?: readonly number[];
  /** Of ADD_SERVICES and REPAIR: the services that come, by node number. */
  readonly added?: Readonly<Record<string, readonly string[]>>;
  /** By node number, services that are left alone: they are not there, and this operation does not bring them. */
  readonly idle?: Readonly<Record<string, readonly string[]>>;
  /** By node number, services that were stopped on purpose. */
  readonly stopped?: Readonly<Record<string, readonly string[]>>;
  /** Everybody is told everything: an INCONSISTENT cluster is as it should be once this is complete. */
  readonly settles?: boolean;
  /** Services that come, in the version that they have from here on. */
  readonly pinned?: Readonly<Record<string, Pinned<Bodies["Service"]>>>;
  /** The whole new configuration, with references in place of secrets. */
  readonly config?: JsonObject;
  /** New secrets, sealed, in base64, by path in the configuration. */
  readonly secrets?: Readonly<Record<string, string>>;
}

/** The plan of an operation, before its first side effect. The task graph is derived from it again where it is needed. */
export interface OpPlanned {
  readonly kind: "OpPlanned";
  readonly job: number;
  /** Number of the first node that is made. */
  readonly firstNode: number;
  readonly groups: readonly NodeGroup[];
  readonly plannerVersion: number;
  /** Digest of the derived graph. */
  readonly digest: string;
  readonly taskCount: number;
}

/** What somebody did to a job. */
export const JOB_VERBS = ["pause", "resume", "cancel", "retry", "retryTask", "skipTask"] as const;
export type JobVerb = (typeof JOB_VERBS)[number];

export interface JobControl {
  readonly kind: "JobControl";
  readonly job: number;
  readonly verb: JobVerb;
  /** Of retryTask and skipTask. */
  readonly task?: number;
  /** Of skipTask. */
  readonly reason?: string;
}

/** A machine is replaced: from here on the node's token is that of the new incarnation. */
export interface NodeChanged {
  readonly kind: "NodeChanged";
  readonly job: number;
  readonly node: number;
  readonly incarnation: number;
}

/** A node as a finished job leaves it. */
export interface NodeOutcome {
  readonly number: number;
  readonly state: NodeState;
  readonly addresses: Readonly<Record<string, string>>;
  readonly machine: string;
  readonly results: JsonObject;
  readonly message: string;
  /** Absent: as before. By service: it may not be there (`install`), or it is there and may not run (`start`). */
  readonly halfway?: Readonly<Record<string, "install" | "start">>;
  /** Services that were stopped on purpose; absent: as before. */
  readonly stopped?: readonly string[];
  /** Its machine was made in this job, with everything that is on it. */
  readonly isFinished?: boolean;
  /** Its machine was to go and may be gone. */
  readonly isUnfinished?: boolean;
}

/** The end of a job, before anybody sees it. */
export interface OpCompleted {
  readonly kind: "OpCompleted";
  readonly job: number;
  readonly outcome: "COMPLETE" | "FAILED" | "CANCELLED";
  /** A Reason; empty for COMPLETE. */
  readonly reason: string;
  readonly message: string;
  readonly nodes: readonly NodeOutcome[];
  /** True where nothing exists at the provider any more, or ever did. */
  readonly nothingLeft: boolean;
}

/** Somebody gave a lease another end. */
export interface LeaseChanged {
  readonly kind: "LeaseChanged";
  /** ISO text; null: it had no end. */
  readonly before: string | null;
  /** Null: it has no end any more. */
  readonly lease: Lease | null;
}

/** The owner was warned that the lease ends soon. */
export interface LeaseWarned {
  readonly kind: "LeaseWarned";
  /** ISO text. */
  readonly expireTime: string;
}

/** Somebody runs a command on a node. Written before it runs. */
export interface SessionOpened {
  readonly kind: "SessionOpened";
  readonly node: number;
  /** Its program; empty for a shell. */
  readonly program: string;
  /** How many arguments it has. What they are is not kept: passwords may be among them. */
  readonly arguments: number;
  readonly terminal: boolean;
  readonly credential: string;
  readonly sourceAddress: string;
}

/** A change of the catalog, of access tokens or of quotas; only in the meta shard. */
export interface MetaChanged {
  readonly kind: "MetaChanged";
  readonly documents?: readonly {
    readonly kind: DocumentKind;
    readonly name: string;
    readonly version: number;
    /** Null for the mark a deleted document leaves. */
    readonly body: Json;
    readonly shipped: boolean;
  }[];
  /** A new token, by its hash in base64. */
  readonly token?: {
    readonly id: string;
    readonly user: string;
    readonly role: string;
    readonly label: string;
    readonly hash: string;
  };
  readonly revoked?: readonly string[];
  /** A provisioner of another machine is invited, by the hash of its join token in base64. */
  readonly invited?: {
    readonly id: string;
    readonly label: string;
    readonly hash: string;
    /** ISO. */
    readonly tokenExpires: string;
  };
  /** A provisioner got a certificate: by its token, or a newer one. */
  readonly certified?: {
    readonly id: string;
    readonly host: string;
    readonly datacenter: string;
    /** Hash of its public key in base64. */
    readonly key: string;
    /** ISO. */
    readonly expires: string;
  };
  /** Provisioners, and invitations, that are let in no more. */
  readonly dismissed?: readonly string[];
  /** The slice of the record's tenant in a datacenter. */
  readonly quota?: {
    readonly datacenter: string;
    /** Null: no limit. */
    readonly maxClusters: number | null;
    readonly maxNodes: number | null;
  };
}

export type RecordBody =
  | EpochStart
  | IdBlock
  | OpAccepted
  | OpPlanned
  | JobControl
  | NodeChanged
  | OpCompleted
  | LeaseChanged
  | LeaseWarned
  | SessionOpened
  | MetaChanged;
export type RecordKind = RecordBody["kind"];

/** A record with where and when it stands. */
export interface LogRecord {
  readonly shard: number;
  readonly epoch: bigint;
  readonly seq: bigint;
  readonly tenant: string;
  /** Undefined in records of no cluster. */
  readonly clusterId: bigint | undefined;
  /** Empty for Loom itself. */
  readonly actor: string;
  readonly at: Date;
  readonly body: RecordBody;
}
