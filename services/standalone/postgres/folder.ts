/** The database's part of the data folder. */
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LoomError } from "../../common/errors.js";
import { canEnter, type DatabaseUser } from "./user.js";

export interface DatabaseFolder {
  readonly folder: string;
  /** PostgreSQL's data directory. */
  readonly data: string;
  readonly log: string;
  readonly password: string;
  readonly user: DatabaseUser;
}

/** Number in the name of the socket; there is one database in a folder, so it never has to differ. */
export const SOCKET_PORT = 5432;
/** Longest path of a unix socket, without the final zero (unix(7)). */
const LONGEST_SOCKET = 107;
const SOCKET_NAME = `.s.PGSQL.${SOCKET_PORT}`;

/**
 * Makes the folder, private to the database's user, and checks that this user gets there.
 *
 * @throws FOLDER_UNUSABLE
 */
export function openDatabaseFolder(folder: string, user: DatabaseUser): DatabaseFolder {
  const log = join(folder, "log");
  for (const each of [folder, log]) {
    mkdirSync(each, { recursive: true, mode: 0o700 });
    own(each, user);
    chmodSync(each, 0o700);
  }
  if (!canEnter(folder, user)) {
    throw new LoomError(
      "FOLDER_UNUSABLE",
      `The database runs as user id ${user?.uid ?? process.getuid!()}, which cannot reach ${folder}. Allow everybody to pass through the folders above it (chmod o+x), or name another folder in LOOM_DATA.`,
      { metadata: { folder } },
    );
  }
  return { folder, data: join(folder, "data"), log, password: readPassword(folder, user), user };
}

function own(path: string, user: DatabaseUser): void {
  if (user !== undefined) chownSync(path, user.uid, user.gid);
}

/** Written whole or not at all, and on the disk when this returns. */
export function writeWhole(path: string, text: string, user: DatabaseUser): void {
  const unfinished = `${path}.new`;
  try {
    const file = openSync(unfinished, "w", 0o600);
    try {
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    own(unfinished, user);
    renameSync(unfinished, path);
  } catch (thrown) {
    rmSync(unfinished, { force: true });
    throw thrown;
  }
  syncFolder(join(path, ".."));
}

/** Makes renames in a folder survive a loss of power. */
export function syncFolder(folder: string): void {
  const file = openSync(folder, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function readPassword(folder: string, user: DatabaseUser): string {
  const path = join(folder, "password");
  if (!existsSync(path)) {
    if (existsSync(join(folder, "data"))) {
      throw new LoomError(
        "FOLDER_UNUSABLE",
        `The file ${path} is missing, and without it Loom cannot open its database. Put it back from a backup.`,
        { metadata: { folder } },
      );
    }
    writeWhole(path, randomBytes(24).toString("base64url"), user);
  }
  return readFileSync(path, "utf8").trim();
}

/**
 * Folder for the unix socket: `run` in the database's folder, or, where that path is too long for a socket, a private
 * folder among the temporary files, remembered in the file `socket-folder`.
 */
export function socketFolder({ folder, user }: DatabaseFolder): string {
  const run = join(folder, "run");
  if (fits(run)) {
    mkdirSync(run, { recursive: true, mode: 0o700 });
    own(run, user);
    return run;
  }
  const memory = join(folder, "socket-folder");
  const remembered = existsSync(memory) ? readFileSync(memory, "utf8").trim() : "";
  if (remembered !== "" && isPrivate(remembered, user)) return remembered;
  const made = mkdtempSync(fits(join(tmpdir(), "loom-XXXXXX")) ? join(tmpdir(), "loom-") : "/tmp/loom-");
  own(made, user);
  writeWhole(memory, made, user);
  return made;
}

/** Removes the socket folder where it stands among the temporary files. */
export function removeSocketFolder(folder: string): void {
  const memory = join(folder, "socket-folder");
  if (!existsSync(memory)) return;
  const remembered = readFileSync(memory, "utf8").trim();
  if (/\/loom-[A-Za-z0-9]{6}$/.test(remembered)) rmSync(remembered, { recursive: true, force: true });
  rmSync(memory, { force: true });
}

/** Removes sockets and their lock files of a database that does not run any more. */
export function clearSockets(sockets: string): void {
  for (const name of readdirSync(sockets)) {
    if (name.startsWith(SOCKET_NAME)) rmSync(join(sockets, name), { force: true });
  }
}

function fits(folder: string): boolean {
  return Buffer.byteLength(join(folder, SOCKET_NAME)) <= LONGEST_SOCKET;
}

/** Anybody can make folders among the temporary files: one is only used where nobody else can write in it. */
function isPrivate(folder: string, user: DatabaseUser): boolean {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  return (
    found !== undefined &&
    found.isDirectory() &&
    found.uid === (user?.uid ?? process.getuid!()) &&
    (found.mode & 0o077) === 0
  );
}
