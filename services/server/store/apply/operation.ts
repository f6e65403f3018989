/** Applying the records of accepted and planned operations. */
import { checkClusterMove, type ClusterState } from "../../clusters/states.js";
import { numberNodes } from "../../layout/nodes.js";
import type { NodeGroup } from "../../layout/types.js";
import type { OperationKind } from "../../plan/types.js";
import type { LogRecord, NodeChanged, OpAccepted, OpPlanned, OperationChange } from "../../records/types.js";
import type { Tx } from "../transaction.js";
import { applyChange, countAgain, keepSecrets } from "./change.js";
import { applyAcceptedLease } from "./lease.js";

/** What a job's row keeps of its record. */
export interface JobRequest {
  readonly groups?: readonly NodeGroup[];
  readonly change?: OperationChange;
  /** State of the cluster when the job was accepted; null for one that was not there. */
  readonly before?: ClusterState | null;
}

function countNodes(groups: readonly NodeGroup[]): number {
  return groups.reduce((sum, group) => sum + group.count, 0);
}

export async function applyAccepted(tx: Tx, record: LogRecord, body: OpAccepted): Promise<void> {
  const { shard, clusterId, tenant, actor, at, epoch, seq } = record;
  const groups = body.groups ?? [];
  let before: ClusterState | null = null;
  if (body.create !== undefined) {
    const { create } = body;
    await tx.query(
      `INSERT INTO cluster (shard, id, uid, tenant, owner, display_name, description, state, template, template_version, provider,
         node_count, services, spec, config, layout, next_node, last_job, created_at, epoch, seq)
       VALUES ($1, $2, $3, $4, $5, $6, $7, 'PENDING', $8, $9, $10, $11, $12, $13, $14, $15, 1000, $16, $17, $18, $19)`,
      [
        shard,
        clusterId,
        create.uid,
        tenant,
        actor,
        create.displayName,
        create.description,
        create.spec.template.name,
        create.spec.template.version,
        create.spec.provider.name,
        countNodes(groups),
        create.services,
        JSON.stringify(create.spec),
        JSON.stringify(create.config),
        JSON.stringify(groups),
        body.job,
        at,
        epoch,
        seq,
      ],
      "create_cluster",
    );
    await keepSecrets(tx, record, create.secrets);
  } else {
    const [cluster] = await tx.rows<{ state: ClusterState }>("SELECT state FROM cluster WHERE shard = $1 AND id = $2", [
      shard,
      clusterId,
    ]);
    before = cluster!.state;
    checkClusterMove(before, "PENDING");
    await tx.query(
      "UPDATE cluster SET state = 'PENDING', last_job = $3, nodes_asked = $4, epoch = $5, seq = $6 WHERE shard = $1 AND id = $2",
      [shard, clusterId, body.job, countNodes(groups), epoch, seq],
    );
  }
  await applyAcceptedLease(tx, record, body);
  const request: JobRequest = { ...body.request, groups, change: body.change ?? {}, before };
  await tx.query(
    `INSERT INTO job (shard, cluster_id, number, tenant, kind, state, reason, message, request, actor, accepted_at, epoch, seq)
     VALUES ($1, $2, $3, $4, $5, 'QUEUED', '', '', $6, $7, $8, $9, $10)`,
    [shard, clusterId, body.job, tenant, body.operation, JSON.stringify(request), actor, at, epoch, seq],
    "create_job",
  );
}

export async function applyPlanned(tx: Tx, record: LogRecord, body: OpPlanned): Promise<void> {
  const { shard, clusterId, tenant, epoch, seq } = record;
  const { kind: _kind, job: _job, ...planned } = body;
  const [job] = await tx.rows<{ kind: OperationKind; request: JobRequest }>(
    `UPDATE job SET state = CASE WHEN state = 'QUEUED' THEN 'RUNNING' ELSE state END, planned = $4, epoch = $5, seq = $6
     WHERE shard = $1 AND cluster_id = $2 AND number = $3 RETURNING kind, request`,
    [shard, clusterId, body.job, JSON.stringify(planned), epoch, seq],
  );
  const [cluster] = await tx.rows<{ display_name: string; dns_suffix: string | null }>(
    `UPDATE cluster SET next_node = $3, nodes_asked = 0, epoch = $4, seq = $5 WHERE shard = $1 AND id = $2 RETURNING display_name, spec->>'dnsSuffix' AS dns_suffix`,
    [shard, clusterId, body.firstNode + countNodes(body.groups), epoch, seq],
  );
  const nodes = numberNodes(body.groups, {
    firstNumber: body.firstNode,
    displayName: cluster!.display_name,
    clusterId: String(clusterId),
    dnsSuffix: cluster!.dns_suffix ?? "",
  });
  // Lists of services go as JSON text: a text[][] parameter would have to be rectangular.
  for (let start = 0; start < nodes.length; start += 5000) {
    const part = nodes.slice(start, start + 5000);
    await tx.query(
      `INSERT INTO node (shard, cluster_id, number, tenant, incarnation, state, hostname, hardware_type, image_type, services, addresses, machine, results, message)
       SELECT $1, $2, n.number, $3, 1, 'PLANNED', n.hostname, n.hardware_type, n.image_type, string_to_array(n.services, ','), '{}', '', '{}', ''
       FROM unnest($4::int4[], $5::text[], $6::text[], $7::text[], $8::text[]) AS n (number, hostname, hardware_type, image_type, services)`,
      [
        shard,
        clusterId,
        tenant,
        part.map((node) => node.number),
        part.map((node) => node.hostname),
        part.map((node) => node.hardwareType),
        part.map((node) => node.imageType),
        part.map((node) => node.services.join(",")),
      ],
    );
  }
  const { kind, request } = job!;
  await applyChange(tx, record, kind, request.change ?? {});
  if (kind !== "CREATE") await countAgain(tx, record);
}

export async function applyNodeChanged(tx: Tx, record: LogRecord, body: NodeChanged): Promise<void> {
  const { shard, clusterId } = record;
  await tx.query(
    `UPDATE node SET incarnation = $4, state = 'CREATING', addresses = '{}', machine = '', results = '{}', message = '' WHERE shard = $1 AND cluster_id = $2 AND number = $3`,
    [shard, clusterId, body.node, body.incarnation],
  );
  await tx.query("DELETE FROM node_progress WHERE shard = $1 AND cluster_id = $2 AND number = $3", [
    shard,
    clusterId,
    body.node,
  ]);
}
