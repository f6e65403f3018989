/** Every operation on a cluster, as the generic tests want it: a new one costs one row. */
import type { FaultRule } from "../../services/provisioner/providers/simulated/rules.js";
import type { Application, CreateCluster } from "../../services/server/application.js";
import type { ClusterState } from "../../services/server/clusters/states.js";
import type { TaskView } from "../../services/server/views.js";
import { CALLER, mutation, type TestLoom } from "../support/loom.js";

/** Long runs are larger and look at more. */
export const IS_LONG = process.env["LOOM_CHAOS"] === "long";
/** Nodes of the clusters. */
export const SIZE = IS_LONG ? 5 : 2;

/** What names an operation that was accepted. */
export interface Accepted {
  readonly cluster: string;
  readonly job: number;
}

export interface Operation {
  readonly name: string;
  /** Makes what the operation needs and returns the name of its cluster; empty where it makes that itself. */
  prepare(loom: TestLoom, displayName: string): Promise<string>;
  /** Asks for it; asked again with the same request id the answer is the same. */
  ask(
    application: Application,
    target: { readonly displayName: string; readonly cluster: string },
    requestId: string,
  ): Promise<Accepted>;
  /** After it. */
  readonly clusterState: ClusterState;
  readonly machines: number;
  /** Tasks whose failure is passed over. */
  isBestEffort?(task: TaskView): boolean;
  /** Faults that strike it in every test of crashes. */
  readonly faults?: readonly FaultRule[];
}

/** A request for a cluster of template `small`. */
export function small(displayName: string, requestId: string, nodeCount = SIZE): CreateCluster {
  return {
    requestId,
    displayName,
    nodeCount,
    template: "small",
    validateOnly: false,
    description: "",
    provider: "",
    services: [],
    hardwareType: "",
    imageType: "",
    dnsSuffix: "",
    config: {},
    withDependencies: false,
  };
}

/** A cluster of template `small` that is ACTIVE. */
export async function madeCluster(loom: TestLoom, displayName: string): Promise<string> {
  const { name } = await loom.application.clusters.create(CALLER, small(displayName, mutation().requestId));
  const job = await loom.ended(name, 1);
  if (job.state !== "COMPLETE") throw new Error(`${name} could not be made: ${job.message}`);
  return name;
}

const CREATE: Operation = {
  name: "create",
  prepare: () => Promise.resolve(""),
  async ask(application, { displayName }, requestId) {
    const cluster = await application.clusters.create(CALLER, small(displayName, requestId));
    return { cluster: cluster.name, job: 1 };
  },
  clusterState: "ACTIVE",
  machines: SIZE,
};

const ADD_NODES: Operation = {
  name: "add-nodes",
  prepare: madeCluster,
  async ask(application, { cluster }, requestId) {
    const job = await application.clusters.addNodes(CALLER, cluster, "back", 1, mutation(requestId));
    return { cluster, job: job.number };
  },
  clusterState: "ACTIVE",
  machines: SIZE + 1,
};

const DELETE: Operation = {
  name: "delete",
  prepare: madeCluster,
  async ask(application, { cluster }, requestId) {
    const job = await application.clusters.delete(CALLER, cluster, mutation(requestId));
    return { cluster, job: job.number };
  },
  isBestEffort: ({ action }) => action !== "DELETE",
  clusterState: "TERMINATED",
  machines: 0,
};

export const OPERATIONS: readonly Operation[] = [CREATE, ADD_NODES, DELETE];

const UNCONFIRMED: readonly FaultRule[] = [{ fault: "fail", action: "CONFIRM" }];

/** Operations that make machines, where the first machine cannot be confirmed and is made again. */
export const OPERATIONS_UNCONFIRMED: readonly Operation[] = [CREATE, ADD_NODES].map((operation) => ({
  ...operation,
  name: `${operation.name} with a machine that cannot be confirmed`,
  faults: UNCONFIRMED,
}));
