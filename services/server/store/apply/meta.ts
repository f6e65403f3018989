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
  await applyProvisioners(tx, record, body);
}

/** Who of other machines may come in. */
async function applyProvisioners(
  tx: Tx,
  { shard, tenant, actor, at, epoch, seq }: LogRecord,
  { invited, certified, dismissed = [] }: MetaChanged,
): Promise<void> {
  if (invited !== undefined) {
    await tx.query(
      `INSERT INTO provisioner (shard, id, tenant, label, creator, created_at, token_hash, token_expires_at, host, datacenter, epoch, seq)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', '', $9, $10)`,
      [
        shard,
        invited.id,
        tenant,
        invited.label,
        actor,
        at,
        Buffer.from(invited.hash, "base64"),
        new Date(invited.tokenExpires),
        epoch,
        seq,
      ],
    );
  }
  if (certified !== undefined) {
    const { id, host, datacenter, key, expires } = certified;
    await tx.query(
      `UPDATE provisioner SET host = $3, datacenter = $4, key_hash = $5, certificate_expires_at = $6,
         joined_at = COALESCE(joined_at, $7), epoch = $8, seq = $9
       WHERE shard = $1 AND id = $2`,
      [shard, id, host, datacenter, Buffer.from(key, "base64"), new Date(expires), at, epoch, seq],
    );
  }
  for (const id of dismissed) {
    await tx.query("UPDATE provisioner SET revoked_at = $3, epoch = $4, seq = $5 WHERE shard = $1 AND id = $2", [
      shard,
      id,
      at,
      epoch,
      seq,
    ]);
  }
}
