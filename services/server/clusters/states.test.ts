import assert from "node:assert/strict";
import {
  ALLOWED_IN,
  CLUSTER_MOVES,
  CLUSTER_STATES,
  FAILURE_STATE,
  NODE_MOVES,
  NODE_STATES,
  checkClusterMove,
  checkNodeMove,
  type ClusterState,
} from "./states.js";

const CLUSTERS: Readonly<Record<string, string>> = {
  PENDING: "ACTIVE INCOMPLETE INCONSISTENT TERMINATED",
  ACTIVE: "PENDING",
  INCOMPLETE: "PENDING",
  INCONSISTENT: "PENDING",
  TERMINATED: "",
};

const NODES: Readonly<Record<string, string>> = {
  PLANNED: "CREATING DELETING DELETED",
  CREATING: "UP FAILED DELETING DELETED",
  UP: "CREATING FAILED DELETING DELETED",
  FAILED: "CREATING UP DELETING DELETED",
  DELETING: "DELETED FAILED",
  DELETED: "",
};

function walk<S extends string>(
  states: readonly S[],
  expected: Readonly<Record<string, string>>,
  moves: Readonly<Record<S, readonly S[]>>,
  check: (from: S, to: S) => void,
): void {
  assert.deepEqual(Object.keys(expected), states);
  assert.deepEqual(Object.keys(moves), states);
  for (const from of states) {
    for (const to of states) {
      const isLegal = from === to || expected[from]!.split(" ").includes(to);
      if (isLegal) check(from, to);
      else assert.throws(() => check(from, to), new RegExp(`illegal move of a (cluster|node): ${from} to ${to}`));
    }
  }
}

describe("states of clusters and nodes", () => {
  it("allow the moves of a cluster that are written down, and no others", () =>
    walk(CLUSTER_STATES, CLUSTERS, CLUSTER_MOVES, checkClusterMove));

  it("allow the moves of a node that are written down, and no others", () =>
    walk(NODE_STATES, NODES, NODE_MOVES, checkNodeMove));

  it("let no operation begin on a cluster that is busy or gone", () => {
    const busyOrGone: readonly ClusterState[] = ["PENDING", "TERMINATED"];
    for (const states of Object.values(ALLOWED_IN))
      assert.deepEqual(
        states.filter((state) => busyOrGone.includes(state)),
        [],
      );
    for (const states of Object.values(ALLOWED_IN)) for (const state of states) checkClusterMove(state, "PENDING");
  });

  it("lead from every failure to a delete", () => {
    for (const state of Object.values(FAILURE_STATE)) {
      checkClusterMove("PENDING", state);
      assert.ok(ALLOWED_IN.DELETE.includes(state));
    }
  });
});
