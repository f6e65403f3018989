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
 * Places of secrets, as text, with `[*]` for every index: what is a secret in one element of a list is one in all of
 * them, since elements move.
 */
export type SecretPlaces = ReadonlySet<string>;

/**
 * Where secrets stand in configurations that are laid one over the other, made or still to make. What a later one
 * replaces by another value stays the place of a secret; by an object or a list it does not.
 */
export function secretPlaces(layers: readonly JsonObject[]): SecretPlaces {
  const places = new Set<string>();
  for (const layer of layers) {
    const own: string[] = [];
    eachValue(layer, [], (value, path) => {
      if (isSecret(value)) own.push(placeOf(path));
      else if (typeof value === "object" && value !== null) places.delete(placeOf(path));
    });
    for (const place of own) places.add(place);
  }
  return places;
}

/**
 * A value in the place of a secret is a secret too, as the text that it is in a request: a number or true and false as
 * well. Null is none.
 *
 * @returns the configuration with references in place of such values, and the texts by the paths where they stand
 * @throws INVALID_CONFIG for an object or a list in the place of a secret
 */
export function hideTexts(
  config: JsonObject,
  places: SecretPlaces,
): { readonly config: JsonObject; readonly texts: ReadonlyMap<string, string> } {
  const texts = new Map<string, string>();
  const wrong: string[] = [];
  const hidden = replaceAt(config, places, (value, path) => {
    if (typeof value === "object") {
      wrong.push(formatPath(["config", ...path]));
      return value;
    }
    const name = formatPath(path);
    texts.set(name, String(value));
    return { $secret: name };
  });
  if (wrong.length > 0) {
    const description = "is a secret, which is one text. Give it as a text in quotes, or {generate: password}.";
    throw new LoomError(
      "INVALID_CONFIG",
      `The configuration cannot be used. ${wrong.map((field) => `${field}: ${description}`).join(" ")}`,
      { violations: wrong.map((field) => ({ field, description })) },
    );
  }
  return { config: hidden, texts };
}

/** The configuration without the values that are secrets; what has to be made, and references, are left as they are. */
export function maskTexts(config: JsonObject, places: SecretPlaces): JsonObject {
  return replaceAt(config, places, () => MASK);
}

/** What was asked for as people see it, without the values that are secrets. */
export function maskAsked(asked: JsonObject, places: SecretPlaces): JsonObject {
  return maskSecrets(maskTexts(asked, places));
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

/** Calls for every value below, the outermost first. */
function eachValue(value: Json, path: Path, visit: (value: Json, path: Path) => void): void {
  if (typeof value !== "object" || value === null) return;
  const items: [string | number, Json][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  for (const [key, item] of items) {
    visit(item, [...path, key]);
    eachValue(item, [...path, key], visit);
  }
}

const isSecret = (value: Json): boolean => isGenerated(value) || secretPath(value) !== undefined;

function placeOf(path: Path): string {
  return path.map((step) => (typeof step === "number" ? "[*]" : formatPath([step]))).join(".");
}

/** Replaces what stands in the places of secrets and is none yet; null is nothing that could be one. */
function replaceAt(
  config: JsonObject,
  places: SecretPlaces,
  change: (value: NonNullable<Json>, path: Path) => Json,
): JsonObject {
  if (places.size === 0) return config;
  const inner = (value: Json, path: Path): Json => {
    if (value === null || isSecret(value)) return value;
    if (places.has(placeOf(path))) return change(value, path);
    if (Array.isArray(value)) return (value as readonly Json[]).map((item, index) => inner(item, [...path, index]));
    return isPlainObject(value) ? fields(value, path) : value;
  };
  const fields = (value: JsonObject, path: Path): JsonObject =>
    Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inner(item, [...path, key])]));
  return fields(config, []);
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
