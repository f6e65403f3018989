/** What PostgreSQL's programs say when they do not start, and what a person can do about it. */
import { statfsSync } from "node:fs";
import { LoomError } from "../../common/errors.js";
import { diskFull } from "../data-folder.js";

/** With less room than this PostgreSQL, which writes its log in files of 16 MB, does not get far. */
const NEEDED = 32 * 2 ** 20;

/** @param output what the program printed; where the disk is full, that may be any complaint or none */
export function startError(folder: string, output: string): LoomError {
  const cause = new Error(output.trim());
  const metadata = { folder };
  if (/No space left on device|Disk quota exceeded/.test(output) || isFull(folder)) return diskFull(folder, cause);
  if (/incompatible with server|initialized by PostgreSQL version/.test(output)) {
    return new LoomError(
      "FOLDER_UNUSABLE",
      `The database in ${folder} is of another version of PostgreSQL. Start the Loom that made it, or name another folder in LOOM_DATA.`,
      { metadata, cause },
    );
  }
  if (
    /Permission denied|Operation not permitted|has wrong ownership|has invalid permissions|Read-only file system/.test(
      output,
    )
  ) {
    return new LoomError(
      "FOLDER_UNUSABLE",
      `The database in ${folder} belongs to another user or cannot be written. Run Loom as the user who made it, or name another folder in LOOM_DATA.`,
      { metadata, cause },
    );
  }
  if (/pre-existing shared memory block|is another postmaster|already exists/.test(output)) {
    return new LoomError(
      "FOLDER_IN_USE",
      `Another process uses the database in ${folder}. Stop it, or name another folder in LOOM_DATA.`,
      { metadata, cause },
    );
  }
  if (/Cannot allocate memory|could not (create|map).*shared memory/.test(output)) {
    return new LoomError(
      "DATABASE_UNAVAILABLE",
      "There is too little memory for the database, which wants 300 MB. Free some and start Loom again.",
      { metadata, cause },
    );
  }
  if (/could not look up effective user/.test(output)) {
    return new LoomError(
      "FOLDER_UNUSABLE",
      "The user that runs the database has no name on this machine, which PostgreSQL asks for. Run Loom as a user with a line in /etc/passwd.",
      { metadata, cause },
    );
  }
  return new LoomError(
    "DATABASE_UNAVAILABLE",
    `The database in ${folder} does not start. Its last words are in ${folder}/log.`,
    { metadata, cause },
  );
}

function isFull(folder: string): boolean {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize < NEEDED;
}
