/**
 * The interface of provider plugins: where machines come from. A provider is asked the same thing twice whenever an
 * answer was lost, so every call may be repeated and finds what an earlier call left behind, by the machine's token.
 */
import type { NodeChannel } from "../automators/channel.js";

/** A JSON object; what documents carry as `fields`. */
export type Fields = Readonly<Record<string, unknown>>;

/** A field of a plugin's documents. */
export interface FieldSchema {
  readonly name: string;
  readonly type: "string" | "integer" | "boolean" | "object" | "list";
  readonly description: string;
  readonly required?: boolean;
  readonly sensitive?: boolean;
}

/** Which machine is meant and what it should be. */
export interface MachineRequest {
  /** Names the machine, [a-z2-7]{52}; known before the machine exists. */
  readonly token: string;
  readonly clusterUid: string;
  /** Cluster's name without `clusters/`. */
  readonly clusterName: string;
  readonly tenant: string;
  readonly nodeNumber: number;
  readonly hostname: string;
  readonly services: readonly string[];
  readonly flavor: string;
  readonly hardwareFields: Fields;
  readonly image: string;
  readonly user: string;
  /** The provider document's fields, sensitive ones included. */
  readonly fields: Fields;
  /** What create and confirm answered earlier as `results`. */
  readonly results: Fields;
}

/** What create and confirm answer. */
export interface MachineReport {
  /** The provider's own name of the machine. */
  readonly machine: string;
  /** By purpose: `internal` reaches it from the cluster's other nodes, `external` from this host. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Handed back in later requests for this machine. */
  readonly results: Fields;
}

/** A machine that exists at the provider and was made by Loom. */
export interface ObservedMachine {
  /**
   * Empty where the machine does not answer and the provider cannot tell whose it is: a node that should be on a machine
   * of this name is down then, not missing.
   */
  readonly token: string;
  readonly machine: string;
  /** False where commands cannot run on it until somebody starts it. */
  readonly running: boolean;
  /**
   * The cluster and the node it was made for, where the provider keeps them with the machine. By them a server knows a
   * machine that no cluster owns any more for its own and removes it; without them such a machine stays.
   */
  readonly clusterUid?: string;
  readonly nodeNumber?: number;
}

/** What a call may use while it works. */
export interface CallContext {
  /** Fires on cancel, timeout and loss of the lease: stop, leave nothing running on this host. */
  readonly signal: AbortSignal;
  /** A line for the log of the task. */
  log(line: string): void;
}

export interface Provider {
  readonly type: string;
  readonly description: string;
  readonly fields: readonly FieldSchema[];
  /** Undefined where machines can be made now, otherwise why not and what to do. */
  unavailable(): Promise<string | undefined>;
  /** Makes the machine, or adopts the one that carries the token already. */
  create(request: MachineRequest, context: CallContext): Promise<MachineReport>;
  /** Starts the machine where it is stopped, waits until commands can run on it, and tells its addresses. */
  confirm(request: MachineRequest, context: CallContext): Promise<MachineReport>;
  /**
   * Removes the machine and, with the last machine of a cluster, what the machines shared (its network). A machine that
   * is not there is a success. Any other answer than a definitive "not found" is an error: look again.
   */
  delete(request: MachineRequest, context: CallContext): Promise<void>;
  /** The machine with this token, undefined where there certainly is none. */
  observe(request: MachineRequest): Promise<ObservedMachine | undefined>;
  /**
   * Every machine Loom made with these provider fields, those that do not run too; of other Looms as well where they
   * share the provider, since each knows its own by their tokens.
   *
   * @throws where it cannot tell for sure: what is not in the answer does not exist
   */
  inventory(fields: Fields): Promise<readonly ObservedMachine[]>;
  /**
   * A way to run commands on a confirmed machine. Where the machine is off, nothing was run and only `confirm` switches
   * it on again, the error says so in its metadata, as `off: "true"`.
   */
  channel(request: MachineRequest): NodeChannel;
}
