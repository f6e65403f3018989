/**
 * Runs the SQL files of db/migrations that have not run yet, in order of their names. Each file is one statement that
 * can run twice, so the runner can be killed at any moment and run again. Who migrates holds a lease in a row: neither
 * advisory locks nor transactions around changes of the schema, which CockroachDB does not have as PostgreSQL does.
 */
import { createHash, randomUUID } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { LoomError } from "../../common/errors.js";
import { clientConfig, type Connection } from "./database.js";
import { isConflict, mapSqlError } from "./sql-errors.js";

/** One file. */
export interface Migration {
  /** For example 020-cluster/up01.sql. */
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

export interface MigrateOptions {
  readonly migrations?: readonly Migration[];
  /** Called before each statement that runs, with its place among those that have to. */
  readonly onProgress?: (progress: { readonly name: string; readonly number: number; readonly total: number }) => void;
  /** How long a holder may be silent before another takes over, in milliseconds. */
  readonly leaseMs?: number;
  /** For tests that stop the runner at every point. */
  readonly beforeStatement?: (what: string) => void | Promise<void>;
}

/** Statements before these have run cannot be recorded; they make the tables the runner itself needs. */
const FIRST = "001-migration/";
/** Changes of large tables take their time. In milliseconds. */
const LONGEST_STATEMENT = 3_600_000;
/** Codes of two runners that make the same thing at once: duplicate key in the system's tables, table, object. */
const MADE_BY_ANOTHER = new Set(["23505", "42P07", "42710"]);

/** The folder db/migrations of this program, which lies beside its sources and beside what is built from them. */
export function migrationsFolder(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const candidate = join(folder, "db", "migrations");
    if (existsSync(candidate)) return candidate;
    if (folder === dirname(folder)) throw new Error("db/migrations is missing from this installation");
  }
}

/** Reads NNN-name/up*.sql in the order in which they run. */
export function readMigrations(folder = migrationsFolder()): Migration[] {
  const migrations: Migration[] = [];
  for (const directory of readdirSync(folder)
    .filter((name) => /^\d{3}-[a-z0-9-]+$/.test(name))
    .sort()) {
    for (const file of readdirSync(join(folder, directory))
      .filter((name) => /^up\d*\.sql$/.test(name))
      .sort()) {
      const sql = readFileSync(join(folder, directory, file), "utf8");
      migrations.push({ name: `${directory}/${file}`, sql, checksum: createHash("sha256").update(sql).digest("hex") });
    }
  }
  return migrations;
}

/**
 * Brings the database to the newest schema. Returns the names of what ran.
 *
 * @throws SCHEMA_MISMATCH where a migration that ran has changed since, or the database is newer than this program;
 *   DATABASE_UNAVAILABLE, DISK_FULL
 */
export async function migrate(connection: Connection, options: MigrateOptions = {}): Promise<string[]> {
  const migrations = options.migrations ?? readMigrations();
  const client = new pg.Client({
    ...clientConfig(connection, "loom migrate"),
    statement_timeout: LONGEST_STATEMENT,
    query_timeout: LONGEST_STATEMENT,
    lock_timeout: 10_000,
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return await run(client, connection, migrations, options);
  } catch (thrown) {
    throw mapSqlError(thrown);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function run(
  client: pg.Client,
  connection: Connection,
  migrations: readonly Migration[],
  options: MigrateOptions,
): Promise<string[]> {
  const { beforeStatement, onProgress, leaseMs = 5_000 } = options;
  for (const migration of migrations.filter(({ name }) => name.startsWith(FIRST))) {
    await beforeStatement?.(`bootstrap ${migration.name}`);
    await execute(client, migration.sql);
  }
  if (missing(migrations, await applied(client)).length === 0) return [];
  const lease = await takeLease(client, connection, leaseMs, beforeStatement);
  try {
    // Another one may have done it while we waited.
    const todo = missing(migrations, await applied(client));
    for (const [index, migration] of todo.entries()) {
      onProgress?.({ name: migration.name, number: index + 1, total: todo.length });
      await lease.check();
      await beforeStatement?.(`run ${migration.name}`);
      await execute(client, migration.sql);
      await beforeStatement?.(`record ${migration.name}`);
      await client.query(
        "INSERT INTO schema_migration (name, checksum, applied_at) VALUES ($1, $2, now()) ON CONFLICT DO NOTHING",
        [migration.name, migration.checksum],
      );
    }
    return todo.map(({ name }) => name);
  } finally {
    await lease.release();
  }
}

/** Runs one statement; the extended protocol refuses a text that holds more than one. */
async function execute(client: pg.Client, sql: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await client.query({ text: sql, values: [], queryMode: "extended" } as pg.QueryConfig);
      return;
    } catch (thrown) {
      const repeat = isConflict(thrown) || MADE_BY_ANOTHER.has((thrown as { code?: string }).code ?? "");
      if (!repeat || tries === 10) throw thrown;
      await sleep(20 * tries);
    }
  }
}

async function applied(client: pg.Client): Promise<Map<string, string>> {
  const { rows } = await client.query<{ name: string; checksum: string }>(
    "SELECT name, checksum FROM schema_migration",
  );
  return new Map(rows.map(({ name, checksum }) => [name, checksum]));
}

/** Migrations that have not run, in order. */
function missing(migrations: readonly Migration[], done: ReadonlyMap<string, string>): Migration[] {
  const known = new Set(migrations.map(({ name }) => name));
  const unknown = [...done.keys()].filter((name) => !known.has(name)).sort();
  if (unknown.length > 0) {
    throw new LoomError(
      "SCHEMA_MISMATCH",
      `The database was made by a newer Loom (${unknown[0]} is unknown to this one). Start that version, or one after it.`,
      { metadata: { migration: unknown[0]! } },
    );
  }
  const changed = migrations.find(({ name, checksum }) => done.has(name) && done.get(name) !== checksum);
  if (changed !== undefined) {
    throw new LoomError(
      "SCHEMA_MISMATCH",
      `The migration ${changed.name} is not the one that ran on this database. Migrations never change once they are published: put it back and add a new one.`,
      { metadata: { migration: changed.name } },
    );
  }
  return migrations.filter(({ name }) => !done.has(name));
}

interface Lease {
  /** Throws where another one has taken over. */
  check(): Promise<void>;
  release(): Promise<void>;
}

async function takeLease(
  client: pg.Client,
  connection: Connection,
  leaseMs: number,
  beforeStatement: MigrateOptions["beforeStatement"],
): Promise<Lease> {
  const holder = randomUUID();
  for (;;) {
    await beforeStatement?.("take lease");
    const { rowCount } = await client.query(
      `INSERT INTO migration_lease (id, holder, until) VALUES (1, $1, now() + $2 * interval '1 millisecond')
       ON CONFLICT (id) DO UPDATE SET holder = excluded.holder, until = excluded.until WHERE migration_lease.until < now()`,
      [holder, leaseMs],
    );
    if (rowCount === 1) break;
    await sleep(Math.min(100, leaseMs / 5));
  }
  // On a connection of its own: a long change of the schema keeps the other one busy.
  const keeper = new pg.Client(clientConfig(connection, "loom migrate"));
  keeper.on("error", () => undefined);
  await keeper.connect();
  const renew = async (): Promise<boolean> => {
    const { rowCount } = await keeper.query(
      "UPDATE migration_lease SET until = now() + $2 * interval '1 millisecond' WHERE id = 1 AND holder = $1",
      [holder, leaseMs],
    );
    return rowCount === 1;
  };
  const timer = setInterval(() => void renew().catch(() => undefined), leaseMs / 4);
  return {
    check: async () => {
      if (!(await renew()))
        throw new LoomError(
          "DATABASE_UNAVAILABLE",
          "Another Loom migrates the database now, since this one was silent for too long. Start Loom again.",
        );
    },
    release: async () => {
      clearInterval(timer);
      await keeper.query("DELETE FROM migration_lease WHERE id = 1 AND holder = $1", [holder]).catch(() => undefined);
      await keeper.end().catch(() => undefined);
    },
  };
}
