/** Clusters and nodes as people see them. */
import { clusterName } from "../../../common/ids.js";
import type { ClusterTemplate, JsonObject, Link } from "../../catalog/types.js";
import type { ClusterState, NodeObservation, NodeState } from "../../clusters/states.js";
import { costOf, type Prices } from "../../cost/cost.js";
import type { NodeGroup } from "../../layout/types.js";
import type { ClusterObservation, ClusterView, NodeView } from "../../views.js";
import { range, type Rows } from "../rows.js";
import { JOB_COLUMNS, jobView, type JobRow } from "./jobs.js";
import { CURRENT_OBSERVATION } from "./observations.js";

export interface ClusterRow {
  readonly shard: number;
  readonly id: bigint;
  readonly uid: string;
  readonly tenant: string;
  readonly owner: string;
  readonly display_name: string;
  readonly description: string;
  readonly cluster_state: ClusterState;
  readonly template: string;
  readonly template_version: number;
  readonly provider: string;
  readonly node_count: number;
  readonly services: string[];
  readonly config: JsonObject;
  readonly layout: NodeGroup[];
  readonly created_at: Date;
  readonly expires_at: Date | null;
  readonly prices: Prices;
  readonly cluster_epoch: bigint;
  readonly cluster_seq: bigint;
  /** What was observed since the last job; null where nobody has looked. */
  readonly is_known: boolean | null;
  readonly down: number | null;
  readonly missing: number | null;
  readonly observed_message: string | null;
  readonly observed_version: bigint | null;
  /** Links of the template, macros as written; only where one cluster is read. */
  readonly template_links?: ClusterTemplate["links"] | null;
  /** Links of its services, in a row's arrays; only where one cluster is read. */
  readonly service_links?: readonly Link[] | null;
}

const CLUSTER_COLUMNS = `c.id, c.uid, c.tenant, c.owner, c.display_name, c.description, c.state AS cluster_state, c.template, c.template_version,
  c.provider, c.node_count, c.services, c.config, c.layout, c.created_at, c.expires_at, c.prices, c.epoch AS cluster_epoch, c.seq AS cluster_seq,
  o.is_known, o.down, o.missing, o.message AS observed_message, o.version AS observed_version`;
const WITH_JOB = `FROM cluster c
  LEFT JOIN job j ON j.shard = c.shard AND j.cluster_id = c.id AND j.number = c.last_job
  LEFT JOIN job_run r ON r.shard = c.shard AND r.cluster_id = c.id AND r.job = c.last_job
  ${CURRENT_OBSERVATION}`;

export type ClusterWithJob = ClusterRow & JobRow;

/** @param links with macros expanded, or as written where they cannot be yet */
export function clusterView(row: ClusterWithJob, config: JsonObject, links: ClusterView["links"]): ClusterView {
  return {
    name: clusterName(row.display_name, row.id),
    uid: row.uid,
    displayName: row.display_name,
    description: row.description,
    state: row.cluster_state,
    template: row.template,
    templateVersion: row.template_version,
    provider: row.provider,
    nodeCount: row.node_count,
    services: row.services,
    config,
    owner: row.owner,
    tenant: row.tenant,
    createTime: row.created_at,
    job: row.number === null ? undefined : jobView(row),
    links,
    etag: `${row.cluster_epoch}-${row.cluster_seq}`,
    layout: row.layout,
    // Of what is gone the lease is over and the costs are none.
    expireTime: row.cluster_state === "TERMINATED" ? undefined : (row.expires_at ?? undefined),
    cost: row.cluster_state === "TERMINATED" ? undefined : costOf(row.layout, row.prices),
    observed: observationOf(row),
    plan: undefined,
  };
}

function observationOf(row: ClusterRow): ClusterObservation | undefined {
  if (row.is_known === null || row.cluster_state === "TERMINATED") return undefined;
  return {
    down: row.down ?? 0,
    missing: row.missing ?? 0,
    isUnknown: !row.is_known,
    message: row.observed_message ?? "",
  };
}

export async function readCluster(db: Rows, shard: number, id: bigint): Promise<ClusterWithJob | undefined> {
  const [row] = await db.rows<ClusterWithJob & { services_spec: Record<string, { body: { links?: Link[] } }> }>(
    `SELECT ${CLUSTER_COLUMNS}, ${JOB_COLUMNS}, c.shard, c.spec #> '{template,body,links}' AS template_links, c.spec -> 'services' AS services_spec
     ${WITH_JOB} WHERE c.shard = $1 AND c.id = $2`,
    [shard, id],
    "read_cluster",
  );
  return row === undefined
    ? undefined
    : { ...row, service_links: Object.values(row.services_spec).flatMap((service) => service.body.links ?? []) };
}

export interface ClusterFilter {
  readonly tenant: string;
  /** Empty: all but TERMINATED. */
  readonly states: readonly ClusterState[];
  readonly displayName: string;
  readonly template: string;
  /** (created_at in ISO text, id) of the last cluster of the page before. */
  readonly before: readonly (string | number)[] | undefined;
  readonly limit: number;
}

/** Newest first. The clusters are found first, by index, and only those of the page are joined with their jobs. */
export async function readClusters(db: Rows, filter: ClusterFilter): Promise<ClusterWithJob[]> {
  return db.rows<ClusterWithJob>(
    `SELECT ${CLUSTER_COLUMNS}, ${JOB_COLUMNS}, c.shard
     FROM (SELECT * FROM cluster WHERE tenant = $1
             AND (CASE WHEN $2::text[] = '{}' THEN state <> 'TERMINATED' ELSE state = ANY($2) END)
             AND ($3 = '' OR display_name = $3) AND ($4 = '' OR template = $4)
             AND ($5::timestamptz IS NULL OR (created_at, id) < ($5, $6))
           ORDER BY created_at DESC, id DESC LIMIT $7) c
     LEFT JOIN job j ON j.shard = c.shard AND j.cluster_id = c.id AND j.number = c.last_job
     LEFT JOIN job_run r ON r.shard = c.shard AND r.cluster_id = c.id AND r.job = c.last_job
     ${CURRENT_OBSERVATION}
     ORDER BY c.created_at DESC, c.id DESC`,
    [
      filter.tenant,
      filter.states,
      filter.displayName,
      filter.template,
      filter.before?.[0] ?? null,
      filter.before?.[1] ?? null,
      filter.limit,
    ],
    "read_clusters",
  );
}

interface NodeRow {
  readonly number: number;
  readonly incarnation: number;
  readonly state: NodeState;
  readonly hostname: string;
  readonly addresses: Record<string, string>;
  readonly hardware_type: string;
  readonly image_type: string;
  readonly services: string[];
  readonly stopped: string[];
  readonly machine: string;
  readonly message: string;
  readonly observed: NodeObservation;
  readonly observed_since: Date | null;
  readonly observed_message: string | null;
}

export interface NodeFilter {
  readonly showDeleted: boolean;
  /** Nodes after this number. */
  readonly after?: number;
  readonly number?: number;
  /** Only nodes with one of these services; empty: all. */
  readonly services?: readonly string[];
  readonly limit: number;
}

/**
 * What a running job knows of a node comes before what the last finished one left. It is looked up node by node, by its
 * whole key: a plain join is planned on a part of the key while a job has only begun and the database has not counted
 * its rows yet, and then each node reads all the rows of the job.
 */
export async function readNodes(
  db: Rows,
  shard: number,
  cluster: bigint,
  clusterText: string,
  filter: NodeFilter,
): Promise<NodeView[]> {
  const rows = await db.rows<NodeRow>(
    `SELECT n.number, n.incarnation, COALESCE(p.state, n.state) AS state, n.hostname, COALESCE(p.addresses, n.addresses) AS addresses,
       n.hardware_type, n.image_type, n.services, n.stopped, COALESCE(p.machine, n.machine) AS machine, COALESCE(p.message, n.message) AS message,
       CASE WHEN o.is_known THEN COALESCE(x.observed, 'UP') ELSE 'UNKNOWN' END AS observed,
       CASE WHEN o.is_known THEN COALESCE(x.since, o.since) ELSE o.since END AS observed_since,
       CASE WHEN o.is_known THEN x.message ELSE o.message END AS observed_message
     FROM node n LEFT JOIN LATERAL (
       SELECT * FROM node_progress x WHERE x.shard = n.shard AND x.cluster_id = n.cluster_id AND x.number = n.number LIMIT 1) p ON TRUE
     LEFT JOIN (
       SELECT o.* FROM cluster c JOIN job j ON j.shard = c.shard AND j.cluster_id = c.id AND j.number = c.last_job ${CURRENT_OBSERVATION}
       WHERE c.shard = $1 AND c.id = $2) o ON n.state IN ('UP', 'FAILED')
     LEFT JOIN node_observation x ON x.shard = n.shard AND x.cluster_id = n.cluster_id AND x.number = n.number AND x.incarnation = n.incarnation
     WHERE n.shard = $1 AND n.cluster_id = $2 AND n.number > $4 AND n.number <= $5
       AND ($3 OR COALESCE(p.state, n.state) <> 'DELETED') AND ($6::text[] = '{}' OR n.services && $6)
     ORDER BY n.number LIMIT $7`,
    [shard, cluster, filter.showDeleted, ...range(filter), filter.services ?? [], filter.limit],
  );
  return rows.map((row) => ({
    cluster: clusterText,
    number: row.number,
    incarnation: row.incarnation,
    state: row.state,
    observed: row.observed,
    observedSince: row.observed_since ?? undefined,
    observedMessage: row.observed_message ?? "",
    hostname: row.hostname,
    addresses: row.addresses,
    hardwareType: row.hardware_type,
    imageType: row.image_type,
    services: row.services,
    stoppedServices: row.stopped,
    machine: row.machine,
    message: row.message,
  }));
}
