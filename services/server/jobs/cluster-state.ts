/** What a runner knows of the cluster it works on: what was pinned, and its nodes as far as they are. */
import type { JsonObject } from "../catalog/types.js";
import type { NodeState } from "../clusters/states.js";
import type { NodeGroup } from "../layout/types.js";
import type { OperationKind } from "../plan/types.js";
import type { ClusterSpec, OpPlanned, OperationChange } from "../records/types.js";
import type { JobState } from "./states.js";

export interface RunNode {
  readonly number: number;
  incarnation: number;
  readonly hostname: string;
  readonly hardwareType: string;
  readonly imageType: string;
  readonly services: readonly string[];
  state: NodeState;
  addresses: Readonly<Record<string, string>>;
  machine: string;
  results: JsonObject;
  message: string;
  /** A job that made it, or made it again, has been completed. */
  readonly isFinished: boolean;
  /** Machines that others have taken over from, and that may still be there. */
  readonly previous: readonly PreviousMachine[];
  /** What jobs that did not complete have left to be done for services on it. */
  readonly halfway: Halfway;
  /** Services on it that were stopped on purpose. */
  readonly stopped: readonly string[];
}

/** By service: it may not be there (`install`), or it is there and may not run (`start`). */
export type Halfway = Readonly<Record<string, "install" | "start">>;

/** A machine of an earlier incarnation. */
export interface PreviousMachine {
  readonly incarnation: number;
  readonly machine: string;
  readonly addresses: Readonly<Record<string, string>>;
  readonly results: JsonObject;
}

export interface RunCluster {
  readonly shard: number;
  readonly id: bigint;
  readonly uid: string;
  /** Without `clusters/`. */
  readonly name: string;
  readonly displayName: string;
  readonly tenant: string;
  readonly owner: string;
  readonly spec: ClusterSpec;
  /** With references in place of secrets. */
  readonly config: JsonObject;
  readonly nextNode: number;
}

export interface RunJob {
  readonly number: number;
  readonly kind: OperationKind;
  readonly state: JobState;
  readonly groups: readonly NodeGroup[];
  readonly change: OperationChange;
  readonly planned: Omit<OpPlanned, "kind" | "job"> | undefined;
  /** Of the newest record about the job: commands with a higher number are not in `state`. */
  readonly seq: bigint;
}
