/** From the name of a cluster in a request to its row, or to the same "not found" for what is not there and not yours. */
import { LoomError } from "../../common/errors.js";
import { clusterIdOf, clusterName, shardOf, type IdSpace } from "../../common/ids.js";
import type { Caller } from "../application.js";
import { readCluster, type ClusterWithJob } from "../store/read/clusters.js";
import { readJob, type JobRow } from "../store/read/jobs.js";
import type { Rows } from "../store/rows.js";

/** Where a cluster is. */
export interface Place {
  readonly shard: number;
  readonly id: bigint;
}

export function clusterNotFound(name: string): LoomError {
  return new LoomError(
    "CLUSTER_NOT_FOUND",
    `There is no cluster "${name}". "loom list" shows yours; its state TERMINATED must be asked for.`,
    { metadata: { cluster: name } },
  );
}

/** @throws CLUSTER_NOT_FOUND where the text is no cluster's name */
export function placeOf(name: string, space: IdSpace): Place {
  const id = clusterIdOf(name);
  if (id === undefined) throw clusterNotFound(name);
  return { id, shard: shardOf(id, space) };
}

/** @throws CLUSTER_NOT_FOUND */
export async function findCluster(db: Rows, caller: Caller, name: string, space: IdSpace): Promise<ClusterWithJob> {
  const { shard, id } = placeOf(name, space);
  const row = await readCluster(db, shard, id);
  if (row === undefined || row.tenant !== caller.tenant || clusterName(row.display_name, row.id) !== name)
    throw clusterNotFound(name);
  return row;
}

/** @throws CLUSTER_NOT_FOUND, JOB_NOT_FOUND */
export async function findJob(
  db: Rows,
  caller: Caller,
  name: string,
  job: number,
  space: IdSpace,
): Promise<{ cluster: ClusterWithJob; job: JobRow }> {
  const cluster = await findCluster(db, caller, name, space);
  const row = await readJob(db, cluster.shard, cluster.id, job);
  if (row === undefined) {
    throw new LoomError("JOB_NOT_FOUND", `Cluster "${name}" has no job ${job}. "loom jobs ${name}" lists its jobs.`, {
      metadata: { cluster: name, job: String(job) },
    });
  }
  return { cluster, job: row };
}
