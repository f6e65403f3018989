/** `--config key=value` and `--config @file`: configuration as people give it on a command line. */
import { readFileSync } from "node:fs";
import type { Json, JsonObject } from "../services/server/catalog/types.js";
import { badInput } from "./exit.js";

interface Tree {
  [key: string]: Json | Tree;
}

function isObject(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Objects merge key by key, other values replace. */
function mergeInto(target: Tree, source: JsonObject): void {
  for (const [key, value] of Object.entries(source)) {
    const present = target[key];
    if (isObject(present) && isObject(value)) mergeInto(present, value as JsonObject);
    else if (isObject(value)) mergeInto((target[key] = Object.create(null) as Tree), value as JsonObject);
    else target[key] = value;
  }
}

/**
 * A number, true, false, null, list or object where the text is one in JSON; else the text itself. So is a number that
 * would not come back as it was typed, such as 1.10 or one of twenty digits: it may be a version or a password.
 */
function valueOf(text: string): Json {
  if (!/^(-?\d|true$|false$|null$|[[{"])/.test(text)) return text;
  try {
    const value = JSON.parse(text) as Json;
    return typeof value === "number" && String(value) !== text ? text : value;
  } catch {
    return text;
  }
}

/** The object that holds the last step of a path; made where it is not there. */
function parentOf(tree: Tree, path: readonly string[]): Tree {
  let at = tree;
  for (const key of path.slice(0, -1)) {
    const next = at[key];
    at = isObject(next) ? next : (at[key] = Object.create(null) as Tree);
  }
  return at;
}

function setAt(tree: Tree, flag: string, name: string): void {
  const equals = flag.indexOf("=");
  const path = flag.slice(0, Math.max(0, equals)).split(".");
  if (equals <= 0 || path.includes(""))
    throw badInput(
      `${name} ${flag} is no key=value${name === "--config" ? " and no @file" : ""}.`,
      `For example: ${name} web.port=8080${name === "--config" ? ", or --config @web.yaml" : ""}.`,
    );
  mergeInto(parentOf(tree, path), { [path.at(-1)!]: valueOf(flag.slice(equals + 1)) });
}

async function readFile(path: string): Promise<JsonObject> {
  const { parse } = await import("yaml");
  let value: unknown;
  try {
    value = parse(readFileSync(path, "utf8"));
  } catch (thrown) {
    throw badInput(
      `The configuration file ${path} cannot be used: ${thrown instanceof Error ? thrown.message.split("\n")[0] : String(thrown)}`,
    );
  }
  if (!isObject(value)) throw badInput(`The configuration file ${path} does not hold keys and values.`);
  return value as JsonObject;
}

/**
 * The configuration that the flags make together; later ones win. Keys are paths: `web.port=8080` is
 * `{"web": {"port": 8080}}`. Files are YAML or JSON.
 *
 * @throws CliError where a flag or a file is not valid
 */
export async function parseConfig(flags: readonly string[]): Promise<JsonObject> {
  const config: Tree = Object.create(null) as Tree;
  for (const flag of flags) {
    if (flag.startsWith("@")) mergeInto(config, await readFile(flag.slice(1)));
    else setAt(config, flag, "--config");
  }
  return plain(config);
}

/** Plain objects again: what is sent must look like JSON. */
function plain(config: Tree): JsonObject {
  return JSON.parse(JSON.stringify(config)) as JsonObject;
}

/**
 * What is to change in a configuration, to be merged over it: files first, then values that are set, then those that go,
 * which are null.
 *
 * @throws CliError where a flag or a file is not valid
 */
export async function parseConfigChanges(flags: {
  readonly set: readonly string[];
  readonly unset: readonly string[];
  readonly file: readonly string[];
}): Promise<JsonObject> {
  const config: Tree = Object.create(null) as Tree;
  for (const path of flags.file) mergeInto(config, await readFile(path));
  for (const flag of flags.set) setAt(config, flag, "--set");
  for (const text of flags.unset) {
    const path = text.split(".");
    if (path.includes("")) throw badInput(`--unset ${text} names no value.`, "For example: --unset web.title.");
    parentOf(config, path)[path.at(-1)!] = null;
  }
  return plain(config);
}
