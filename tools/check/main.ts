/** `make check-texts`: reads every file of the project and says what texts.ts finds. Long files are only warned of. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname } from "node:path";
import { filesBelow } from "../files.js";
import {
  deadLinks,
  machinePaths,
  outsidePages,
  registryHosts,
  tooLong,
  unknownPages,
  untypedTodos,
  type Finding,
} from "./texts.js";

/** Folders that mean the same on many machines, so naming them gives nothing away. */
const COMMON = new Set(["/", "/home", "/root", "/tmp", "/srv", "/opt", "/src", "/usr/src", "/app"]);
/** The rules themselves and their tests hold what they look for. */
const EXEMPT = /^tools\/check\/texts(\.test)?\.ts$/;

const folders = [process.cwd(), dirname(process.cwd()), homedir()].filter((folder) => !COMMON.has(folder));
const read = (path: string): string | undefined => {
  if (!existsSync(path)) return undefined;
  return statSync(path).isDirectory() ? "" : readFileSync(path, "utf8");
};

const errors: Finding[] = [];
const warnings: Finding[] = [];
const files = filesBelow(".");
const names = new Set(files.map((file) => basename(file)));
for (const file of files.filter((path) => !EXEMPT.test(path))) {
  const bytes = readFileSync(file);
  if (bytes.includes(0)) continue;
  const text = bytes.toString("utf8");
  errors.push(
    ...registryHosts(file, text),
    ...machinePaths(file, text, folders),
    ...outsidePages(file, text),
    ...untypedTodos(file, text),
  );
  if (file.endsWith(".md")) errors.push(...deadLinks(file, text, read));
  else if (!file.endsWith(".test.ts")) errors.push(...unknownPages(file, text, names));
  if (/\.(ts|tsx|sh|py)$/.test(file)) warnings.push(...tooLong(file, text));
}
for (const { file, line, message } of warnings) console.log(`${file}:${line}: warning: ${message}`);
for (const { file, line, message } of errors) console.error(`${file}:${line}: ${message}`);
process.exitCode = errors.length > 0 ? 1 : 0;
