/**
 * The connection to the database: one pool, used by Prisma for ordinary reads and by raw SQL (transaction.ts) for
 * everything that writes or is hot. The code is written for CockroachDB's SQL and runs the same on PostgreSQL.
 */
import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";
import { PrismaClient } from "../../../gen/prisma/client.js";
import { LoomError } from "../../common/errors.js";
import { mapSqlError } from "./sql-errors.js";

/** Where the database is. */
export interface Connection {
  /** Folder of the unix socket, or a host name. */
  readonly host: string;
  readonly port?: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export interface DatabaseOptions {
  /** Most connections held at once. */
  readonly connections?: number;
  /** Shown by the database in its list of sessions. */
  readonly applicationName?: string;
  /** Told of idle connections that broke; the pool replaces them. */
  readonly onConnectionLost?: (error: Error) => void;
}

export interface Database {
  readonly pool: pg.Pool;
  readonly prisma: PrismaClient;
  readonly dialect: "postgresql" | "cockroachdb";
  /** Waits for what is running, then closes every connection. */
  close(): Promise<void>;
}

/** Limits of every session, in milliseconds. */
export const SESSION_LIMITS = {
  /** A process that stops in the middle of a transaction holds its locks no longer than this. */
  idleInTransaction: 2_000,
  lock: 1_000,
  statement: 30_000,
  /** Beyond `statement`: the database itself does not answer any more. */
  answer: 35_000,
  connect: 5_000,
} as const;

const INT8 = 20;
const INT8_ARRAY = 1016;
const parseArray = pg.types.getTypeParser(INT8_ARRAY as never, "text") as (text: string) => (string | null)[];

/** As the driver does it, but int8 is a bigint. Arrays of numbers beyond 2^53 keep their digits for the same reason. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: "text" | "binary") => {
    if (format !== "binary" && oid === INT8) return BigInt;
    if (format !== "binary" && oid === INT8_ARRAY)
      return (text: string) => parseArray(text).map((item) => (item === null ? null : BigInt(item)));
    return pg.types.getTypeParser(oid, format as "text");
  },
};

/** The settings of a connection with Loom's limits and types; also for connections outside the pool. */
export function clientConfig(connection: Connection, applicationName = "loom"): pg.ClientConfig {
  return {
    ...connection,
    application_name: applicationName,
    idle_in_transaction_session_timeout: SESSION_LIMITS.idleInTransaction,
    lock_timeout: SESSION_LIMITS.lock,
    statement_timeout: SESSION_LIMITS.statement,
    query_timeout: SESSION_LIMITS.answer,
    connectionTimeoutMillis: SESSION_LIMITS.connect,
    keepAlive: true,
    types,
  };
}

/**
 * Connects and asks the database what it is.
 *
 * @throws DATABASE_UNAVAILABLE
 */
export async function openDatabase(connection: Connection, options: DatabaseOptions = {}): Promise<Database> {
  const pool = new pg.Pool({
    ...clientConfig(connection, options.applicationName),
    max: options.connections ?? 20,
    idleTimeoutMillis: 30_000,
  });
  pool.on("error", (error) => options.onConnectionLost?.(error));
  let dialect: Database["dialect"];
  try {
    const { rows } = await pool.query<{ version: string }>("SELECT version() AS version");
    dialect = rows[0]!.version.startsWith("CockroachDB") ? "cockroachdb" : "postgresql";
  } catch (thrown) {
    await pool.end();
    throw mapSqlError(thrown);
  }
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
  let closing: Promise<void> | undefined;
  return {
    pool,
    prisma,
    dialect,
    close: () => (closing ??= prisma.$disconnect().then(() => pool.end())),
  };
}

/**
 * Refuses a database that may forget what it has acknowledged: Loom's promises rest on it.
 *
 * @throws UNSAFE_DATABASE
 */
export async function assertSafeDatabase(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ name: string; setting: string }>(
    "SELECT name, setting FROM pg_catalog.pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes')",
  );
  const unsafe = rows.find(({ name, setting }) =>
    name === "synchronous_commit" ? setting !== "on" && setting !== "remote_apply" : setting !== "on",
  );
  if (unsafe !== undefined) {
    throw new LoomError(
      "UNSAFE_DATABASE",
      `The database runs with ${unsafe.name} = ${unsafe.setting} and may lose what it has acknowledged. Set ${unsafe.name} = on and start Loom again.`,
      { metadata: { setting: unsafe.name, value: unsafe.setting } },
    );
  }
}
