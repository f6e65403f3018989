/**
 * The embedded PostgreSQL: made at the first start, adopted where it outlived the Loom that started it, stopped with
 * Loom. It runs in a session of its own, so Ctrl-C at the terminal reaches Loom alone, which then stops it in order.
 */
import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, realpathSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
// oxlint-disable-next-line no-restricted-imports -- asks whether the process it starts answers, and no more
import pg from "pg";
import { LoomError } from "../../common/errors.js";
import type { Logger } from "../../common/log.js";
import { folderError, prepareDataFolder } from "../data-folder.js";
import { packagedBinaries, usableBinaries, type Binaries } from "./binaries.js";
import { startError } from "./errors.js";
import {
  clearSockets,
  openDatabaseFolder,
  removeSocketFolder,
  SOCKET_PORT,
  socketFolder,
  writeWhole,
  type DatabaseFolder,
} from "./folder.js";
import { DATABASE_NAME, DATABASE_USER, ENVIRONMENT, initialize } from "./init.js";
import { findPostmaster, STOP_DEADLINES, stopPostmaster, type StopDeadlines } from "./postmaster.js";
import { isRunning } from "./process.js";
import { postgresSettings } from "./settings.js";
import { databaseUser } from "./user.js";

export interface PostgresOptions {
  /** Loom's data folder; the database gets the folder `postgres` in it. */
  readonly folder: string;
  readonly log: Logger;
  /** Crash recovery may take a while on a slow disk. In milliseconds. */
  readonly startTimeout?: number;
  readonly stopDeadlines?: StopDeadlines;
  /** Folder with bin, lib and share of PostgreSQL; the npm package's unless told otherwise. */
  readonly native?: string;
}

export interface RunningPostgres {
  readonly connection: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly password: string;
    readonly database: string;
  };
  readonly pid: number;
  /** True where it ran already. */
  readonly adopted: boolean;
  /** Resolves when the process is gone, whoever ended it. */
  readonly ended: Promise<void>;
  /** Ends it and everything it started. Nothing of it runs when this resolves. */
  stop(): Promise<void>;
}

/**
 * Starts or adopts the database of a data folder. The caller holds the folder's lock (lock.ts).
 *
 * @throws FOLDER_UNUSABLE, FOLDER_IN_USE, DISK_FULL, DATABASE_UNAVAILABLE
 */
export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  await prepareDataFolder(options.folder);
  try {
    // The process is recognized by this path later, so it has one spelling.
    const around = realpathSync(options.folder);
    const folder = join(around, "postgres");
    const user = databaseUser(folder, around);
    const place = openDatabaseFolder(folder, user);
    const binaries = usableBinaries(options.native ?? packagedBinaries(), folder, user);
    await initialize(binaries, place);
    return await adoptOrStart(binaries, place, options);
  } catch (thrown) {
    throw folderError(options.folder, thrown);
  }
}

/** How long children of a postmaster that was killed may take to notice, in milliseconds. */
const OTHERS_TO_END = 15_000;

async function adoptOrStart(
  binaries: Binaries,
  place: DatabaseFolder,
  options: PostgresOptions,
): Promise<RunningPostgres> {
  const begun = performance.now();
  const deadline = begun + (options.startTimeout ?? 120_000);
  const deadlines = options.stopDeadlines ?? STOP_DEADLINES;
  for (;;) {
    const found = findPostmaster(place.data);
    if (found !== undefined) {
      const sockets = await whenReady(place, found.pid, Math.min(deadline, performance.now() + 30_000));
      if (sockets !== undefined && (await isHealthy(place, sockets, binaries.version))) {
        options.log.info({ pid: found.pid }, "adopted the database of an earlier run");
        return finish(place, sockets, found.pid, true, deadlines);
      }
      options.log.warn({ pid: found.pid }, "stopping the database of an earlier run");
      await stopPostmaster(found.pid, deadlines);
      continue;
    }
    const sockets = socketFolder(place);
    // Their process is gone; PostgreSQL itself would take any process that got its id for the old one.
    rmSync(join(place.data, "postmaster.pid"), { force: true });
    clearSockets(sockets);
    writeWhole(join(place.data, "postgresql.conf"), postgresSettings(sockets, place.log), place.user);
    const { pid, output } = launch(binaries, place);
    if (pid !== undefined && (await whenReady(place, pid, deadline)) !== undefined) {
      options.log.info({ pid, version: binaries.version }, "database started");
      return finish(place, sockets, pid, false, deadlines);
    }
    const late = pid !== undefined && isRunning(pid);
    if (pid !== undefined) await stopPostmaster(pid, deadlines);
    if (late)
      throw new LoomError(
        "DATABASE_UNAVAILABLE",
        `The database in ${place.folder} is not ready after ${Math.round((options.startTimeout ?? 120_000) / 1000)} s. Start Loom again when the machine is less busy; its log is in ${place.log}.`,
        { metadata: { folder: place.folder } },
      );
    const error = startError(place.folder, output());
    // Children of a postmaster that was killed still end, or another one has just begun.
    if (error.reason !== "FOLDER_IN_USE" || performance.now() > begun + OTHERS_TO_END) throw error;
    await sleep(200);
  }
}

/** Starts the process with its output in a file: a pipe to us would break when we are gone. */
function launch(binaries: Binaries, place: DatabaseFolder): { pid: number | undefined; output: () => string } {
  const path = join(place.log, "start.log");
  rmSync(path, { force: true });
  const file = openSync(path, "a", 0o600);
  let failure = "";
  // Once it has read its settings it logs to the file of the day, behind what earlier runs have left there.
  const day = new Intl.DateTimeFormat("en", { weekday: "short", timeZone: "UTC" }).format(new Date());
  const daily = join(place.log, `postgresql-${day}.log`);
  const before = statSync(daily, { throwIfNoEntry: false })?.size ?? 0;
  const logged = (): string => (existsSync(daily) ? readFileSync(daily).subarray(before).toString("utf8") : "");
  const child = spawn(binaries.postgres, ["-D", place.data], {
    ...place.user,
    cwd: place.folder,
    env: ENVIRONMENT,
    detached: true,
    stdio: ["ignore", file, file],
  });
  child.once("error", (error) => (failure = error.message));
  child.unref();
  closeSync(file);
  return { pid: child.pid, output: () => `${readFileSync(path, "utf8")}${failure}${logged()}` };
}

/** Waits until the postmaster takes connections and returns the folder of its socket; undefined where it does not. */
async function whenReady(place: DatabaseFolder, pid: number, deadline: number): Promise<string | undefined> {
  while (isRunning(pid) && performance.now() < deadline) {
    const found = findPostmaster(place.data);
    if (found?.pid === pid && found.status === "ready") return found.sockets;
    await sleep(10);
  }
  return undefined;
}

async function withClient<T>(
  place: DatabaseFolder,
  host: string,
  database: string,
  use: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    host,
    port: SOCKET_PORT,
    user: DATABASE_USER,
    password: place.password,
    database,
    connectionTimeoutMillis: 5000,
    query_timeout: 10_000,
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return await use(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** True where it answers with our password, from our data directory, in the version we bring. */
async function isHealthy(place: DatabaseFolder, sockets: string, version: string): Promise<boolean> {
  try {
    return await withClient(place, sockets, "postgres", async (client) => {
      const { rows } = await client.query<{ data: string; version: string }>(
        "SELECT current_setting('data_directory') AS data, current_setting('server_version') AS version",
      );
      return rows[0]?.data === place.data && rows[0].version.startsWith(version);
    });
  } catch {
    return false;
  }
}

async function finish(
  place: DatabaseFolder,
  sockets: string,
  pid: number,
  adopted: boolean,
  deadlines: StopDeadlines,
): Promise<RunningPostgres> {
  try {
    await withClient(place, sockets, "postgres", async (client) => {
      const { rowCount } = await client.query("SELECT 1 FROM pg_database WHERE datname = $1", [DATABASE_NAME]);
      if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE_NAME}`);
    });
  } catch (thrown) {
    await stopPostmaster(pid, deadlines);
    throw startError(place.folder, thrown instanceof Error ? thrown.message : String(thrown));
  }
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await stopPostmaster(pid, deadlines);
    removeSocketFolder(place.folder);
  };
  return {
    connection: {
      host: sockets,
      port: SOCKET_PORT,
      user: DATABASE_USER,
      password: place.password,
      database: DATABASE_NAME,
    },
    pid,
    adopted,
    ended: watch(pid),
    stop: () => (stopping ??= stop()),
  };
}

/** Looks once a second, without keeping Loom alive: an adopted process is no child that would be waited for. */
function watch(pid: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (isRunning(pid)) return;
      clearInterval(timer);
      resolve();
    }, 1000);
    timer.unref();
  });
}
