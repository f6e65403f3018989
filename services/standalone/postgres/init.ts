/** Making the database of a data folder. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { LoomError } from "../../common/errors.js";
import { startError } from "./errors.js";
import type { Binaries } from "./binaries.js";
import { syncFolder, type DatabaseFolder } from "./folder.js";

/** Name of the database's only user, its owner, and of the database. */
export const DATABASE_USER = "loom";
export const DATABASE_NAME = "loom";

/** Environment of PostgreSQL's programs: nothing of ours, least of all PGDATA and its like. */
export const ENVIRONMENT = { PATH: "/usr/bin:/bin", LC_ALL: "C" };

const UNFINISHED = "data.new-";

/**
 * Runs initdb where there is no database yet. It works under another name, and the folder is renamed when it is whole:
 * one that was interrupted is thrown away and begun again.
 *
 * @throws DISK_FULL, FOLDER_UNUSABLE (also for a database of another major version), DATABASE_UNAVAILABLE
 */
export async function initialize(binaries: Binaries, place: DatabaseFolder): Promise<void> {
  for (const name of readdirSync(place.folder)) {
    if (name.startsWith(UNFINISHED)) rmSync(join(place.folder, name), { recursive: true, force: true, maxRetries: 5 });
  }
  if (existsSync(place.data)) return checkVersion(binaries, place);
  const unfinished = join(place.folder, `${UNFINISHED}${randomBytes(4).toString("hex")}`);
  const { code, output } = await runInitdb(binaries, place, unfinished);
  if (code !== 0) {
    const error = startError(place.folder, output);
    rmSync(unfinished, { recursive: true, force: true, maxRetries: 5 });
    throw error;
  }
  renameSync(unfinished, place.data);
  syncFolder(place.folder);
}

function checkVersion(binaries: Binaries, { data, folder }: DatabaseFolder): void {
  let found: string;
  try {
    found = readFileSync(join(data, "PG_VERSION"), "utf8").trim();
  } catch (thrown) {
    throw new LoomError(
      "FOLDER_UNUSABLE",
      `The folder ${data} holds no PostgreSQL database. Move it away, or name another folder in LOOM_DATA.`,
      { metadata: { folder }, cause: thrown },
    );
  }
  if (found !== String(binaries.major)) {
    throw new LoomError(
      "FOLDER_UNUSABLE",
      `The database in ${data} is of PostgreSQL ${found}, and this Loom brings PostgreSQL ${binaries.major}. Start the Loom that made it, or move the folder away and start anew.`,
      { metadata: { folder, found, expected: String(binaries.major) } },
    );
  }
}

async function runInitdb(
  binaries: Binaries,
  place: DatabaseFolder,
  data: string,
): Promise<{ code: number | null; output: string }> {
  const options = [
    `--pgdata=${data}`,
    `--username=${DATABASE_USER}`,
    `--pwfile=${join(place.folder, "password")}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--data-checksums",
    "--no-instructions",
  ];
  const child = spawn(binaries.initdb, options, {
    ...place.user,
    cwd: place.folder,
    env: ENVIRONMENT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output }));
  });
}
