/** Reading who of other machines was let in; writing it goes through the log. */
import { META_SHARD } from "../../common/ids.js";
import type { Rows } from "./rows.js";

export interface StoredProvisioner {
  readonly id: string;
  readonly tenant: string;
  readonly label: string;
  readonly creator: string;
  readonly createTime: Date;
  readonly tokenExpireTime: Date;
  readonly host: string;
  readonly datacenter: string;
  /** Hash of its public key; undefined before it joined. */
  readonly keyHash: Buffer | undefined;
  readonly joinTime: Date | undefined;
  readonly certificateExpireTime: Date | undefined;
  readonly revokeTime: Date | undefined;
  /** `<epoch>-<seq>` of the record that changed it last. */
  readonly etag: string;
}

interface Row {
  readonly id: string;
  readonly tenant: string;
  readonly label: string;
  readonly creator: string;
  readonly created_at: Date;
  readonly token_expires_at: Date;
  readonly host: string;
  readonly datacenter: string;
  readonly key_hash: Buffer | null;
  readonly joined_at: Date | null;
  readonly certificate_expires_at: Date | null;
  readonly revoked_at: Date | null;
  readonly epoch: bigint;
  readonly seq: bigint;
}

const COLUMNS =
  "id, tenant, label, creator, created_at, token_expires_at, host, datacenter, key_hash, joined_at, certificate_expires_at, revoked_at, epoch, seq";

function stored(row: Row): StoredProvisioner {
  return {
    id: row.id,
    tenant: row.tenant,
    label: row.label,
    creator: row.creator,
    createTime: row.created_at,
    tokenExpireTime: row.token_expires_at,
    host: row.host,
    datacenter: row.datacenter,
    keyHash: row.key_hash ?? undefined,
    joinTime: row.joined_at ?? undefined,
    certificateExpireTime: row.certificate_expires_at ?? undefined,
    revokeTime: row.revoked_at ?? undefined,
    etag: `${row.epoch}-${row.seq}`,
  };
}

/** The one that was invited with this token. */
export async function findByToken(rows: Rows, hash: Buffer): Promise<StoredProvisioner | undefined> {
  const [row] = await rows.rows<Row>(`SELECT ${COLUMNS} FROM provisioner WHERE shard = $1 AND token_hash = $2`, [
    META_SHARD,
    hash,
  ]);
  return row === undefined ? undefined : stored(row);
}

export async function findById(rows: Rows, id: string): Promise<StoredProvisioner | undefined> {
  const [row] = await rows.rows<Row>(`SELECT ${COLUMNS} FROM provisioner WHERE shard = $1 AND id = $2`, [
    META_SHARD,
    id,
  ]);
  return row === undefined ? undefined : stored(row);
}

/** Those of the ids that are let in no more, or never were. */
export async function findRevoked(rows: Rows, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const found = await rows.rows<{ id: string }>(
    "SELECT id FROM provisioner WHERE shard = $1 AND id = ANY($2) AND joined_at IS NOT NULL AND revoked_at IS NULL",
    [META_SHARD, ids],
  );
  const good = new Set(found.map(({ id }) => id));
  return new Set(ids.filter((id) => !good.has(id)));
}

/** Newest first. */
export async function listProvisioners(
  rows: Rows,
  filter: {
    readonly tenant: string;
    /** Created before this, or at it with a smaller id. */
    readonly after: { readonly time: Date; readonly id: string } | undefined;
    /** Leave out what was revoked, and invitations that ended before this. */
    readonly liveAt: Date | undefined;
    readonly limit: number;
  },
): Promise<StoredProvisioner[]> {
  const { tenant, after, liveAt, limit } = filter;
  const found = await rows.rows<Row>(
    `SELECT ${COLUMNS} FROM provisioner
     WHERE shard = $1 AND tenant = $2
       AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4))
       AND ($5::timestamptz IS NULL OR (revoked_at IS NULL AND (joined_at IS NOT NULL OR token_expires_at > $5)))
     ORDER BY created_at DESC, id DESC LIMIT $6`,
    [META_SHARD, tenant, after?.time ?? null, after?.id ?? "", liveAt ?? null, limit],
  );
  return found.map(stored);
}
