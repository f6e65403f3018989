/** Who runs PostgreSQL: it refuses to run as root, so root's runs as the system user `loom`. */
import { execFileSync, spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { LoomError } from "../../common/errors.js";

/** Undefined: whoever runs Loom. */
export type DatabaseUser = { readonly uid: number; readonly gid: number } | undefined;

const NAME = "loom";

/**
 * For root: whoever owns a database that is there already, or the data folder; else the system user `loom`, which is
 * made where it is missing.
 *
 * @param folders of the database, and around it
 * @throws FOLDER_UNUSABLE where the user cannot be made
 */
export function databaseUser(...folders: string[]): DatabaseUser {
  if (process.getuid!() !== 0) return undefined;
  for (const folder of folders) {
    const owner = statSync(folder, { throwIfNoEntry: false });
    if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  }
  return find() ?? make();
}

function find(): DatabaseUser {
  const ask = (option: string): number =>
    Number(execFileSync("id", [option, NAME], { stdio: ["ignore", "pipe", "ignore"], encoding: "utf8" }));
  try {
    return { uid: ask("-u"), gid: ask("-g") };
  } catch {
    return undefined;
  }
}

function make(): DatabaseUser {
  const made = spawnSync(
    "useradd",
    [
      "--system",
      "--user-group",
      "--no-create-home",
      "--home-dir",
      "/nonexistent",
      "--shell",
      "/usr/sbin/nologin",
      NAME,
    ],
    {
      env: { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` },
      encoding: "utf8",
    },
  );
  const user = find();
  if (user !== undefined) return user;
  throw new LoomError(
    "FOLDER_UNUSABLE",
    `PostgreSQL does not run as root, and the system user "${NAME}" for it could not be made. Make it with "useradd --system ${NAME}", or run Loom as an ordinary user.`,
    { cause: made.error ?? new Error(made.stderr) },
  );
}

/** True where this user can go into the folder, whatever its ancestors and access lists say. */
export function canEnter(folder: string, user: DatabaseUser): boolean {
  return (
    spawnSync("/bin/sh", ["-c", 'cd -- "$1" && test -x .', "sh", folder], { ...user, cwd: "/", stdio: "ignore" })
      .status === 0
  );
}
