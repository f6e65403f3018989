/** Applying changes of the catalog, of access tokens and of quotas. */
import type { LogRecord, MetaChanged } from "../../records/types.js";
import type { Tx } from "../transaction.js";

export async function applyMeta(tx: Tx, record: LogRecord, body: MetaChanged): Promise<void> {
  const { shard, tenant, at, epoch, seq } = record;
  for (const document of body.documents ?? []) {
    await tx.query(
      "UPDATE document SET newest = false WHERE shard = $1 AND tenant = $2 AND kind = $3 AND name = $4 AND newest",
      [shard, tenant, document.kind, document.name],
    );
    await tx.query(
      `INSERT INTO document (shard, tenant, kind, name, version, body, shipped, deleted, newest, created_at, epoch, seq)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, true, $9, $10, $11)`,
      [
        shard,
        tenant,
        document.kind,
        document.name,
        document.version,
        JSON.stringify(document.body),
        document.shipped,
        document.body === null,
        at,
        epoch,
        seq,
      ],
    );
  }
  if (body.token !== undefined) {
    const { token } = body;
    await tx.query(
      "INSERT INTO access_token (shard, id, tenant, user_name, role, label, hash, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
      [shard, token.id, tenant, token.user, token.role, token.label, Buffer.from(token.hash, "base64"), at],
    );
  }
  if (body.quota !== undefined) {
    const { datacenter, maxClusters, maxNodes } = body.quota;
    await tx.query(
      `INSERT INTO quota_slice (shard, tenant, datacenter, max_clusters, max_nodes, epoch, seq) VALUES ($1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (shard, tenant, datacenter) DO UPDATE
         SET max_clusters = excluded.max_clusters, max_nodes = excluded.max_nodes, epoch = excluded.epoch, seq = excluded.seq`,
      [shard, tenant, datacenter, maxClusters, maxNodes, epoch, seq],
    );
  }
  for (const id of body.revoked ?? []) {
    await tx.query("UPDATE access_token SET revoked_at = $3 WHERE shard = $1 AND id = $2", [shard, id, at]);
  }
}
