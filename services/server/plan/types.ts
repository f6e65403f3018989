/** Words of the planner. Everything in this folder is pure. */
import type { ServiceAction } from "../catalog/types.js";

/** What is done in one task, in the order of a node's life. The index of an action is what TaskGraph stores. */
export const ACTIONS = [
  "CREATE",
  "CONFIRM",
  "BOOTSTRAP",
  "INSTALL",
  "CONFIGURE",
  "INITIALIZE",
  "START",
  "STOP",
  "REMOVE",
  "CHECK",
  "DELETE",
] as const;
export type ActionName = (typeof ACTIONS)[number];

/** Actions on the machine itself, whose service is "". */
export const MACHINE_ACTIONS: ReadonlySet<ActionName> = new Set(["CREATE", "CONFIRM", "BOOTSTRAP", "DELETE"]);

/** What an operation on a cluster is. */
export const OPERATION_KINDS = [
  "CREATE",
  "DELETE",
  "ADD_NODES",
  "REMOVE_NODES",
  "REPLACE_NODE",
  "REPAIR",
  "CONFIGURE",
  "START_SERVICES",
  "STOP_SERVICES",
  "RESTART_SERVICES",
  "ADD_SERVICES",
  "REMOVE_SERVICES",
] as const;
export type OperationKind = (typeof OPERATION_KINDS)[number];

/**
 * What becomes of the machine of a node: it stays, it is made, it is started, it goes, or another one is made before it
 * goes.
 */
export type MachineChange = "KEEP" | "MAKE" | "START" | "REMOVE" | "REPLACE";

/** A node as the planner sees it. */
export interface PlanNode {
  /** From 1000. */
  readonly number: number;
  readonly hostname: string;
  readonly hardwareType: string;
  readonly imageType: string;
  /** At the end, in code point order; of a node that goes, those it has. */
  readonly services: readonly string[];
  readonly change: MachineChange;
  /** Of `services`, those that are to be installed. */
  readonly added: readonly string[];
  /** Services that are stopped and removed, with their old machine or from it. */
  readonly removed: readonly string[];
  /** Of `services`, those that are not there and are left alone. */
  readonly idle?: readonly string[];
  /** Of `services`, those that stay stopped. */
  readonly stopped?: readonly string[];
}

/** A service as the planner sees it. */
export interface PlanService {
  readonly name: string;
  readonly provides: readonly string[];
  readonly installRequires: readonly string[];
  readonly installUses: readonly string[];
  readonly runtimeRequires: readonly string[];
  readonly runtimeUses: readonly string[];
  readonly actions: readonly ServiceAction[];
  /** Services and other names whose nodes its fields or configuration mention through macros; "*" for any node list. */
  readonly sees: readonly string[];
}

export interface PlanRequest {
  readonly operation: OperationKind;
  readonly nodes: readonly PlanNode[];
  readonly services: readonly PlanService[];
  /** The service whose first node runs CHECK at the end; absent for none. */
  readonly checkService?: string;
  /** Actions on services that stay where they are. */
  readonly act?: {
    readonly services: readonly string[];
    /** In the order in which a service gets them. */
    readonly actions: readonly ServiceAction[];
    /** BOOTSTRAP first, on every node that carries one of the services. */
    readonly bootstrap: boolean;
  };
  /** Services whose nodes change: whoever names them is configured and started again; `*` for everybody. */
  readonly changed?: readonly string[];
}

/**
 * A task graph, packed: a 10,000-node create has 140,000 tasks and crosses a thread boundary.
 * Vertices 0 .. taskCount-1 are tasks, in order of (stage, node, action, service); the rest are join vertices, which
 * are done as soon as what they wait for is done and count neither in `stage` nor in the number of tasks.
 * The number of a task in its job is its vertex number, the same on every machine for the same request.
 */
export interface TaskGraph {
  /** What `service` points into; [0] is "", the machine itself. */
  readonly serviceNames: readonly string[];
  readonly taskCount: number;
  readonly vertexCount: number;
  /** Node number of each task. */
  readonly node: Uint32Array;
  readonly service: Uint16Array;
  /** Index in ACTIONS. */
  readonly action: Uint8Array;
  /** Longest path from a source counted in tasks, from 0. */
  readonly stage: Uint32Array;
  /** How many vertices each vertex waits for. */
  readonly indegree: Uint32Array;
  /** dependents[offset[v] .. offset[v+1]) wait for v. */
  readonly offset: Uint32Array;
  readonly dependents: Uint32Array;
  /** SHA-256 in hex of everything above: the same plan has the same digest. */
  readonly digest: string;
}

/** Raised when the same request gives another graph. Stored in OpPlanned beside the digest. */
export const PLANNER_VERSION = 2;
