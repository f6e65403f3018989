/** What can be asked of clusters and nodes. */
import { LoomError } from "../../common/errors.js";
import type { IdSpace } from "../../common/ids.js";
import type { Change, ClusterOperations } from "../application.js";
import type { CatalogSnapshots } from "../documents/snapshot.js";
import type { SpreadRequest, SpreadResult } from "../layout/spread.js";
import type { LayoutProblem, LayoutResult } from "../layout/types.js";
import { decodePageToken, encodePageToken, pageSize } from "../paging.js";
import type { PlanRequest, TaskGraph } from "../plan/types.js";
import type { Quotas } from "../quotas/operations.js";
import { JOBS_TOPIC, LOG_TOPIC, clusterTopic, type Signals } from "../signals.js";
import type { JobStore } from "../store/jobs.js";
import type { Log } from "../store/log.js";
import { readClusters, readNodes } from "../store/read/clusters.js";
import { readObservations } from "../store/read/observations.js";
import type { Rows } from "../store/rows.js";
import type { SecretBox } from "../store/secrets.js";
import type { ClusterView, PluginTypeView } from "../views.js";
import { watch } from "../watch.js";
import { addServices } from "./changes/add-services.js";
import { configure } from "./changes/configure.js";
import { removeNodes, repair, replaceNode } from "./changes/nodes.js";
import { actOnServices, removeServices } from "./changes/services.js";
import { createClusterCreator } from "./create.js";
import { growGroups } from "./grow.js";
import { findCluster } from "./locate.js";
import { createOperate } from "./operate.js";
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
  /** Finds places for more services off the main loop. */
  spread(request: SpreadRequest): Promise<SpreadResult>;
  /** Plans off the main loop. */
  plan(request: PlanRequest): Promise<TaskGraph>;
  offers(): readonly PluginTypeView[];
  /** Asks the provider about the machines of a cluster now; what it says stands in readObservations afterwards. */
  observe(cluster: { readonly shard: number; readonly id: bigint }): Promise<void>;
}

const WATCH_PAUSE_MS = 150;

export function createClusterOperations(services: ClusterServices): ClusterOperations {
  const { db, space, signals } = services;
  const createCluster = createClusterCreator(services);

  function announce(cluster: bigint): void {
    for (const topic of [JOBS_TOPIC, LOG_TOPIC, clusterTopic(cluster)]) signals.notify(topic);
  }

  const operate = createOperate({ ...services, announce });

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
          const now = `${row.cluster_epoch}-${row.cluster_seq}.${row.progress ?? 0n}.${row.observed_version ?? 0n}`;
          if (now === token) return row.cluster_state === "TERMINATED";
          token = now;
          yield { value: await fullView(db, row), resumeToken: token };
          return row.cluster_state === "TERMINATED";
        },
        () => ({ value: undefined, resumeToken: token }),
      );
    },

    delete: (caller, name, mutation) =>
      operate(caller, name, { kind: "DELETE", asked: {}, decide: () => ({ change: {} }) }, mutation),

    addNodes: (caller, name, service, count, mutation) =>
      operate(
        caller,
        name,
        {
          kind: "ADD_NODES",
          asked: { service, count },
          decide({ cluster, layout }) {
            const { groups, services: grown } = growGroups(cluster, layout, service, count);
            return { groups, change: { changed: grown } };
          },
        },
        mutation,
      ),

    removeNodes: (caller, name, which, mutation) =>
      operate(
        caller,
        name,
        {
          kind: "REMOVE_NODES",
          asked: { ...which, nodes: [...which.nodes] },
          decide: (subject) => removeNodes(subject, which),
        },
        mutation,
      ),

    replaceNode: (caller, name, node, mutation) =>
      operate(
        caller,
        name,
        { kind: "REPLACE_NODE", asked: { node }, decide: (subject) => replaceNode(subject, node) },
        mutation,
      ),

    repair: (caller, name, mutation) =>
      operate(
        caller,
        name,
        {
          kind: "REPAIR",
          asked: {},
          async decide(subject) {
            const { shard, id } = subject.cluster;
            await services.observe({ shard, id });
            return repair(subject, await readObservations(db, shard, id));
          },
        },
        mutation,
      ),

    configure: (caller, name, request, mutation) =>
      operate(
        caller,
        name,
        {
          kind: "CONFIGURE",
          asked: {},
          body: request,
          decide: (subject) => configure(subject, request),
        },
        mutation,
      ),

    actOn: (caller, name, kind, asked, mutation) =>
      operate(
        caller,
        name,
        { kind, asked: { services: [...asked] }, decide: (subject) => actOnServices(subject, kind, asked) },
        mutation,
      ),

    addServices: (caller, name, { services: asked, withDependencies }, mutation) =>
      operate(
        caller,
        name,
        {
          kind: "ADD_SERVICES",
          asked: { services: [...asked], withDependencies },
          async decide(subject) {
            const snapshot = await services.snapshots.of(caller.tenant);
            const now = {
              catalog: snapshot.catalog,
              pin: (service: string) => ({
                version: snapshot.versionOf("Service", service),
                body: snapshot.catalog.Service.get(service)!,
              }),
            };
            return addServices(subject, asked, withDependencies, now, services.spread);
          },
        },
        mutation,
      ),

    removeServices: (caller, name, asked, mutation) =>
      operate(
        caller,
        name,
        {
          kind: "REMOVE_SERVICES",
          asked: { services: [...asked] },
          decide: (subject) => removeServices(subject, asked),
        },
        mutation,
      ),

    changeLease: services.changeLease,

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
