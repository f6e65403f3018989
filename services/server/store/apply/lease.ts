/** Applying what records say of leases and prices. */
import type { LeaseChanged, LogRecord, OpAccepted } from "../../records/types.js";
import type { Tx } from "../transaction.js";

/** After the row of the cluster is there. */
export async function applyAcceptedLease(tx: Tx, { shard, clusterId }: LogRecord, body: OpAccepted): Promise<void> {
  const { create, expired } = body;
  const { lease, prices = {} } = create ?? {};
  if (lease !== undefined || Object.keys(prices).length > 0) {
    await tx.query("UPDATE cluster SET expires_at = $3, lease_due = $4, prices = $5 WHERE shard = $1 AND id = $2", [
      shard,
      clusterId,
      lease?.expireTime ?? null,
      lease?.warnTime ?? null,
      JSON.stringify(prices),
    ]);
  }
  if (expired !== undefined) {
    await tx.query("UPDATE cluster SET expiry_tries = $3, lease_due = $4 WHERE shard = $1 AND id = $2", [
      shard,
      clusterId,
      expired.tries,
      expired.nextTry,
    ]);
  }
}

export async function applyLeaseChanged(tx: Tx, record: LogRecord, { lease }: LeaseChanged): Promise<void> {
  await tx.query(
    "UPDATE cluster SET expires_at = $3, lease_due = $4, expiry_tries = 0, epoch = $5, seq = $6 WHERE shard = $1 AND id = $2",
    [record.shard, record.clusterId, lease?.expireTime ?? null, lease?.warnTime ?? null, record.epoch, record.seq],
  );
}

/** No change that a person sees in the cluster, so its etag stays. */
export async function applyLeaseWarned(tx: Tx, { shard, clusterId }: LogRecord): Promise<void> {
  await tx.query("UPDATE cluster SET lease_due = expires_at WHERE shard = $1 AND id = $2", [shard, clusterId]);
}
