/** What can be asked of clusters and nodes. */
import { LoomError } from "../../common/errors.js";
import { clusterName, type IdSpace } from "../../common/ids.js";
import type { Caller, Change, ClusterOperations, Mutation } from "../application.js";
import type { CatalogSnapshots } from "../documents/snapshot.js";
import { planRequest } from "../plan/request.js";
import type { LayoutProblem, LayoutResult, NodeGroup } from "../layout/types.js";
import { decodePageToken, encodePageToken, pageSize } from "../paging.js";
import type { PlanRequest, TaskGraph } from "../plan/types.js";
import { planView } from "../plan/view.js";
import type { OpAccepted } from "../records/types.js";
import type { Quotas } from "../quotas/operations.js";
import { checkEtag, requestOf } from "../requests.js";
import { JOBS_TOPIC, LOG_TOPIC, clusterTopic, type Signals } from "../signals.js";
import type { JobStore } from "../store/jobs.js";
import type { Log } from "../store/log.js";
import { readClusters, readNodes, type ClusterWithJob } from "../store/read/clusters.js";
import { jobView } from "../store/read/jobs.js";
import type { Rows } from "../store/rows.js";
import type { SecretBox } from "../store/secrets.js";
import type { ClusterView, JobView, PluginTypeView } from "../views.js";
import { watch } from "../watch.js";
import { createClusterCreator } from "./create.js";
import { growGroups } from "./grow.js";
import { findCluster, findJob } from "./locate.js";
import { ALLOWED_IN } from "./states.js";
import { fullView, plainView } from "./views.js";

export interface ClusterServices {
  readonly db: Rows;
  readonly log: Log;
  readonly jobs: JobStore;
  readonly epochs: ReadonlyMap<number, bigint>;
  readonly space: IdSpace;
  readonly signals: Signals;
  readonly snapshots: CatalogSnapshots;
  readonly secrets: SecretBox;
  readonly quotas: Quotas;
  readonly changeLease: ClusterOperations["changeLease"];
  /** The clock of leases, in milliseconds since 1970. */
  now(): number;
  /** Solves off the main loop. */
  solve(problem: LayoutProblem): Promise<LayoutResult>;
  /** Plans off the main loop. */
  plan(request: PlanRequest): Promise<TaskGraph>;
  offers(): readonly PluginTypeView[];
}

const WATCH_PAUSE_MS = 150;

export function createClusterOperations(services: ClusterServices): ClusterOperations {
  const { db, log, jobs, epochs, space, signals } = services;
  const createCluster = createClusterCreator(services);

  function announce(cluster: bigint): void {
    for (const topic of [JOBS_TOPIC, LOG_TOPIC, clusterTopic(cluster)]) signals.notify(topic);
  }

  /** @throws CLUSTER_BUSY, CLUSTER_STATE, ETAG_MISMATCH */
  function checkAccepts(cluster: ClusterWithJob, operation: "DELETE" | "ADD_NODES", etag: string): void {
    const name = clusterName(cluster.display_name, cluster.id);
    checkEtag(etag, `${cluster.cluster_epoch}-${cluster.cluster_seq}`, `Cluster "${name}"`);
    const state = cluster.cluster_state;
    if (state === "PENDING") {
      throw new LoomError(
        "CLUSTER_BUSY",
        `Job ${cluster.number} of "${name}" is at work. Wait for it, or end it with "loom cancel ${name}".`,
        { metadata: { cluster: name, job: String(cluster.number) } },
      );
    }
    if (!ALLOWED_IN[operation].includes(state)) {
      const advice =
        state === "TERMINATED"
          ? "It is gone; create a new one."
          : `Retry its last job with "loom retry ${name}", or delete it.`;
      throw new LoomError("CLUSTER_STATE", `Cluster "${name}" is ${state}, which does not allow this. ${advice}`, {
        metadata: { cluster: name, state },
      });
    }
  }

  /** Accepts an operation on a cluster that is there. With validateOnly the answer holds the plan. */
  async function operate(
    caller: Caller,
    name: string,
    operation: "DELETE" | "ADD_NODES",
    mutation: Mutation,
    asked: Readonly<Record<string, string | number>>,
    growth: (layout: readonly NodeGroup[]) => {
      readonly groups: readonly NodeGroup[];
      readonly services: readonly string[];
    },
  ): Promise<JobView> {
    let grown: ReturnType<typeof growth> | undefined;
    const place = await findCluster(db, caller, name, space);
    const request = requestOf(mutation.requestId, operation, { name, etag: mutation.etag, ...asked });
    const answer = await log.append(
      {
        name: `accept ${operation}`,
        shard: place.shard,
        epoch: epochs.get(place.shard)!,
        tenant: caller.tenant,
        actor: caller.user,
        request,
        dryRun: mutation.validateOnly,
      },
      async (tx) => {
        const cluster = await findCluster(tx, caller, name, space);
        checkAccepts(cluster, operation, mutation.etag);
        grown = growth(cluster.layout);
        const job = cluster.number + 1;
        const body: OpAccepted = {
          kind: "OpAccepted",
          job,
          operation,
          request: asked,
          credential: caller.credential,
          sourceAddress: caller.sourceAddress,
          ...(grown.groups.length === 0 ? {} : { groups: grown.groups, grown: grown.services }),
        };
        return {
          bodies: [body],
          clusterId: cluster.id,
          job,
          answer: async (after) => jobView((await findJob(after, caller, name, job, space)).job),
        };
      },
      async (tx, answered) => jobView((await findJob(tx, caller, name, answered.job!, space)).job),
    );
    if (!mutation.validateOnly) announce(place.id);
    // A request that was answered before has no plan any more.
    return mutation.validateOnly && grown !== undefined
      ? { ...answer, plan: await preview(place, operation, grown.groups, grown.services) }
      : answer;
  }

  async function preview(
    place: ClusterWithJob,
    kind: "DELETE" | "ADD_NODES",
    groups: readonly NodeGroup[],
    grown: readonly string[],
  ): Promise<NonNullable<JobView["plan"]>> {
    const { cluster, nodes } = await jobs.loadForRun({
      shard: place.shard,
      epoch: epochs.get(place.shard)!,
      cluster: place.id,
      job: place.number,
      tenant: place.tenant,
    });
    const request = planRequest(cluster, { kind, groups, grown }, [...nodes.values()], cluster.nextNode);
    return planView(await services.plan(request), request.nodes, { operation: kind, addedServices: [] });
  }

  return {
    async create(caller, request) {
      const { view, isNew } = await createCluster(caller, request);
      if (isNew) announce(BigInt(view.id));
      return view.cluster;
    },

    async get(caller, name) {
      return fullView(db, await findCluster(db, caller, name, space));
    },

    async list(caller, request) {
      const limit = pageSize(request.pageSize);
      const shape = ["clusters", request.states, request.displayName, request.template];
      const rows = await readClusters(db, {
        tenant: caller.tenant,
        states: request.states,
        displayName: request.displayName,
        template: request.template,
        before: decodePageToken(shape, request.pageToken, 2),
        limit: limit + 1,
      });
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      return {
        items: page.map(plainView),
        nextPageToken:
          rows.length > limit && last !== undefined
            ? encodePageToken(shape, [last.created_at.toISOString(), String(last.id)])
            : "",
      };
    },

    async *watch(caller, name, resumeToken, signal) {
      const first = await findCluster(db, caller, name, space);
      let token = resumeToken;
      yield* watch(
        signals,
        [clusterTopic(first.id)],
        signal,
        WATCH_PAUSE_MS,
        async function* (): AsyncGenerator<Change<ClusterView | undefined>, boolean> {
          const row = await findCluster(db, caller, name, space);
          const now = `${row.cluster_epoch}-${row.cluster_seq}.${row.progress ?? 0n}`;
          if (now === token) return row.cluster_state === "TERMINATED";
          token = now;
          yield { value: await fullView(db, row), resumeToken: token };
          return row.cluster_state === "TERMINATED";
        },
        () => ({ value: undefined, resumeToken: token }),
      );
    },

    delete: (caller, name, mutation) =>
      operate(caller, name, "DELETE", mutation, {}, () => ({ groups: [], services: [] })),

    changeLease: services.changeLease,

    async addNodes(caller, name, service, count, mutation) {
      const place = await findCluster(db, caller, name, space);
      const { cluster } = await jobs.loadForRun({
        shard: place.shard,
        epoch: epochs.get(place.shard)!,
        cluster: place.id,
        job: place.number,
        tenant: place.tenant,
      });
      // What is pinned never changes; the layout is that of the moment, and a request that is repeated is not checked again.
      return operate(caller, name, "ADD_NODES", mutation, { service, count }, (layout) =>
        growGroups(cluster, layout, service, count),
      );
    },

    async listNodes(caller, name, request) {
      const limit = pageSize(request.pageSize);
      const shape = ["nodes", name, request.showDeleted];
      const after = decodePageToken(shape, request.pageToken, 1);
      const { shard, id } = await findCluster(db, caller, name, space);
      const found = await readNodes(db, shard, id, name, {
        showDeleted: request.showDeleted,
        limit: limit + 1,
        ...(after === undefined ? {} : { after: Number(after[0]) }),
      });
      const page = found.slice(0, limit);
      return { items: page, nextPageToken: found.length > limit ? encodePageToken(shape, [page.at(-1)!.number]) : "" };
    },

    async getNode(caller, name, number) {
      const { shard, id } = await findCluster(db, caller, name, space);
      const [node] = await readNodes(db, shard, id, name, { showDeleted: true, number, limit: 1 });
      if (node === undefined)
        throw new LoomError(
          "NODE_NOT_FOUND",
          `Cluster "${name}" has no node ${number}. "loom nodes ${name}" lists its nodes.`,
          { metadata: { node: String(number) } },
        );
      return node;
    },
  };
}
