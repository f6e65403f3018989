/** What the database commits by itself: Debian's pgbench against a database beside Loom's, on the same server. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ask, databaseAddress, type BuiltLoom } from "./built-loom.js";

export interface PgbenchRow {
  readonly clients: number;
  /** Transactions a second: update, select, insert, each of them a statement (pgbench -N). */
  readonly commitsPerSecond: number;
}

/** The newest of Debian's, or the one on PATH. */
function program(): string {
  const versions = "/usr/lib/postgresql";
  const found = existsSync(versions) ? readdirSync(versions).toSorted((a, b) => Number(b) - Number(a)) : [];
  const path = found.map((version) => join(versions, version, "bin", "pgbench")).find((each) => existsSync(each));
  return path ?? "pgbench";
}

/**
 * Commits a second with 1 and 8 clients. Undefined where this machine has no pgbench.
 *
 * @param seconds of each
 */
export async function pgbench(loom: BuiltLoom, seconds: number): Promise<PgbenchRow[] | undefined> {
  const { host, port, user, password } = databaseAddress(loom.folder);
  const env = { ...process.env, PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password };
  const run = (...args: string[]): string => {
    const done = spawnSync(program(), [...args, "pgbench"], { env, encoding: "utf8" });
    if (done.status !== 0) throw new Error(`pgbench: ${done.error?.message ?? done.stderr}`);
    return done.stdout;
  };
  if (spawnSync(program(), ["--version"]).status !== 0) return undefined;
  await ask(loom, "CREATE DATABASE pgbench");
  try {
    run("-i", "-q", "-s", "10");
    return [1, 8].map((clients) => {
      const text = run("-N", "-M", "prepared", "-c", String(clients), "-j", "1", "-T", String(seconds));
      return { clients, commitsPerSecond: Math.round(Number(/tps = ([\d.]+)/.exec(text)![1])) };
    });
  } finally {
    await ask(loom, "DROP DATABASE pgbench");
  }
}
