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

/** Newest first; `before` is (time in ISO text, shard, seq in text) of the last event of the page before. */
export async function readEvents(
  db: Rows,
  scope: EventScope,
  before: readonly (string | number)[] | undefined,
  limit: number,
): Promise<{ view: EventView; key: (string | number)[] }[]> {
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

/** Where each shard's log stands now. */
export async function readHeads(db: Rows): Promise<Map<number, bigint>> {
  const rows = await db.rows<{ shard: number; next_seq: bigint }>("SELECT shard, next_seq FROM shard_head", []);
  return new Map(rows.map((row) => [row.shard, row.next_seq - 1n]));
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
