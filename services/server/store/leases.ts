/** What is due because of leases. */
import type { ClusterState } from "../clusters/states.js";
import type { Rows } from "./rows.js";

/** A cluster whose lease ends soon or has ended. */
export interface DueLease {
  readonly shard: number;
  readonly id: bigint;
  readonly tenant: string;
  readonly owner: string;
  readonly displayName: string;
  readonly state: ClusterState;
  readonly lastJob: number;
  readonly expireTime: Date;
  /** How often its end was tried. */
  readonly tries: number;
}

interface Row {
  readonly shard: number;
  readonly id: bigint;
  readonly tenant: string;
  readonly owner: string;
  readonly display_name: string;
  readonly state: ClusterState;
  readonly last_job: number;
  readonly expires_at: Date;
  readonly expiry_tries: number;
}

/** A lease that has ended waits for the job at work; a warning does not. */
const DUE = `SELECT shard, id, tenant, owner, display_name, state, last_job, expires_at, expiry_tries FROM cluster
  WHERE lease_due IS NOT NULL AND state <> 'TERMINATED' AND lease_due <= $1 AND (state <> 'PENDING' OR expires_at > $1)`;

const view = (row: Row): DueLease => ({
  shard: row.shard,
  id: row.id,
  tenant: row.tenant,
  owner: row.owner,
  displayName: row.display_name,
  state: row.state,
  lastJob: row.last_job,
  expireTime: row.expires_at,
  tries: row.expiry_tries,
});

/** Those of some shards, the longest due first. */
export async function readDueLeases(
  db: Rows,
  shards: readonly number[],
  now: Date,
  limit: number,
): Promise<DueLease[]> {
  const rows = await db.rows<Row>(`${DUE} AND shard = ANY($2) ORDER BY lease_due, id LIMIT $3`, [now, shards, limit]);
  return rows.map(view);
}

/** One of them, where something is due. */
export async function readDueLease(db: Rows, shard: number, id: bigint, now: Date): Promise<DueLease | undefined> {
  const [row] = await db.rows<Row>(`${DUE} AND shard = $2 AND id = $3`, [now, shard, id]);
  return row === undefined ? undefined : view(row);
}

/** What of a cluster decides how its lease may be changed. */
export interface LeaseRow {
  readonly expireTime: Date | undefined;
  /** As the template it was made from says it. */
  readonly terms: { readonly initial?: string; readonly max?: string; readonly step?: string };
}

export async function readLease(db: Rows, shard: number, id: bigint): Promise<LeaseRow | undefined> {
  const [row] = await db.rows<{ expires_at: Date | null; terms: LeaseRow["terms"] | null }>(
    "SELECT expires_at, spec #> '{template,body,lease}' AS terms FROM cluster WHERE shard = $1 AND id = $2",
    [shard, id],
  );
  return row === undefined ? undefined : { expireTime: row.expires_at ?? undefined, terms: row.terms ?? {} };
}
