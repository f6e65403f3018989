/**
 * Quotas: how many clusters and nodes a tenant may have in a datacenter. Nothing is booked: what is used is counted from
 * the clusters that are not gone, under a lock that all of a tenant's requests for more go through, so it cannot drift
 * from what there is (docs/decisions/0010).
 */
import { META_SHARD } from "../../common/ids.js";
import type { Caller, SystemOperations } from "../application.js";
import type { Place } from "../clusters/locate.js";
import type { MetaChanged } from "../records/types.js";
import { checkEtag, requestOf } from "../requests.js";
import { LOG_TOPIC, type Signals } from "../signals.js";
import type { Log } from "../store/log.js";
import { lockSlice, readSlice, readUse, type QuotaUse } from "../store/quotas.js";
import type { Rows } from "../store/rows.js";
import type { Tx } from "../store/transaction.js";
import type { QuotaView } from "../views.js";
import { checkFits } from "./limits.js";

export interface QuotaServices {
  readonly db: Rows;
  readonly log: Log;
  readonly epochs: ReadonlyMap<number, bigint>;
  readonly datacenter: string;
  readonly signals: Signals;
}

export interface Quotas extends Pick<SystemOperations, "getQuota" | "setQuota"> {
  /**
   * Called inside the transaction that accepts what takes more, after everything else was checked: other requests of
   * the tenant wait until it ends.
   *
   * @param cluster the one that asks, where it is there already
   * @throws QUOTA_EXCEEDED
   */
  take(tx: Tx, tenant: string, asked: QuotaUse, cluster?: Place): Promise<void>;
}

export function createQuotas({ db, log, epochs, datacenter, signals }: QuotaServices): Quotas {
  const shards = [...epochs.keys()].filter((shard) => shard !== META_SHARD);

  async function view(rows: Rows, { tenant }: Caller): Promise<QuotaView> {
    const { maxClusters, maxNodes, etag } = await readSlice(rows, tenant, datacenter);
    const { clusters, nodes } = await readUse(rows, tenant, shards);
    return { tenant, datacenter, maxClusters, maxNodes, usedClusters: clusters, usedNodes: nodes, etag };
  }

  return {
    async take(tx, tenant, asked, cluster) {
      if (asked.clusters <= 0 && asked.nodes <= 0) return;
      const slice = await lockSlice(tx, tenant, datacenter);
      if (slice.maxClusters === undefined && slice.maxNodes === undefined) return;
      checkFits(tenant, slice, await readUse(tx, tenant, shards, cluster), asked);
    },

    getQuota: (caller) => view(db, caller),

    async setQuota(caller, { maxClusters, maxNodes }, mutation) {
      const wanted = { maxClusters: maxClusters ?? null, maxNodes: maxNodes ?? null };
      const answer = await log.append(
        {
          name: "set quota",
          shard: META_SHARD,
          epoch: epochs.get(META_SHARD)!,
          tenant: caller.tenant,
          actor: caller.user,
          request: requestOf(mutation.requestId, "SetQuota", { ...wanted, etag: mutation.etag }),
          dryRun: mutation.validateOnly,
        },
        async (tx) => {
          const slice = await lockSlice(tx, caller.tenant, datacenter);
          checkEtag(mutation.etag, slice.etag, "The quota");
          const isSame = slice.maxClusters === maxClusters && slice.maxNodes === maxNodes;
          const body: MetaChanged = { kind: "MetaChanged", quota: { datacenter, ...wanted } };
          return { bodies: isSame ? [] : [body], answer: (after) => view(after, caller) };
        },
        (tx) => view(tx, caller),
      );
      if (!mutation.validateOnly) signals.notify(LOG_TOPIC);
      return answer;
    },
  };
}
