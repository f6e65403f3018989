/** Applying what a planned operation changes on nodes and services that are there. */
import { reorderLayout } from "../../layout/reorder.js";
import type { NodeGroup } from "../../layout/types.js";
import type { OperationKind } from "../../plan/types.js";
import type { LogRecord, OperationChange } from "../../records/types.js";
import type { Tx } from "../transaction.js";

export async function applyChange(
  tx: Tx,
  record: LogRecord,
  kind: OperationKind,
  change: OperationChange,
): Promise<void> {
  const { shard, clusterId } = record;
  if (change.config !== undefined || change.pinned !== undefined) {
    await tx.query(
      `UPDATE cluster SET config = COALESCE($3::jsonb, config),
         spec = jsonb_set(spec, '{services}', (spec -> 'services') || $4::jsonb)
       WHERE shard = $1 AND id = $2`,
      [
        shard,
        clusterId,
        change.config === undefined ? null : JSON.stringify(change.config),
        JSON.stringify(change.pinned ?? {}),
      ],
    );
  }
  await keepSecrets(tx, record, change.secrets ?? {});
  // The token of a machine is that of its incarnation, so this comes before the new one can be made. One that was never
  // made has a place among those before it too: what the job deletes in the end is the last of them.
  if (kind === "REPLACE_NODE" || kind === "REPAIR") {
    await tx.query(
      `UPDATE node SET incarnation = incarnation + 1, state = 'CREATING', is_finished = false, machine = '', addresses = '{}', results = '{}', message = '',
         halfway = '{}', stopped = '{}',
         previous = previous || jsonb_build_array(jsonb_build_object(
           'incarnation', incarnation, 'machine', machine, 'addresses', addresses, 'results', results))
       WHERE shard = $1 AND cluster_id = $2 AND number = ANY($3)`,
      [shard, clusterId, change.nodes ?? []],
    );
  }
  // Many nodes get the same services.
  const nodesOf = new Map<string, number[]>();
  for (const [number, services] of Object.entries(change.added ?? {})) {
    const key = JSON.stringify(services);
    const known = nodesOf.get(key);
    if (known === undefined) nodesOf.set(key, [Number(number)]);
    else known.push(Number(number));
  }
  for (const [services, numbers] of nodesOf) {
    await tx.query(
      `UPDATE node SET services = ARRAY(SELECT DISTINCT s FROM unnest(services || $4::text[]) AS s ORDER BY s)
       WHERE shard = $1 AND cluster_id = $2 AND number = ANY($3)`,
      [shard, clusterId, numbers, JSON.parse(services)],
    );
  }
}

export async function keepSecrets(
  tx: Tx,
  { shard, clusterId, tenant }: LogRecord,
  secrets: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [path, sealed] of Object.entries(secrets)) {
    await tx.query(
      `INSERT INTO secret (shard, cluster_id, path, tenant, sealed) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (shard, cluster_id, path) DO UPDATE SET sealed = excluded.sealed`,
      [shard, clusterId, path, tenant, Buffer.from(sealed, "base64")],
    );
  }
}

/** Nodes, services and layout of a cluster, from its nodes. */
export async function countAgain(tx: Tx, { shard, clusterId }: LogRecord): Promise<void> {
  const [cluster] = await tx.rows<{ layout: NodeGroup[] }>("SELECT layout FROM cluster WHERE shard = $1 AND id = $2", [
    shard,
    clusterId,
  ]);
  const kinds = await tx.rows<{ hardware_type: string; image_type: string; services: string[]; count: number }>(
    `SELECT hardware_type, image_type, services, count(*)::int4 AS count FROM node
     WHERE shard = $1 AND cluster_id = $2 AND state <> 'DELETED' GROUP BY hardware_type, image_type, services ORDER BY min(number)`,
    [shard, clusterId],
  );
  const layout = reorderLayout(
    cluster!.layout,
    kinds.map((kind) => ({
      count: kind.count,
      hardwareType: kind.hardware_type,
      imageType: kind.image_type,
      services: kind.services,
    })),
  );
  await tx.query("UPDATE cluster SET layout = $3, node_count = $4, services = $5 WHERE shard = $1 AND id = $2", [
    shard,
    clusterId,
    JSON.stringify(layout),
    layout.reduce((sum, group) => sum + group.count, 0),
    [...new Set(layout.flatMap((group) => group.services))].sort(),
  ]);
}
