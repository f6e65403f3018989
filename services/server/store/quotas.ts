/** Slices of quotas, and what is used of them. */
import { META_SHARD } from "../../common/ids.js";
import type { Rows } from "./rows.js";
import type { Tx } from "./transaction.js";

/** What a tenant may use in a datacenter. */
export interface QuotaSlice {
  /** Undefined: no limit. */
  readonly maxClusters: number | undefined;
  readonly maxNodes: number | undefined;
  /** `<epoch>-<seq>` of the record that wrote it. */
  readonly etag: string;
}

export interface QuotaUse {
  readonly clusters: number;
  readonly nodes: number;
}

interface Row {
  readonly max_clusters: number | null;
  readonly max_nodes: number | null;
  readonly epoch: bigint;
  readonly seq: bigint;
}

const SELECT =
  "SELECT max_clusters, max_nodes, epoch, seq FROM quota_slice WHERE shard = $1 AND tenant = $2 AND datacenter = $3";

/** What holds for a tenant without a row. */
const UNLIMITED: QuotaSlice = { maxClusters: undefined, maxNodes: undefined, etag: "0-0" };

const sliceOf = (row: Row | undefined): QuotaSlice =>
  row === undefined
    ? UNLIMITED
    : {
        maxClusters: row.max_clusters ?? undefined,
        maxNodes: row.max_nodes ?? undefined,
        etag: `${row.epoch}-${row.seq}`,
      };

export async function readSlice(db: Rows, tenant: string, datacenter: string): Promise<QuotaSlice> {
  return sliceOf((await db.rows<Row>(SELECT, [META_SHARD, tenant, datacenter]))[0]);
}

/**
 * The slice, locked until the transaction ends: whoever wants some of it waits, and then counts what was taken. A
 * transaction locks the head of one shard and then at most one slice, so nobody waits in a circle.
 */
export async function lockSlice(tx: Tx, tenant: string, datacenter: string): Promise<QuotaSlice> {
  return sliceOf((await tx.rows<Row>(`${SELECT} FOR UPDATE`, [META_SHARD, tenant, datacenter], "lock_slice"))[0]);
}

/**
 * Of a tenant's clusters in some shards, those that are gone left out: the nodes they have or are to have. A statement of
 * its own sees all that was committed before it.
 *
 * @param asking a cluster that asks anew: what it asked for before, and did not get, it does not ask for any more
 */
export async function readUse(
  db: Rows,
  tenant: string,
  shards: readonly number[],
  asking?: { readonly shard: number; readonly id: bigint },
): Promise<QuotaUse> {
  const [row] = await db.rows<{ clusters: bigint; nodes: bigint }>(
    `SELECT count(*) AS clusters, COALESCE(sum(node_count + nodes_asked), 0)::int8
       - COALESCE((SELECT nodes_asked FROM cluster WHERE shard = $3 AND id = $4), 0) AS nodes
     FROM cluster WHERE tenant = $1 AND state <> 'TERMINATED' AND shard = ANY($2)`,
    [tenant, shards, asking?.shard ?? null, asking?.id ?? null],
    "quota_use",
  );
  return { clusters: Number(row!.clusters), nodes: Number(row!.nodes) };
}
