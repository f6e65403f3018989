/** Reads the documents of a folder. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import type { CatalogFile } from "../services/server/catalog/parse.js";
import { MAX_FILE_BYTES } from "../services/server/catalog/limits.js";
import { badInput } from "./exit.js";

const DOCUMENT_FILE = /\.(?:ya?ml|json)$/i;
/** Largest folder read: a mistyped path such as / must not be read to the end. */
const MOST_FILES = 10_000;

/**
 * The YAML and JSON files below a folder, or the one file given, in path order. Paths are as the person would type
 * them. Hidden files and folders, and node_modules, are left out.
 *
 * @throws CliError where the folder cannot be read or holds no such file
 */
export function readCatalogFolder(folder: string): CatalogFile[] {
  const paths: string[] = [];
  const visit = (path: string, isRoot: boolean): void => {
    if (statSync(path).isDirectory()) {
      for (const name of readdirSync(path).sort()) {
        if (!name.startsWith(".") && name !== "node_modules") visit(join(path, name), false);
      }
    } else if (isRoot || DOCUMENT_FILE.test(path)) paths.push(path);
    if (paths.length > MOST_FILES) throw badInput(`${folder} holds more than ${MOST_FILES} files of documents.`, "Name the folder of the catalog itself.");
  };
  try {
    visit(folder, true);
    if (paths.length === 0) throw badInput(`${folder} holds no YAML or JSON file.`, "Documents stand in files ending in .yaml, .yml or .json.");
    return paths.map((path) => {
      if (statSync(path).size > MAX_FILE_BYTES) throw badInput(`${path} is larger than ${MAX_FILE_BYTES / 1024 / 1024} MiB.`, "Split it into several files.");
      return { path: relative("", path) || path, text: readFileSync(path, "utf8") };
    });
  } catch (thrown) {
    const { code, path } = thrown as NodeJS.ErrnoException;
    if (code === undefined) throw thrown;
    throw badInput(`${path ?? folder} cannot be read (${code === "ENOENT" ? "there is no such file or folder" : code}).`);
  }
}
