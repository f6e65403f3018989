/** Strays as people see them. */
import { clusterName } from "../../../common/ids.js";
import type { StrayView } from "../../views.js";
import type { Rows } from "../rows.js";

interface StrayRow {
  readonly token: string;
  readonly cluster_id: bigint;
  readonly display_name: string;
  readonly node: number;
  readonly incarnation: number;
  readonly provider: string;
  readonly machine: string;
  readonly first_seen: Date;
  readonly waited_ms: bigint;
  readonly message: string;
}

/** Those seen first before the others; `after` is (first seen in ISO text, token) of the last of the page before. */
export async function readStrays(
  db: Rows,
  tenant: string,
  after: readonly (string | number)[] | undefined,
  limit: number,
): Promise<(Omit<StrayView, "removeTime"> & { readonly waitedMs: number })[]> {
  const rows = await db.rows<StrayRow>(
    `SELECT x.token, x.cluster_id, c.display_name, x.node, x.incarnation, x.provider, x.machine, x.first_seen, x.waited_ms, x.message
     FROM stray x JOIN cluster c ON c.shard = x.shard AND c.id = x.cluster_id
     WHERE x.tenant = $1 AND ($2::timestamptz IS NULL OR (x.first_seen, x.token) > ($2, $3))
     ORDER BY x.first_seen, x.token LIMIT $4`,
    [tenant, after?.[0] ?? null, after?.[1] ?? null, limit],
  );
  return rows.map((row) => ({
    token: row.token,
    cluster: clusterName(row.display_name, row.cluster_id),
    node: row.node,
    incarnation: row.incarnation,
    provider: row.provider,
    machine: row.machine,
    firstSeenTime: row.first_seen,
    waitedMs: Number(row.waited_ms),
    message: row.message,
  }));
}
