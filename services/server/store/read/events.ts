/** The event feed: the log of every shard a tenant has anything in, in words. */
import { clusterName } from "../../../common/ids.js";
import { decodeBody } from "../../records/codec.js";
import { eventOf } from "../../records/events.js";
import type { EventView } from "../../views.js";
import type { Rows } from "../rows.js";

interface RecordRow {
  readonly shard: number;
  readonly seq: bigint;
  readonly epoch: bigint;
  readonly format: number;
  readonly cluster_id: bigint | null;
  readonly display_name: string | null;
  readonly tenant: string;
  readonly actor: string;
  readonly at: Date;
  readonly payload: Buffer;
}

const COLUMNS = "l.shard, l.seq, l.epoch, l.format, l.cluster_id, c.display_name, l.tenant, l.actor, l.at, l.payload";
const JOIN = "FROM log_record l LEFT JOIN cluster c ON c.shard = l.shard AND c.id = l.cluster_id";
/** Kinds that have words (records/events.ts). */
const SHOWN = "l.kind NOT IN ('EpochStart', 'IdBlock')";

function viewOf(row: RecordRow): EventView {
  const cluster =
    row.cluster_id === null || row.display_name === null ? "" : clusterName(row.display_name, row.cluster_id);
  const record = {
    shard: row.shard,
    epoch: row.epoch,
    seq: row.seq,
    tenant: row.tenant,
    clusterId: row.cluster_id ?? undefined,
    actor: row.actor,
    at: row.at,
    body: decodeBody(row.payload, row.format),
  };
  return eventOf(record, cluster)!;
}

export interface EventScope {
  readonly tenant: string;
  /** Only this cluster. */
  readonly cluster?: { readonly shard: number; readonly id: bigint } | undefined;
}

/**
 * The place of observed events beside the shards' logs: they have numbers of their own, since they are no records.
 * No shard is called so.
 */
export const OBSERVED = -2;

interface ObservedRow {
  readonly number: bigint;
  readonly cluster_id: bigint | null;
  readonly display_name: string | null;
  readonly at: Date;
  readonly severity: EventView["severity"];
  readonly reason: string;
  readonly message: string;
}

const OBSERVED_COLUMNS = `e.number, e.cluster_id, c.display_name, e.at, e.severity, e.reason, e.message
  FROM observed_event e LEFT JOIN cluster c ON c.shard = e.shard AND c.id = e.cluster_id`;

function observedViewOf(row: ObservedRow): EventView {
  return {
    id: `observed-${row.number}`,
    time: row.at,
    severity: row.severity,
    reason: row.reason,
    message: row.message,
    cluster: row.cluster_id === null || row.display_name === null ? "" : clusterName(row.display_name, row.cluster_id),
    job: 0,
    actor: "",
  };
}

interface KeyedEvent {
  readonly view: EventView;
  readonly key: (string | number)[];
}

/**
 * Newest first: records and observed events in one order. `before` is (time in ISO text, shard, seq in text) of the last
 * event of the page before.
 */
export async function readEvents(
  db: Rows,
  scope: EventScope,
  before: readonly (string | number)[] | undefined,
  limit: number,
): Promise<KeyedEvent[]> {
  const records = await readRecords(db, scope, before, limit);
  const rows = await db.rows<ObservedRow>(
    `SELECT ${OBSERVED_COLUMNS}
     WHERE e.tenant = $1 AND ($2::int4 IS NULL OR (e.shard = $2 AND e.cluster_id = $3))
       AND ($4::timestamptz IS NULL OR (e.at, $5::int4, e.number) < ($4, $6, $7))
     ORDER BY e.at DESC, e.number DESC LIMIT $8`,
    [
      scope.tenant,
      scope.cluster?.shard ?? null,
      scope.cluster?.id ?? null,
      before?.[0] ?? null,
      OBSERVED,
      before?.[1] ?? null,
      before?.[2] ?? null,
      limit,
    ],
  );
  const observed = rows.map((row): KeyedEvent => ({
    view: observedViewOf(row),
    key: [row.at.toISOString(), OBSERVED, String(row.number)],
  }));
  // Each list is in its order already; of equal times the shard decides, as it does where a page begins.
  const merged: KeyedEvent[] = [];
  for (let r = 0, o = 0; merged.length < limit && (r < records.length || o < observed.length);) {
    const record = records[r];
    const other = observed[o];
    if (other === undefined || (record !== undefined && record.view.time >= other.view.time)) {
      merged.push(record!);
      r += 1;
    } else {
      merged.push(other);
      o += 1;
    }
  }
  return merged;
}

async function readRecords(
  db: Rows,
  scope: EventScope,
  before: readonly (string | number)[] | undefined,
  limit: number,
): Promise<KeyedEvent[]> {
  const rows = await db.rows<RecordRow>(
    `SELECT ${COLUMNS} ${JOIN}
     WHERE l.tenant = $1 AND ${SHOWN} AND ($2::int4 IS NULL OR (l.shard = $2 AND l.cluster_id = $3))
       AND ($4::timestamptz IS NULL OR (l.at, l.shard, l.seq) < ($4, $5, $6))
     ORDER BY l.at DESC, l.shard DESC, l.seq DESC LIMIT $7`,
    [
      scope.tenant,
      scope.cluster?.shard ?? null,
      scope.cluster?.id ?? null,
      before?.[0] ?? null,
      before?.[1] ?? null,
      before?.[2] ?? null,
      limit,
    ],
  );
  return rows.map((row) => ({ view: viewOf(row), key: [row.at.toISOString(), row.shard, String(row.seq)] }));
}

/** The number of the newest observed event. */
export async function readObservedHead(db: Rows): Promise<bigint> {
  const [row] = await db.rows<{ next: bigint }>("SELECT next FROM observed_head", []);
  return (row?.next ?? 1n) - 1n;
}

/** Where each shard's log stands now. */
export async function readHeads(db: Rows): Promise<Map<number, bigint>> {
  const rows = await db.rows<{ shard: number; next_seq: bigint }>("SELECT shard, next_seq FROM shard_head", []);
  return new Map(rows.map((row) => [row.shard, row.next_seq - 1n]));
}

/** Observed events after a number, oldest first, each with its own. */
export async function readObservedAfter(
  db: Rows,
  scope: EventScope,
  after: bigint,
  limit: number,
): Promise<{ seq: bigint; view: EventView }[]> {
  const rows = await db.rows<ObservedRow>(
    `SELECT ${OBSERVED_COLUMNS}
     WHERE e.number > $1 AND e.tenant = $2 AND ($3::int8 IS NULL OR (e.cluster_id = $3 AND e.shard = $4))
     ORDER BY e.number LIMIT $5`,
    [after, scope.tenant, scope.cluster?.id ?? null, scope.cluster?.shard ?? null, limit],
  );
  return rows.map((row) => ({ seq: row.number, view: observedViewOf(row) }));
}

/** Events of one shard after a sequence number, oldest first, each with its own. */
export async function readEventsAfter(
  db: Rows,
  scope: EventScope,
  shard: number,
  after: bigint,
  limit: number,
): Promise<{ seq: bigint; view: EventView }[]> {
  const rows = await db.rows<RecordRow>(
    `SELECT ${COLUMNS} ${JOIN}
     WHERE l.shard = $1 AND l.seq > $2 AND l.tenant = $3 AND ${SHOWN} AND ($4::int8 IS NULL OR l.cluster_id = $4)
     ORDER BY l.seq LIMIT $5`,
    [shard, after, scope.tenant, scope.cluster?.id ?? null, limit],
  );
  return rows.map((row) => ({ seq: row.seq, view: viewOf(row) }));
}
