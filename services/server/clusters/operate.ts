/**
 * Accepting an operation on a cluster that is there: what it does is decided and planned on what the cluster is, and
 * accepted only if the cluster still is that. So what is accepted can be done, and its record says all of it.
 */
import { randomBytes } from "node:crypto";
import { LoomError } from "../../common/errors.js";
import { clusterName, type IdSpace } from "../../common/ids.js";
import type { Caller, Mutation } from "../application.js";
import type { JsonObject } from "../catalog/types.js";
import { planRequest } from "../plan/request.js";
import type { OperationKind, PlanRequest, TaskGraph } from "../plan/types.js";
import { planView } from "../plan/view.js";
import { withCost } from "../cost/plan-cost.js";
import type { Quotas } from "../quotas/operations.js";
import type { OpAccepted } from "../records/types.js";
import { checkEtag, requestOf } from "../requests.js";
import type { JobStore } from "../store/jobs.js";
import type { Log } from "../store/log.js";
import type { ClusterWithJob } from "../store/read/clusters.js";
import { jobView } from "../store/read/jobs.js";
import type { Rows } from "../store/rows.js";
import { clusterSecretContext, type SecretBox } from "../store/secrets.js";
import type { JobView } from "../views.js";
import { withLeftovers } from "./changes/halfway.js";
import type { ChangingCluster, Decision } from "./changes/types.js";
import { findCluster, findJob } from "./locate.js";
import { ALLOWED_IN } from "./states.js";

export interface OperateServices {
  readonly db: Rows;
  readonly log: Log;
  readonly jobs: JobStore;
  readonly epochs: ReadonlyMap<number, bigint>;
  readonly space: IdSpace;
  readonly secrets: SecretBox;
  readonly quotas: Quotas;
  /** Plans off the main loop. */
  plan(request: PlanRequest): Promise<TaskGraph>;
  /** Something of this cluster has changed. */
  announce(cluster: bigint): void;
}

/** An operation that is asked for. */
export interface Operation {
  readonly kind: Exclude<OperationKind, "CREATE">;
  /** For people; secrets masked, or left to the decision. */
  readonly asked: JsonObject;
  /** What makes two requests the same, where `asked` does not say all. */
  readonly body?: unknown;
  decide(subject: ChangingCluster): Decision | Promise<Decision>;
}

export type Operate = (caller: Caller, name: string, operation: Operation, mutation: Mutation) => Promise<JobView>;

/** How often a cluster may change while an operation on it is decided. */
const MOST_TRIES = 5;

/** Operations that need no plan to be accepted: it cannot fail, or what fails it must not keep the cluster alive. */
const UNPLANNED: ReadonlySet<OperationKind> = new Set(["DELETE", "ADD_NODES"]);

/** 24 characters of [A-Za-z0-9_-], 144 bits; needs no quoting in a shell or in a configuration file. */
export function generatePassword(): string {
  return randomBytes(18).toString("base64url");
}

/** @throws CLUSTER_BUSY, CLUSTER_STATE, ETAG_MISMATCH */
function checkAccepts(cluster: ClusterWithJob, operation: Operation["kind"], etag: string): void {
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
        : state === "INCONSISTENT"
          ? `Retry its last job with "loom retry ${name}", or mend it with "loom repair ${name}".`
          : `Retry its last job with "loom retry ${name}", or delete it.`;
    throw new LoomError("CLUSTER_STATE", `Cluster "${name}" is ${state}, which does not allow this. ${advice}`, {
      metadata: { cluster: name, state },
    });
  }
}

/** What was decided, and on what. */
interface Prepared {
  readonly seq: bigint;
  readonly decision: Decision;
  readonly sealed: Readonly<Record<string, string>>;
  readonly plan: NonNullable<JobView["plan"]> | undefined;
}

export function createOperate(services: OperateServices): Operate {
  const { db, log, jobs, epochs, space, secrets } = services;

  async function prepare(
    caller: Caller,
    name: string,
    { kind, decide }: Operation,
    { etag, validateOnly }: Mutation,
  ): Promise<Prepared> {
    const row = await findCluster(db, caller, name, space);
    checkAccepts(row, kind, etag);
    const { cluster, nodes } = await jobs.loadForRun({
      shard: row.shard,
      epoch: epochs.get(row.shard)!,
      cluster: row.id,
      job: row.number,
      tenant: row.tenant,
    });
    const present = [...nodes.values()].filter((node) => node.state !== "DELETED");
    const subject = { name, state: row.cluster_state, cluster, layout: row.layout, nodes: present };
    const decided = await decide(subject);
    const decision = { ...decided, change: withLeftovers(subject, kind, decided.change) };
    const { groups = [], change, addedServices = [], configChanges = [] } = decision;
    const request = planRequest(cluster, { kind, groups, change }, present, cluster.nextNode);
    const graph = UNPLANNED.has(kind) && !validateOnly ? undefined : await services.plan(request);
    return {
      seq: row.cluster_seq,
      decision,
      plan:
        graph === undefined
          ? undefined
          : withCost(planView(graph, request.nodes, { addedServices, configChanges }), row.prices),
      sealed: Object.fromEntries(
        [...(decision.secrets ?? [])].map(([path, text]) => [
          path,
          secrets.seal(text ?? generatePassword(), clusterSecretContext(cluster.uid, path)).toString("base64"),
        ]),
      ),
    };
  }

  async function attempt(
    caller: Caller,
    name: string,
    operation: Operation,
    mutation: Mutation,
  ): Promise<JobView | undefined> {
    const { kind, asked } = operation;
    const place = await findCluster(db, caller, name, space);
    const request = requestOf(mutation.requestId, kind, { name, etag: mutation.etag, asked: operation.body ?? asked });
    // A request that is repeated is answered as it was, whatever the cluster is by now.
    const prepared = (await log.isAnswered(place.shard, request.id))
      ? undefined
      : await prepare(caller, name, operation, mutation);
    let isStale = false;
    const answer = await log
      .append<JobView | undefined>(
        {
          name: `accept ${kind}`,
          shard: place.shard,
          epoch: epochs.get(place.shard)!,
          tenant: caller.tenant,
          actor: caller.user,
          request,
          dryRun: mutation.validateOnly,
        },
        async (tx) => {
          const cluster = await findCluster(tx, caller, name, space);
          checkAccepts(cluster, kind, mutation.etag);
          isStale = prepared?.seq !== cluster.cluster_seq;
          if (prepared === undefined || isStale) throw new Stale();
          const { groups, change } = prepared.decision;
          const nodes = (groups ?? []).reduce((sum, group) => sum + group.count, 0);
          await services.quotas.take(tx, caller.tenant, { clusters: 0, nodes }, place);
          const job = cluster.number + 1;
          const body: OpAccepted = {
            kind: "OpAccepted",
            job,
            operation: kind,
            request: prepared.decision.asked ?? asked,
            credential: caller.credential,
            sourceAddress: caller.sourceAddress,
            ...(groups === undefined ? {} : { groups }),
            change: { ...change, ...(Object.keys(prepared.sealed).length === 0 ? {} : { secrets: prepared.sealed }) },
          };
          return {
            bodies: [body],
            clusterId: cluster.id,
            job,
            answer: async (after) => jobView((await findJob(after, caller, name, job, space)).job),
          };
        },
        async (tx, answered) => jobView((await findJob(tx, caller, name, answered.job!, space)).job),
      )
      .catch((thrown: unknown) => {
        if (thrown instanceof Stale) return undefined;
        throw thrown;
      });
    if (answer === undefined) return undefined;
    if (!mutation.validateOnly) services.announce(place.id);
    return mutation.validateOnly && prepared?.plan !== undefined ? { ...answer, plan: prepared.plan } : answer;
  }

  return async (caller, name, operation, mutation) => {
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const answer = await attempt(caller, name, operation, mutation);
      if (answer !== undefined) return answer;
    }
    throw new LoomError("CLUSTER_BUSY", `Cluster "${name}" keeps changing. Look at it, then ask again.`, {
      metadata: { cluster: name },
    });
  };
}

/** The cluster is not any more what the operation was decided on. */
class Stale extends Error {}
