/**
 * The built Loom as people run it: a process of its own with everything in it, on a data folder, with its embedded
 * PostgreSQL. The benchmark is a client beside it, so what is measured of the process is Loom's alone.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { createLoomClient, type LoomClient } from "../../gateway/client.js";
import { BENCH_CATALOG } from "./catalog.js";

const MAIN = fileURLToPath(new URL("../../build/services/standalone/main.js", import.meta.url));

export interface BuiltLoom {
  readonly folder: string;
  readonly url: string;
  readonly token: string;
  readonly client: LoomClient;
  /** Of the process with everything in it but the database. */
  readonly pid: number;
  /** Of the first process of its database. */
  readonly databasePid: number;
  /** Milliseconds from the start of the process to its line "Loom is up". */
  readonly upMs: number;
  /** As Ctrl-C does; resolves when the process has ended. */
  stop(): Promise<void>;
}

export interface BuiltLoomOptions {
  /** A folder that is kept; without it one of its own, removed at the end. */
  readonly folder?: string;
  /** Flags of node. */
  readonly node?: readonly string[];
  /** Without the benchmarks' catalog. */
  readonly bare?: boolean;
}

export function makeFolder(): string {
  if (!existsSync(MAIN)) throw new Error("Loom is not built. Run the benchmarks with `make bench`.");
  return mkdtempSync(join(tmpdir(), "loom-bench-"));
}

export async function startBuiltLoom(options: BuiltLoomOptions = {}): Promise<BuiltLoom> {
  const folder = options.folder ?? makeFolder();
  const started = performance.now();
  const args = [MAIN, "--no-farm", "--no-context", "--data", folder, "--port", "0"];
  // With the settings everybody has, whatever this shell is set up for.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(LOOM|NODE)_/.test(name)));
  const child = spawn(process.execPath, [...(options.node ?? []), ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<number | null>((resolve) => void child.once("exit", (code) => resolve(code)));
  const remove = (): void => {
    if (options.folder === undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const [upMs, url] = await Promise.race([
      Promise.all([lineAt(child, "stderr", /Loom is up/, started), lineWith(child, /^api: (.*)$/)]),
      ended.then((code) => Promise.reject(new Error(`Loom ended with ${code} at its start`))),
    ]);
    const token = readFileSync(join(folder, "admin-token"), "utf8").trim();
    const client = createLoomClient({ url, token });
    if (options.bare !== true) {
      const files = [{ path: "bench.yaml", text: BENCH_CATALOG }];
      await client.catalog.applyDocuments({ files, requestId: crypto.randomUUID() });
    }
    const postmaster = readFileSync(join(folder, "postgres", "data", "postmaster.pid"), "utf8");
    return {
      folder,
      url,
      token,
      client,
      pid: child.pid!,
      databasePid: Number(postmaster.split("\n")[0]),
      upMs,
      async stop() {
        child.kill("SIGINT");
        const code = await ended;
        remove();
        if (code !== 0) throw new Error(`Loom ended with ${code}`);
      },
    };
  } catch (thrown) {
    child.kill("SIGTERM");
    await ended;
    remove();
    throw thrown;
  }
}

/** Milliseconds since `from` when a line that matches is printed. */
function lineAt(child: ChildProcess, stream: "stderr" | "stdout", pattern: RegExp, from: number): Promise<number> {
  return new Promise((resolve) => {
    createInterface({ input: child[stream]! }).on("line", (line) => {
      if (pattern.test(line)) resolve(performance.now() - from);
    });
  });
}

function lineWith(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve) => {
    createInterface({ input: child.stdout! }).on("line", (line) => {
      const found = pattern.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    });
  });
}

/** How to reach the database of a data folder, as libpq and the driver name it. */
export function databaseAddress(folder: string): { host: string; port: number; user: string; password: string } {
  const place = join(folder, "postgres");
  const postmaster = readFileSync(join(place, "data", "postmaster.pid"), "utf8").split("\n");
  const password = readFileSync(join(place, "password"), "utf8").trim();
  return { host: postmaster[4]!, port: Number(postmaster[3]), user: "loom", password };
}

/** One question to the database of a Loom, beside Loom. */
export async function ask<T extends pg.QueryResultRow>(loom: BuiltLoom, text: string): Promise<T[]> {
  const client = new pg.Client({ ...databaseAddress(loom.folder), database: "loom" });
  await client.connect();
  try {
    return (await client.query<T>(text)).rows;
  } finally {
    await client.end();
  }
}
