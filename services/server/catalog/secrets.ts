/**
 * Secrets in configuration. A document says `{generate: password}`; what is stored of a cluster says
 * `{"$secret": path}`; only what a worker gets holds the text.
 */
import { LoomError } from "../../common/errors.js";
import { formatPath } from "./paths.js";
import type { Path } from "./paths.js";
import type { Json, JsonObject } from "./types.js";

/** What is shown in place of a secret. */
export const MASK = "********";

/** A use of the reserved keys that means nothing. */
export interface BadGenerated {
  readonly path: Path;
  readonly message: string;
  readonly suggestion: string;
}

/** Every use of the reserved keys `generate` and `$secret` that is not exactly `{generate: password}`. */
export function badGenerated(config: JsonObject, base: Path = []): BadGenerated[] {
  const found: BadGenerated[] = [];
  walk(config, base, (value, path) => {
    if (Object.hasOwn(value, "$secret")) {
      found.push({
        path: [...path, "$secret"],
        message: 'The key "$secret" is Loom\'s own.',
        suggestion: "Write {generate: password} to have a secret made.",
      });
      return;
    }
    if (!Object.hasOwn(value, "generate")) return;
    if (path.length === base.length) {
      found.push({
        path: [...path, "generate"],
        message: "The whole configuration cannot be generated.",
        suggestion: "Give {generate: password} as the value of a key.",
      });
    } else if (value["generate"] !== "password") {
      const message = `Loom can generate a password, not ${JSON.stringify(value["generate"])}.`;
      found.push({ path: [...path, "generate"], message, suggestion: "Write {generate: password}." });
    } else if (Object.keys(value).length > 1) {
      found.push({
        path: [...path, "generate"],
        message: '"generate" stands with other keys, but nothing else can.',
        suggestion: "Write {generate: password} as the whole value.",
      });
    }
  });
  return found;
}

/** True for `{generate: password}`. */
export function isGenerated(value: Json): boolean {
  return isPlainObject(value) && value["generate"] === "password" && Object.keys(value).length === 1;
}

/** The path a stored secret is kept under, or undefined where the value is none. */
export function secretPath(value: Json): string | undefined {
  if (!isPlainObject(value) || Object.keys(value).length !== 1) return undefined;
  const path = value["$secret"];
  return typeof path === "string" ? path : undefined;
}

/** Paths of everything to generate, as text, in the order of the configuration. */
export function findGenerated(config: JsonObject): string[] {
  const found: string[] = [];
  walk(config, [], (value, path) => {
    if (isGenerated(value)) found.push(formatPath(path));
  });
  return found;
}

/** Paths of everything stored as a secret, as text, in the order of the configuration, each once. */
export function findSecrets(config: JsonObject): string[] {
  const found = new Set<string>();
  walk(config, [], (value) => {
    const path = secretPath(value);
    if (path !== undefined) found.add(path);
  });
  return [...found];
}

/** The configuration as it is stored: `{"$secret": path}` for everything to generate. */
export function withSecretReferences(config: JsonObject): JsonObject {
  return replace(config, (value, path) => (isGenerated(value) ? { $secret: formatPath(path) } : undefined));
}

/**
 * The configuration as a worker gets it.
 *
 * @param secrets texts by path
 * @throws INTERNAL where a secret is not there: an action must not run with an empty password
 */
export function revealSecrets(config: JsonObject, secrets: ReadonlyMap<string, string>): JsonObject {
  return replace(config, (value) => {
    const path = secretPath(value);
    if (path === undefined) return undefined;
    const text = secrets.get(path);
    if (text === undefined)
      throw new LoomError("INTERNAL", `The secret "${path}" of the cluster's configuration is not in the store.`);
    return text;
  });
}

/**
 * A text in the place of a secret is a secret too.
 *
 * @param secretAt names of secrets by the paths where they stand, as text
 * @returns the configuration with references in place of such texts, and the texts by name
 */
export function hideTexts(
  config: JsonObject,
  secretAt: ReadonlyMap<string, string>,
): { readonly config: JsonObject; readonly texts: ReadonlyMap<string, string> } {
  const texts = new Map<string, string>();
  const hidden = replaceTexts(config, (text, path) => {
    const name = secretAt.get(formatPath(path));
    if (name === undefined) return text;
    texts.set(name, text);
    return { $secret: name };
  });
  return { config: hidden, texts };
}

/** What was asked for as people see it, without the texts that are secrets. */
export function maskAsked(asked: JsonObject, secretAt: ReadonlyMap<string, string>): JsonObject {
  return maskSecrets(replaceTexts(asked, (text, path) => (secretAt.has(formatPath(path)) ? MASK : text)));
}

/** References by the paths where they stand, as text: what `hideTexts` wants to know of a stored configuration. */
export function secretsByPlace(config: JsonObject): Map<string, string> {
  const found = new Map<string, string>();
  walk(config, [], (value, path) => {
    const name = secretPath(value);
    if (name !== undefined) found.set(formatPath(path), name);
  });
  return found;
}

/** The configuration as people see it: a mask for every secret, made or still to make. */
export function maskSecrets(config: JsonObject): JsonObject {
  return replace(config, (value) => (secretPath(value) !== undefined || isGenerated(value) ? MASK : undefined));
}

function isPlainObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Calls for every object, the outermost first. */
function walk(value: Json, path: Path, visit: (value: JsonObject, path: Path) => void): void {
  if (Array.isArray(value)) {
    for (const [index, item] of (value as readonly Json[]).entries()) walk(item, [...path, index], visit);
  } else if (isPlainObject(value)) {
    visit(value, path);
    for (const [key, item] of Object.entries(value)) walk(item, [...path, key], visit);
  }
}

/** Replaces texts; references are left as they are. */
function replaceTexts(config: JsonObject, change: (text: string, path: Path) => Json): JsonObject {
  const inner = (value: Json, path: Path): Json => {
    if (typeof value === "string") return change(value, path);
    if (Array.isArray(value)) return (value as readonly Json[]).map((item, index) => inner(item, [...path, index]));
    if (!isPlainObject(value) || secretPath(value) !== undefined) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inner(item, [...path, key])]));
  };
  return inner(config, []) as JsonObject;
}

/** Replaces objects where the change answers anything; what replaces is not looked into. */
function replace(config: JsonObject, change: (value: JsonObject, path: Path) => Json | undefined): JsonObject {
  const inner = (value: Json, path: Path): Json => {
    if (Array.isArray(value)) return (value as readonly Json[]).map((item, index) => inner(item, [...path, index]));
    if (!isPlainObject(value)) return value;
    return change(value, path) ?? fields(value, path);
  };
  const fields = (value: JsonObject, path: Path): JsonObject =>
    Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inner(item, [...path, key])]));
  return fields(config, []);
}
