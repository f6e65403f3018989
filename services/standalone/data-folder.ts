/** Where Loom keeps its data, and what is wrong when it cannot. */
import { chmod, mkdir, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { LoomError } from "../common/errors.js";

/** $LOOM_DATA; else /var/lib/loom for root and ${XDG_DATA_HOME:-~/.local/share}/loom for everybody else. */
export function defaultDataFolder(env: NodeJS.ProcessEnv = process.env, uid = process.getuid!()): string {
  if (env["LOOM_DATA"]) return resolve(env["LOOM_DATA"]);
  if (uid === 0) return "/var/lib/loom";
  return resolve(env["XDG_DATA_HOME"] || join(homedir(), ".local", "share"), "loom");
}

/**
 * Makes the folder where it is missing. Of an ordinary user it is private; root's can be walked through, since the
 * database in it runs as another user, so whatever stands in it needs a mode of its own.
 *
 * @throws FOLDER_UNUSABLE, DISK_FULL
 */
export async function prepareDataFolder(folder: string, uid = process.getuid!()): Promise<void> {
  try {
    const isMade = await makeFolder(folder, uid === 0 ? 0o711 : 0o700);
    const found = await stat(folder);
    if (uid === 0 && found.uid === 0 && (found.mode & 0o111) !== 0o111)
      await chmod(folder, (found.mode & 0o777) | 0o111);
    else if (uid !== 0 && isMade) await chmod(folder, 0o700);
  } catch (thrown) {
    throw folderError(folder, thrown);
  }
}

/**
 * Makes the folder and those above it, and tells whether it was missing. Not `mkdir` with `recursive`: that never ends
 * where a file system says of a new entry that there is no such one, as /proc does.
 */
async function makeFolder(folder: string, mode: number): Promise<boolean> {
  try {
    await mkdir(folder, { mode });
    return true;
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === "EEXIST" && (await stat(folder)).isDirectory()) return false;
    if (code !== "ENOENT" || dirname(folder) === folder) throw thrown;
  }
  await makeFolder(dirname(folder), mode);
  await mkdir(folder, { mode });
  return true;
}

/** What a failed use of a file in the data folder means for a person. */
export function folderError(folder: string, thrown: unknown): LoomError {
  if (thrown instanceof LoomError) return thrown;
  const code = (thrown as NodeJS.ErrnoException | undefined)?.code ?? "";
  const metadata = { folder };
  if (code === "ENOSPC" || code === "EDQUOT") return diskFull(folder, thrown);
  if (code === "EROFS") {
    return new LoomError(
      "FOLDER_UNUSABLE",
      `The data folder ${folder} is on a file system mounted read-only. Make it writable, or name another folder in LOOM_DATA.`,
      { metadata, cause: thrown },
    );
  }
  if (code === "EACCES" || code === "EPERM") {
    return new LoomError(
      "FOLDER_UNUSABLE",
      `This user may not write in the data folder ${folder}. Run Loom as the user it belongs to, or name another folder in LOOM_DATA.`,
      { metadata, cause: thrown },
    );
  }
  if (code === "ENOTDIR" || code === "EEXIST") {
    return new LoomError(
      "FOLDER_UNUSABLE",
      `The data folder ${folder} cannot be made: a part of the path is a file. Name another folder in LOOM_DATA.`,
      { metadata, cause: thrown },
    );
  }
  return new LoomError(
    "FOLDER_UNUSABLE",
    `The data folder ${folder} cannot be used${code === "" ? "" : ` (${code})`}. Look at it, or name another folder in LOOM_DATA.`,
    { metadata, cause: thrown },
  );
}

/** The error of a full disk. */
export function diskFull(folder: string, cause: unknown): LoomError {
  return new LoomError(
    "DISK_FULL",
    `The disk of the data folder ${folder} is full. Make room on it and start Loom again; nothing acknowledged is lost.`,
    { metadata: { folder }, cause },
  );
}
