/** What another configuration changes, and who has to be told. Pure. */
import { LoomError } from "../../../common/errors.js";
import { checkedConfig, leavesOf, mergeConfig, withoutPaths } from "../../catalog/config.js";
import { formatPath, type Path } from "../../catalog/paths.js";
import {
  findGenerated,
  hideTexts,
  maskAsked,
  maskSecrets,
  maskTexts,
  secretPath,
  withSecretReferences,
} from "../../catalog/secrets.js";
import type { Json, JsonObject } from "../../catalog/types.js";
import { bringBack, presentServices } from "./services.js";
import { placesOfSecrets, servicesOf, type ChangingCluster, type Decision } from "./types.js";

export interface ConfigureRequest {
  /** Merged key by key over the present configuration; null takes a key away. */
  readonly config: JsonObject;
  /** Empty: those that see what changes, or all where nothing changes. */
  readonly services: readonly string[];
  readonly restart: boolean;
}

/** The value at a path; undefined where there is none. */
export function valueAt(config: JsonObject, path: Path): Json | undefined {
  let value: Json | undefined = config;
  for (const step of path) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    value = Object.hasOwn(value, step) ? (value as JsonObject)[step] : undefined;
  }
  return value;
}

/** @throws SERVICE_NOT_FOUND, INVALID_CONFIG, NOTHING_TO_DO */
export function configure(subject: ChangingCluster, request: ConfigureRequest): Decision {
  const { locked = [] } = subject.cluster.spec.template;
  const before = subject.cluster.config;
  const asked = presentServices(subject, request.services);
  const said = leavesOf(request.config);
  const taken = said.filter((path) => valueAt(request.config, path) === null);
  const places = placesOfSecrets(subject.cluster.spec, before);
  const merged = checkedConfig(
    withoutPaths(mergeConfig(before, request.config), taken),
    maskTexts(request.config, places),
    locked,
  );
  const secrets = new Map<string, string | undefined>(findGenerated(merged).map((path) => [path, undefined]));
  // What was a secret stays one, whatever is put in its place, and whether it is there now or not.
  const { config, texts } = hideTexts(withSecretReferences(merged), places);
  for (const [path, text] of texts) secrets.set(path, text);
  const configChanges = differences(maskTexts(before, places), config, secrets);
  const touched = new Set(configChanges.map((change) => change.top));
  const services = servicesOf(subject);
  const isOwn = (key: string): boolean => Object.hasOwn(subject.cluster.spec.services, key);
  const isShared = [...touched].some((key) => !isOwn(key));
  const told =
    request.services.length > 0
      ? asked
      : subject.state !== "ACTIVE" || touched.size === 0 || isShared
        ? services
        : services.filter((service) => touched.has(service));
  if (told.length === 0 && touched.size > 0) {
    const absent = [...touched].sort();
    throw new LoomError(
      "NOTHING_TO_DO",
      `No node of "${subject.name}" has ${absent.map((service) => `"${service}"`).join(", ")}, so nobody would be told of this. ${bringBack(subject, absent)} Configure ${absent.length === 1 ? "it" : "them"} then.`,
      { metadata: { services: absent.join(",") } },
    );
  }
  return {
    change: { config, services: told, restart: request.restart },
    configChanges: configChanges.map(({ path, before: old, after }) => ({ path, before: old, after })),
    secrets,
    asked: {
      config: maskAsked(request.config, places),
      services: [...request.services],
      restart: request.restart,
    },
  };
}

/** The value, or undefined for an object that is merged key by key. */
function leaf(value: Json | undefined): Json | undefined {
  return value === undefined || (leavesOf({ value })[0]?.length === 1 && !isEmptyObject(value)) ? value : undefined;
}

const isEmptyObject = (value: Json): boolean =>
  typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;

/** Leaves that differ, secrets masked. A secret that gets another text differs although its reference does not. */
function differences(
  before: JsonObject,
  after: JsonObject,
  secrets: ReadonlyMap<string, unknown>,
): { top: string; path: string; before: string; after: string }[] {
  const text = (value: Json | undefined): string =>
    value === undefined ? "" : JSON.stringify(Object.values(maskSecrets({ value }))[0]);
  const paths = new Map([...leavesOf(before), ...leavesOf(after)].map((path) => [formatPath(path), path]));
  return [...paths]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, path]) => {
      // An object that has become empty says no more than the keys that went.
      const [old, now] = [leaf(valueAt(before, path)), leaf(valueAt(after, path))];
      const isRenewed = now !== undefined && secrets.has(secretPath(now) ?? "");
      if (!isRenewed && JSON.stringify(old) === JSON.stringify(now)) return [];
      return [{ top: String(path[0]), path: name, before: text(old), after: text(now) }];
    });
}
