/** Configuration: how documents and requests come together. */
import { LoomError } from "../../common/errors.js";
import { macroProblems } from "../macros/parse.js";
import { MAX_CONFIG_BYTES } from "./limits.js";
import { formatPath } from "./paths.js";
import type { Path } from "./paths.js";
import { badGenerated, maskTexts, secretPlaces } from "./secrets.js";
import type { ClusterTemplate, Json, JsonObject, Service } from "./types.js";

/** True for an object that is merged key by key: not for a secret or a value to generate, which are whole values. */
function isMerged(value: Json | undefined): value is JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return !Object.hasOwn(value, "generate") && !Object.hasOwn(value, "$secret");
}

/**
 * `over` laid over `base`, key by key at every depth. Objects merge; every other value replaces what was there, null
 * included, and so do `{generate: password}` and secrets. Neither argument is changed.
 */
export function mergeConfig(base: JsonObject, over: JsonObject): JsonObject {
  const merged = new Map(Object.entries(base));
  for (const [key, value] of Object.entries(over)) {
    const below = merged.get(key);
    merged.set(key, isMerged(below) && isMerged(value) ? mergeConfig(below, value) : value);
  }
  return Object.fromEntries(merged);
}

/** Paths of the values that are no objects to merge, and of empty objects: what a configuration really sets. */
export function leavesOf(config: JsonObject, base: Path = []): Path[] {
  return Object.entries(config).flatMap(([key, value]) =>
    isMerged(value) && Object.keys(value).length > 0 ? leavesOf(value, [...base, key]) : [[...base, key]],
  );
}

/**
 * The paths of `locked` that the configuration would set, or cover by a value above or below them.
 */
export function overridden(config: JsonObject, locked: readonly Path[]): Path[] {
  return locked.filter((path) => {
    let value: Json = config;
    for (const step of path) {
      if (!isMerged(value)) return true;
      if (!Object.hasOwn(value, step)) return false;
      value = value[step]!;
    }
    return true;
  });
}

/**
 * The configuration a cluster starts with: each service's own under the service's name, the template's over it, the
 * request's over that. Values to generate are still `{generate: password}`.
 *
 * @param services the cluster's services by name
 * @param template resolved (resolve.ts)
 * @param locked paths that immutable partial templates set (`lockedConfig`)
 * @throws INVALID_CONFIG where the request sets a locked path or uses a reserved key, and where the whole is too large
 */
export function initialConfig(
  services: ReadonlyMap<string, Service>,
  template: ClusterTemplate,
  request: JsonObject,
  locked: readonly Path[] = [],
): JsonObject {
  const documented = mergeConfig(ownConfigs(services), template.defaults?.config ?? {});
  // A password is no text with macros, and what is wrong in one must not be quoted.
  const shown = maskTexts(request, secretPlaces(configLayers(services, template)));
  return checkedConfig(mergeConfig(documented, request), shown, locked);
}

/** What documents say of a cluster's configuration, the layers that are laid one over the other. */
export function configLayers(services: ReadonlyMap<string, Service>, template: ClusterTemplate): JsonObject[] {
  return [ownConfigs(services), template.defaults?.config ?? {}];
}

/** Each service's own configuration, under the service's name. */
export function ownConfigs(services: ReadonlyMap<string, Service>): JsonObject {
  return Object.fromEntries(
    [...services]
      .filter(([, service]) => service.config !== undefined)
      .map(([name, service]) => [name, service.config!]),
  );
}

/** Macros that can never be expanded, which every task would stumble over. */
function wrongMacros(value: Json, path: Path = []): { path: Path; description: string }[] {
  if (typeof value === "string") {
    return macroProblems(value).map(({ offset, message }) => ({
      path,
      description: `has a macro at position ${offset + 1} that cannot be expanded: ${message} "%%" stands for a percent sign.`,
    }));
  }
  if (typeof value !== "object" || value === null) return [];
  const items: [string | number, Json][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return items.flatMap(([key, item]) => wrongMacros(item, [...path, key]));
}

/** The configuration without the keys at these paths. */
export function withoutPaths(config: JsonObject, paths: readonly Path[]): JsonObject {
  return paths.reduce((left, path) => withoutPath(left, path), config);
}

function withoutPath(config: JsonObject, [step, ...rest]: Path): JsonObject {
  if (step === undefined || !Object.hasOwn(config, step)) return config;
  if (rest.length === 0) return Object.fromEntries(Object.entries(config).filter(([key]) => key !== step));
  const value = config[step];
  return isMerged(value) ? { ...config, [step]: withoutPath(value, rest) } : config;
}

/**
 * The configuration, where the request may say what it says and the whole is not too large.
 *
 * @param request what was merged into it, without the values of secrets
 * @param locked paths that immutable partial templates set
 * @throws INVALID_CONFIG
 */
export function checkedConfig(config: JsonObject, request: JsonObject, locked: readonly Path[]): JsonObject {
  const violations = [
    ...overridden(request, locked).map((path) => ({
      path,
      description: "is fixed by an immutable partial template and cannot be changed.",
    })),
    ...badGenerated(request).map(({ path, message, suggestion }) => ({
      path,
      description: `${message} ${suggestion}`,
    })),
    ...wrongMacros(request),
  ].map(({ path, description }) => ({ field: formatPath(["config", ...path]), description }));
  if (violations.length > 0) {
    const text = violations.map(({ field, description }) => `${field}: ${description}`).join(" ");
    throw new LoomError("INVALID_CONFIG", `The configuration of the request cannot be used. ${text}`, { violations });
  }
  const bytes = Buffer.byteLength(JSON.stringify(config));
  if (bytes > MAX_CONFIG_BYTES) {
    const description = `has ${bytes} bytes as JSON, and at most ${MAX_CONFIG_BYTES} go to every task of the cluster. Keep large files outside of the configuration.`;
    throw new LoomError("INVALID_CONFIG", `The configuration of the cluster cannot be used: it ${description}`, {
      violations: [{ field: "config", description }],
    });
  }
  return config;
}
