/** The node that a command is to run on, with what its provider needs to find the machine. */
import type { JsonObject } from "../../catalog/types.js";
import type { NodeState } from "../../clusters/states.js";
import type { ClusterSpec } from "../../records/types.js";
import type { Rows } from "../rows.js";

export interface SessionNode {
  readonly uid: string;
  readonly spec: Pick<ClusterSpec, "provider" | "hardwareTypes" | "imageTypes">;
  readonly incarnation: number;
  readonly state: NodeState;
  readonly hostname: string;
  readonly hardware_type: string;
  readonly image_type: string;
  readonly services: string[];
  readonly addresses: Record<string, string>;
  readonly results: JsonObject;
}

/** What a running job knows of the node comes before what the last finished one left. */
export async function readSessionNode(
  db: Rows,
  shard: number,
  cluster: bigint,
  number: number,
): Promise<SessionNode | undefined> {
  const [row] = await db.rows<SessionNode>(
    `SELECT c.uid, c.spec, n.incarnation, COALESCE(p.state, n.state) AS state, n.hostname, n.hardware_type, n.image_type, n.services,
       COALESCE(p.addresses, n.addresses) AS addresses, COALESCE(p.results, n.results) AS results
     FROM node n
     JOIN cluster c ON c.shard = n.shard AND c.id = n.cluster_id
     LEFT JOIN node_progress p ON p.shard = n.shard AND p.cluster_id = n.cluster_id AND p.number = n.number
     WHERE n.shard = $1 AND n.cluster_id = $2 AND n.number = $3`,
    [shard, cluster, number],
  );
  return row;
}
