/** States of clusters and nodes and the moves between them (docs/architecture.md, "States"). */
import type { OperationKind } from "../plan/types.js";

export const CLUSTER_STATES = ["PENDING", "ACTIVE", "INCOMPLETE", "INCONSISTENT", "TERMINATED"] as const;
export type ClusterState = (typeof CLUSTER_STATES)[number];

export const NODE_STATES = ["PLANNED", "CREATING", "UP", "FAILED", "DELETING", "DELETED"] as const;
export type NodeState = (typeof NODE_STATES)[number];

export const NODE_OBSERVATIONS = ["UNKNOWN", "UP", "DOWN", "MISSING"] as const;
export type NodeObservation = (typeof NODE_OBSERVATIONS)[number];

export const CLUSTER_MOVES: Readonly<Record<ClusterState, readonly ClusterState[]>> = {
  PENDING: ["ACTIVE", "INCOMPLETE", "INCONSISTENT", "TERMINATED"],
  ACTIVE: ["PENDING"],
  INCOMPLETE: ["PENDING"],
  INCONSISTENT: ["PENDING"],
  TERMINATED: [],
};

export const NODE_MOVES: Readonly<Record<NodeState, readonly NodeState[]>> = {
  PLANNED: ["CREATING", "DELETING", "DELETED"],
  CREATING: ["UP", "FAILED", "DELETING", "DELETED"],
  UP: ["CREATING", "FAILED", "DELETING", "DELETED"],
  FAILED: ["CREATING", "UP", "DELETING", "DELETED"],
  DELETING: ["DELETED", "FAILED"],
  DELETED: [],
};

/** The state of a cluster whose operation failed. */
export const FAILURE_STATE: Readonly<Record<OperationKind, ClusterState>> = {
  CREATE: "INCOMPLETE",
  DELETE: "INCOMPLETE",
  ADD_NODES: "INCONSISTENT",
  REMOVE_NODES: "INCONSISTENT",
  REPLACE_NODE: "INCONSISTENT",
  REPAIR: "INCONSISTENT",
  CONFIGURE: "INCONSISTENT",
  START_SERVICES: "INCONSISTENT",
  STOP_SERVICES: "INCONSISTENT",
  RESTART_SERVICES: "INCONSISTENT",
  ADD_SERVICES: "INCONSISTENT",
  REMOVE_SERVICES: "INCONSISTENT",
};

/** States of a cluster in which an operation may be accepted. */
export const ALLOWED_IN: Readonly<Record<OperationKind, readonly ClusterState[]>> = {
  CREATE: [],
  DELETE: ["ACTIVE", "INCOMPLETE", "INCONSISTENT"],
  ADD_NODES: ["ACTIVE"],
  REMOVE_NODES: ["ACTIVE", "INCONSISTENT"],
  REPLACE_NODE: ["ACTIVE", "INCONSISTENT"],
  REPAIR: ["ACTIVE", "INCONSISTENT"],
  CONFIGURE: ["ACTIVE", "INCONSISTENT"],
  START_SERVICES: ["ACTIVE", "INCONSISTENT"],
  STOP_SERVICES: ["ACTIVE"],
  RESTART_SERVICES: ["ACTIVE", "INCONSISTENT"],
  ADD_SERVICES: ["ACTIVE"],
  REMOVE_SERVICES: ["ACTIVE"],
};

/** Throws unless the move stands in the table. */
export function checkClusterMove(from: ClusterState, to: ClusterState): void {
  if (from !== to && !CLUSTER_MOVES[from].includes(to)) throw new Error(`illegal move of a cluster: ${from} to ${to}`);
}

/** Throws unless the move stands in the table. */
export function checkNodeMove(from: NodeState, to: NodeState): void {
  if (from !== to && !NODE_MOVES[from].includes(to)) throw new Error(`illegal move of a node: ${from} to ${to}`);
}
