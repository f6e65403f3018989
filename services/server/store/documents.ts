/** Reading the catalog and access tokens, through Prisma; writing them goes through the log. */
import { META_SHARD } from "../../common/ids.js";
import type { CatalogDocument, DocumentKind, JsonObject } from "../catalog/types.js";
import type { Database } from "./database.js";

export interface StoredDocument {
  readonly document: CatalogDocument;
  readonly version: number;
  readonly shipped: boolean;
  readonly deleted: boolean;
  readonly createTime: Date;
  /** `<epoch>-<seq>` of the record that wrote this version. */
  readonly etag: string;
}

export interface DocumentStore {
  /** The newest version of every document of a tenant, deleted ones with the mark they left and their last body. */
  newest(tenant: string): Promise<StoredDocument[]>;
  version(tenant: string, kind: DocumentKind, name: string, version: number): Promise<StoredDocument | undefined>;
  /** Newest first; versions below `before`. */
  versions(
    tenant: string,
    kind: DocumentKind,
    name: string,
    before: number | undefined,
    limit: number,
  ): Promise<StoredDocument[]>;
}

interface Row {
  readonly kind: string;
  readonly name: string;
  readonly version: number;
  readonly body: unknown;
  readonly shipped: boolean;
  readonly deleted: boolean;
  readonly createdAt: Date;
  readonly epoch: bigint;
  readonly seq: bigint;
}

function stored(row: Row): StoredDocument {
  return {
    // What was written had the shape of its kind.
    document: { kind: row.kind, name: row.name, body: (row.body ?? {}) as JsonObject } as unknown as CatalogDocument,
    version: row.version,
    shipped: row.shipped,
    deleted: row.deleted,
    createTime: row.createdAt,
    etag: `${row.epoch}-${row.seq}`,
  };
}

export function createDocumentStore(database: Pick<Database, "prisma">): DocumentStore {
  const { document } = database.prisma;
  const byName = (tenant: string, kind: DocumentKind, name: string) => ({ shard: META_SHARD, tenant, kind, name });
  return {
    async newest(tenant) {
      const rows = await document.findMany({
        where: { shard: META_SHARD, tenant, newest: true },
        orderBy: [{ kind: "asc" }, { name: "asc" }],
      });
      return rows.map(stored);
    },
    async version(tenant, kind, name, version) {
      const row = await document.findFirst({ where: { ...byName(tenant, kind, name), version } });
      return row === null ? undefined : stored(row);
    },
    async versions(tenant, kind, name, before, limit) {
      const rows = await document.findMany({
        where: { ...byName(tenant, kind, name), ...(before === undefined ? {} : { version: { lt: before } }) },
        orderBy: { version: "desc" },
        take: limit,
      });
      return rows.map(stored);
    },
  };
}

export interface StoredToken {
  readonly id: string;
  readonly tenant: string;
  readonly user: string;
  readonly role: string;
}

/** The token with this hash, unless it was revoked. */
export async function findToken(database: Pick<Database, "prisma">, hash: Buffer): Promise<StoredToken | undefined> {
  const row = await database.prisma.accessToken.findFirst({ where: { hash: new Uint8Array(hash), revokedAt: null } });
  return row === null ? undefined : { id: row.id, tenant: row.tenant, user: row.userName, role: row.role };
}
