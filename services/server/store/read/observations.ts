/**
 * What was last observed of nodes. Rows are kept for what is not as it should be; a node without one was up at the last
 * look. A look that is older than the last record of the cluster's last job says nothing: then all is unknown.
 */
import type { NodeObservation } from "../../clusters/states.js";
import type { Rows } from "../rows.js";

/** What was observed of one node. */
export interface Observation {
  readonly observed: NodeObservation;
  /** Of an unknown one: since when nobody could tell; the epoch where nobody has looked yet. */
  readonly since: Date;
  /** A sentence where it is not up, with what to do; empty where it is. */
  readonly message: string;
}

/** Said of nodes that nobody has looked at since the last job began. */
const NOT_LOOKED = "Nobody has looked since the last job of the cluster.";

/** Joined to `c` (cluster) and `j` (its last job): the row counts only where it is not null. */
export const CURRENT_OBSERVATION = `LEFT JOIN cluster_observation o ON o.shard = c.shard AND o.cluster_id = c.id
  AND o.job = c.last_job AND o.job_seq = j.seq AND c.state <> 'PENDING'`;

/** By node number; nodes that are deleted are left out. */
export async function readObservations(db: Rows, shard: number, clusterId: bigint): Promise<Map<number, Observation>> {
  const rows = await db.rows<{ number: number; observed: NodeObservation; since: Date | null; message: string }>(
    `SELECT n.number,
       CASE WHEN o.is_known THEN COALESCE(x.observed, 'UP') ELSE 'UNKNOWN' END AS observed,
       CASE WHEN o.is_known THEN COALESCE(x.since, o.since) ELSE o.since END AS since,
       CASE WHEN o.is_known THEN COALESCE(x.message, '') ELSE COALESCE(o.message, $3) END AS message
     FROM cluster c
     JOIN job j ON j.shard = c.shard AND j.cluster_id = c.id AND j.number = c.last_job
     ${CURRENT_OBSERVATION}
     JOIN node n ON n.shard = c.shard AND n.cluster_id = c.id AND n.state IN ('UP', 'FAILED')
     LEFT JOIN node_observation x ON x.shard = n.shard AND x.cluster_id = n.cluster_id AND x.number = n.number AND x.incarnation = n.incarnation
     WHERE c.shard = $1 AND c.id = $2 ORDER BY n.number`,
    [shard, clusterId, NOT_LOOKED],
  );
  return new Map(
    rows.map(({ number, observed, since, message }) => [number, { observed, since: since ?? new Date(0), message }]),
  );
}
