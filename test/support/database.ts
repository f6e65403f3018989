/**
 * A real database for tests: one embedded PostgreSQL for the whole test process, started when the first suite wants
 * it, and a migrated database of its own for every suite.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { silentLogger } from "../../services/common/log.js";
import { openDatabase, type Connection, type Database } from "../../services/server/store/database.js";
import { migrate } from "../../services/server/store/migrate.js";
import { startPostgres, type RunningPostgres } from "../../services/standalone/postgres/start.js";

interface Server {
  readonly postgres: RunningPostgres;
  readonly folder: string;
  readonly guard: ChildProcess;
}

const TEMPLATE = "loom_template";
let server: Promise<Server> | undefined;

/** The one server of this process. It ends with the root suite, also after failures; a parallel run has one for each file. */
function serve(hook: Mocha.Context): Promise<Server> {
  if (server !== undefined) return server;
  let suite = hook.test!.parent!;
  while (suite.parent !== undefined) suite = suite.parent;
  suite.afterAll("stop the database", async function () {
    this.timeout(60_000);
    const running = server;
    server = undefined;
    const { postgres, folder, guard } = await running!;
    await postgres.stop();
    guard.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });
  return (server = start());
}

async function start(): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), "loom-test-"));
  const postgres = await startPostgres({ folder, log: silentLogger }).catch((thrown: unknown) => {
    rmSync(folder, { recursive: true, force: true });
    throw thrown;
  });
  const guard = watchOver(postgres.pid, folder);
  await administrate(postgres.connection, `CREATE DATABASE ${TEMPLATE}`);
  await migrate({ ...postgres.connection, database: TEMPLATE });
  return { postgres, folder, guard };
}

/** Cleans up where the test process is killed: it ends when the pipe from us breaks. */
function watchOver(pid: number, folder: string): ChildProcess {
  const script =
    'cat >/dev/null; kill -QUIT "$1"; while kill -0 "$1" && read state < "/proc/$1/stat" && case $state in *") Z "*) false;; esac; do sleep 0.1; done; rm -rf "$2"';
  const guard = spawn("/bin/sh", ["-c", script, "sh", String(pid), folder], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  guard.unref();
  (guard.stdin as unknown as { unref(): void }).unref();
  return guard;
}

async function administrate(connection: Connection, ...statements: string[]): Promise<void> {
  const client = new pg.Client({ ...connection, database: "postgres" });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

export interface TestDatabase {
  /** Open from the suite's `before` hooks to its `after` hooks. */
  readonly database: Database;
  /** For further connections of the suite's own. */
  readonly connection: Connection;
}

/**
 * Gives the suite around it a database of its own, migrated (or empty), and drops it afterwards. Call it first in a
 * `describe`; the fields are there from the suite's own `before` hooks on.
 */
export function useDatabase({ empty = false }: { readonly empty?: boolean } = {}): TestDatabase {
  let database: Database | undefined;
  let connection: Connection | undefined;

  before(async function () {
    this.timeout(120_000);
    const { postgres } = await serve(this);
    const name = `test_${randomBytes(6).toString("hex")}`;
    await administrate(postgres.connection, `CREATE DATABASE ${name}${empty ? "" : ` TEMPLATE ${TEMPLATE}`}`);
    connection = { ...postgres.connection, database: name };
    database = await openDatabase(connection);
  });

  after(async function () {
    this.timeout(60_000);
    if (connection === undefined) return;
    await database?.close();
    await administrate(connection, `DROP DATABASE IF EXISTS ${connection.database} WITH (FORCE)`);
  });

  return {
    get database() {
      if (database === undefined) throw new Error("the database is open inside hooks and tests only");
      return database;
    },
    get connection() {
      if (connection === undefined) throw new Error("the database is open inside hooks and tests only");
      return connection;
    },
  };
}
