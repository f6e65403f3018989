/** Giving the lease of a cluster another end. */
import { LoomError } from "../../common/errors.js";
import type { IdSpace } from "../../common/ids.js";
import type { ClusterOperations } from "../application.js";
import { findCluster } from "../clusters/locate.js";
import { fullView } from "../clusters/views.js";
import type { Lease, LeaseChanged } from "../records/types.js";
import { checkEtag, requestOf } from "../requests.js";
import { LOG_TOPIC, clusterTopic, type Signals } from "../signals.js";
import { readLease } from "../store/leases.js";
import type { Log } from "../store/log.js";
import type { ClusterWithJob } from "../store/read/clusters.js";
import type { Rows } from "../store/rows.js";
import type { ClusterView } from "../views.js";
import { isEnded } from "../jobs/states.js";
import { changeLease, termsOf, warnTime } from "./rules.js";

export interface LeaseServices {
  readonly db: Rows;
  readonly log: Log;
  readonly epochs: ReadonlyMap<number, bigint>;
  readonly space: IdSpace;
  readonly signals: Signals;
  /** Milliseconds since 1970. */
  now(): number;
}

/** A lease that ends then, as records hold it; undefined for one without end. Milliseconds since 1970. */
export function leaseUntil(now: number, expireTime: number | undefined): Lease | undefined {
  if (expireTime === undefined) return undefined;
  return {
    expireTime: new Date(expireTime).toISOString(),
    warnTime: new Date(warnTime(now, expireTime)).toISOString(),
  };
}

/**
 * A lease can be changed in every state but TERMINATED, while a job is at work too: it touches no machine. Only a
 * cluster that is being deleted has no lease any more.
 *
 * @throws CLUSTER_STATE
 */
function checkChangeable(name: string, cluster: ClusterWithJob): void {
  const state = cluster.cluster_state;
  const isLeaving = state === "PENDING" && cluster.kind === "DELETE" && !isEnded(cluster.state);
  if (state !== "TERMINATED" && !isLeaving) return;
  const message = isLeaving
    ? `Cluster "${name}" is being deleted by job ${cluster.number}. Cancel that first: "loom cancel ${name}".`
    : `Cluster "${name}" is gone; create a new one.`;
  throw new LoomError("CLUSTER_STATE", message, { metadata: { cluster: name, state } });
}

export function createLeaseChanger({
  db,
  log,
  epochs,
  space,
  signals,
  now,
}: LeaseServices): ClusterOperations["changeLease"] {
  return async (caller, name, change, mutation) => {
    const place = await findCluster(db, caller, name, space);
    const view = async (tx: Rows): Promise<ClusterView> => fullView(tx, await findCluster(tx, caller, name, space));
    const answer = await log.append(
      {
        name: "change lease",
        shard: place.shard,
        epoch: epochs.get(place.shard)!,
        tenant: caller.tenant,
        actor: caller.user,
        request: requestOf(mutation.requestId, "ChangeLease", { name, etag: mutation.etag, ...change }),
        dryRun: mutation.validateOnly,
      },
      async (tx) => {
        const cluster = await findCluster(tx, caller, name, space);
        checkEtag(mutation.etag, `${cluster.cluster_epoch}-${cluster.cluster_seq}`, `Cluster "${name}"`);
        checkChangeable(name, cluster);
        const { expireTime, terms } = (await readLease(tx, place.shard, place.id))!;
        const present = { createTime: cluster.created_at.getTime(), expireTime: expireTime?.getTime() };
        const until = changeLease(termsOf(terms), present, change, now());
        const body: LeaseChanged = {
          kind: "LeaseChanged",
          before: expireTime?.toISOString() ?? null,
          lease: leaseUntil(now(), until) ?? null,
        };
        return { bodies: until === present.expireTime ? [] : [body], clusterId: place.id, answer: view };
      },
      view,
    );
    if (!mutation.validateOnly) for (const topic of [LOG_TOPIC, clusterTopic(place.id)]) signals.notify(topic);
    return answer;
  };
}
