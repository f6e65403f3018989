/** Events of what was observed: a local list beside the log, whose records are for what was changed. */
import type { ObservedEvent } from "../watch-over/words.js";
import type { Tx } from "./transaction.js";

/** How long they are kept, in days. */
const KEPT_DAYS = 90;

/** The row of observed_head; not of a shard, since numbers are given over all of them. */
const HEAD = -1;

/** Numbers become visible in their order, since whoever adds holds the head until its end. */
export async function addObservedEvents(
  tx: Tx,
  shard: number,
  at: Date,
  events: readonly ObservedEvent[],
): Promise<void> {
  if (events.length === 0) return;
  const [head] = await tx.rows<{ next: bigint }>(
    `INSERT INTO observed_head (shard, next) VALUES ($1, 1 + $2::int8)
     ON CONFLICT (shard) DO UPDATE SET next = observed_head.next + $2::int8 RETURNING next - $2::int8 AS next`,
    [HEAD, events.length],
  );
  await tx.query(
    `INSERT INTO observed_event (shard, number, tenant, cluster_id, at, severity, reason, message)
     SELECT $1, $2::int8 + g.place - 1, g.tenant, g.cluster_id, $3, g.severity, g.reason, g.message
     FROM unnest($4::text[], $5::int8[], $6::text[], $7::text[], $8::text[]) WITH ORDINALITY
       AS g (tenant, cluster_id, severity, reason, message, place)`,
    [
      shard,
      head!.next,
      at,
      events.map(({ tenant }) => tenant),
      events.map(({ clusterId }) => clusterId ?? null),
      events.map(({ severity }) => severity),
      events.map(({ reason }) => reason),
      events.map(({ message }) => message),
    ],
  );
}

/** Removes those that are too old; numbers are never given again. */
export async function pruneObservedEvents(tx: Tx, now: Date): Promise<void> {
  await tx.query("DELETE FROM observed_event WHERE at < $1", [new Date(now.getTime() - KEPT_DAYS * 86_400_000)]);
}
