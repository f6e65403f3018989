/** Reads the catalog files of a folder. The only part of reading a catalog that touches the disk. */
import type { Stats } from "node:fs";
import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { LoomError } from "./errors.js";

/** Files in one folder, at every depth. */
const MAX_FILES = 10_000;
/** Bytes of all files together; a catalog is far smaller, a wrong folder is far larger. */
const MAX_TOTAL_BYTES = 64 * 1024 * 1024;
const CATALOG_FILE = /\.(ya?ml|json)$/i;

/**
 * The files ending in .yaml, .yml or .json of a folder, at every depth, in code point order of their paths. Names that
 * begin with a dot and `node_modules` are left out; links are followed, each folder is read once.
 *
 * @param folder a folder, or a single file of any name
 * @returns paths as given plus what is below, with the text
 * @throws INVALID_CATALOG where it is not there, cannot be read, is too large or a file is not UTF-8
 */
export async function readFolder(folder: string): Promise<{ path: string; text: string }[]> {
  const state = { seen: new Set<string>(), paths: [] as string[] };
  const root = await inspect(folder);
  if (root.isDirectory()) await collect(folder, state);
  else state.paths.push(folder);
  const files: { path: string; text: string }[] = [];
  let total = 0;
  for (const path of state.paths.sort()) {
    total += (await inspect(path)).size;
    if (total > MAX_TOTAL_BYTES) {
      throw new LoomError(
        "INVALID_CATALOG",
        `The catalog files of "${folder}" are larger than ${MAX_TOTAL_BYTES / 1024 / 1024} MiB together. Is it the right folder?`,
      );
    }
    files.push({ path, text: await readText(path) });
  }
  return files;
}

async function collect(folder: string, state: { seen: Set<string>; paths: string[] }): Promise<void> {
  const real = await guarded(folder, () => realpath(folder));
  if (state.seen.has(real)) return;
  state.seen.add(real);
  for (const name of await guarded(folder, () => readdir(folder))) {
    if (name.startsWith(".") || name === "node_modules") continue;
    const path = join(folder, name);
    const what = await inspect(path);
    if (what.isDirectory()) await collect(path, state);
    else if (what.isFile() && CATALOG_FILE.test(name)) state.paths.push(path);
    if (state.paths.length > MAX_FILES) {
      throw new LoomError(
        "INVALID_CATALOG",
        `There are more than ${MAX_FILES} catalog files below "${folder}". Is it the right folder?`,
      );
    }
  }
}

function inspect(path: string): Promise<Stats> {
  return guarded(path, () => stat(path));
}

async function readText(path: string): Promise<string> {
  const bytes = await guarded(path, () => readFile(path));
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new LoomError("INVALID_CATALOG", `The file "${path}" is not UTF-8 text. Save it as UTF-8.`, { cause });
  }
}

async function guarded<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "";
    const why =
      code === "ENOENT"
        ? "does not exist"
        : code === "EACCES"
          ? "may not be read by this user"
          : `cannot be read (${code})`;
    throw new LoomError("INVALID_CATALOG", `"${path}" ${why}.`, { cause, metadata: { path } });
  }
}
