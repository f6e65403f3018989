/** Every operation on a cluster, as the generic tests want it: a new one costs one row. */
import type { FaultRule } from "../../services/provisioner/providers/simulated/rules.js";
import type { Application, CreateCluster, Mutation } from "../../services/server/application.js";
import type { ClusterState } from "../../services/server/clusters/states.js";
import type { JobView, TaskView } from "../../services/server/views.js";
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
  /** A node whose machine is made again. */
  readonly remakes?: number;
  /** It has two machines for a while: the old one and the one that takes over. */
  readonly overlaps?: boolean;
  /** The operation that it ends like; itself where absent. */
  readonly like?: Operation;
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
export async function madeCluster(loom: TestLoom, displayName: string, nodeCount = SIZE): Promise<string> {
  const { name } = await loom.application.clusters.create(CALLER, small(displayName, mutation().requestId, nodeCount));
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

/** An operation on a cluster of template `small` that is there. */
function onCluster(
  name: string,
  ask: (clusters: Application["clusters"], cluster: string, mutation: Mutation) => Promise<JobView>,
  more: Partial<Operation> = {},
): Operation {
  return {
    name,
    prepare: madeCluster,
    async ask(application, { cluster }, requestId) {
      const job = await ask(application.clusters, cluster, mutation(requestId));
      return { cluster, job: job.number };
    },
    clusterState: "ACTIVE",
    machines: SIZE,
    ...more,
  };
}

/** A cluster with `side` on a node. */
async function clusterWithSide(loom: TestLoom, displayName: string): Promise<string> {
  const name = await madeCluster(loom, displayName);
  const which = { services: ["side"], withDependencies: false };
  const { number } = await loom.application.clusters.addServices(CALLER, name, which, mutation());
  const job = await loom.ended(name, number);
  if (job.state !== "COMPLETE") throw new Error(`${name} did not get its service: ${job.message}`);
  return name;
}

/** A cluster to one of whose machines something has happened. */
const brokenCluster =
  (what: "stop" | "delete") =>
  async (loom: TestLoom, displayName: string): Promise<string> => {
    const name = await madeCluster(loom, displayName);
    await loom.befall(what, name, FIRST_BACK);
    return name;
  };

/** What is done on a machine before it goes. */
const isFarewell = ({ action }: TaskView): boolean => action === "STOP" || action === "REMOVE";
/** The nodes of a cluster that carry `back` come first. */
const FIRST_BACK = 1000;
/** The newest of them in a cluster with one node more. */
const LAST_BACK = 1000 + SIZE - 1;

const REPLACE_NODE: Operation = onCluster(
  "replace a node",
  (clusters, cluster, own) => clusters.replaceNode(CALLER, cluster, FIRST_BACK, own),
  {
    isBestEffort: (task) => task.node === FIRST_BACK && isFarewell(task),
    remakes: FIRST_BACK,
    overlaps: true,
  },
);

const CHANGES: readonly Operation[] = [
  onCluster(
    "remove nodes",
    (clusters, cluster, own) => clusters.removeNodes(CALLER, cluster, { nodes: [], service: "back", count: 1 }, own),
    {
      prepare: (loom, displayName) => madeCluster(loom, displayName, SIZE + 1),
      isBestEffort: (task) => task.node === LAST_BACK && isFarewell(task),
    },
  ),
  REPLACE_NODE,
  onCluster("repair what is down", (clusters, cluster, own) => clusters.repair(CALLER, cluster, own), {
    prepare: brokenCluster("stop"),
  }),
  onCluster("repair what is missing", (clusters, cluster, own) => clusters.repair(CALLER, cluster, own), {
    prepare: brokenCluster("delete"),
    remakes: FIRST_BACK,
  }),
  onCluster("configure", (clusters, cluster, own) =>
    clusters.configure(CALLER, cluster, { config: { front: { port: 81 } }, services: [], restart: false }, own),
  ),
  onCluster("configure with restart and a new password", (clusters, cluster, own) => {
    const config = { back: { password: { generate: "password" } } };
    return clusters.configure(CALLER, cluster, { config, services: ["front", "back"], restart: true }, own);
  }),
  onCluster("stop services", (clusters, cluster, own) =>
    clusters.actOn(CALLER, cluster, "STOP_SERVICES", ["front"], own),
  ),
  onCluster("start services", (clusters, cluster, own) => clusters.actOn(CALLER, cluster, "START_SERVICES", [], own)),
  onCluster("restart services", (clusters, cluster, own) =>
    clusters.actOn(CALLER, cluster, "RESTART_SERVICES", ["front"], own),
  ),
  onCluster("add services", (clusters, cluster, own) =>
    clusters.addServices(CALLER, cluster, { services: ["side"], withDependencies: false }, own),
  ),
  onCluster("remove services", (clusters, cluster, own) => clusters.removeServices(CALLER, cluster, ["side"], own), {
    prepare: clusterWithSide,
  }),
];

/** Operations that die before every write in short runs too. */
export const EVERY_MOMENT: readonly Operation[] = [CREATE, ADD_NODES, DELETE, REPLACE_NODE];
export const OPERATIONS: readonly Operation[] = [CREATE, ADD_NODES, DELETE, ...CHANGES];

const UNCONFIRMED: readonly FaultRule[] = [{ fault: "fail", action: "CONFIRM" }];

/** Operations that make machines, where the first machine cannot be confirmed and is made again. */
export const OPERATIONS_UNCONFIRMED: readonly Operation[] = [CREATE, ADD_NODES, REPLACE_NODE].map((operation) => ({
  ...operation,
  name: `${operation.name} with a machine that cannot be confirmed`,
  faults: UNCONFIRMED,
  like: operation,
}));
