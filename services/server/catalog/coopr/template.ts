/** Templates of the source, whole and partial ones. */
import { formatLease, LONGEST_LEASE } from "../../leases/duration.js";
import { isDnsSuffix, isObject } from "../body.js";
import type { Path } from "../paths.js";
import type { ClusterTemplate, Json, JsonObject, LeaseTerms, ServiceConstraint } from "../types.js";
import { compact, readBase, readFields, type Fields } from "./reader.js";
import { readLinks } from "./service.js";
import { carriedTexts } from "./texts.js";

const MAX_NODES = 10_000;
const MAX_INT32 = 2_147_483_647;

type Constraints = NonNullable<ClusterTemplate["constraints"]>;

/** @param partial partial templates of the source give nothing but defaults and compatibility */
export function readTemplate(fields: Fields, partial: boolean): ClusterTemplate {
  const description = readBase(fields);
  const parent = readReference(fields.raw("extends") ?? null, [...fields.path, "extends"], fields);
  const includes = fields.items("includes").flatMap(({ value, path }) => readReference(value, path, fields) ?? []);
  const defaults = readDefaults(fields.fields("defaults"));
  const compatibility = readCompatibility(fields.fields("compatibility"));
  const common = { description, extends: parent, includes: [...new Set(includes)], defaults, compatibility };
  if (partial) {
    const immutable = fields.boolean("immutable");
    fields.end("Of a partial template, the source takes nothing but defaults and compatibility.");
    return compact({ ...common, immutable: immutable === true ? true : undefined });
  }
  const constraints = readConstraints(fields.fields("constraints"));
  const administration = fields.fields("administration");
  const lease = readLease(administration.fields("leaseduration"));
  administration.end("Loom keeps no settings of administrators in templates but the lease.");
  const links = readLinks(fields);
  fields.end();
  return compact({ ...common, constraints, links, lease });
}

/** `{name}` or a name. */
function readReference(value: Json, path: Path, { tell }: Fields): string | undefined {
  if (value === null) return undefined;
  if (typeof value === "string")
    return readFields({ name: value }, path, (outcome, _, ...more) => tell(outcome, path, ...more)).name("name");
  const fields = readFields(value, path, tell);
  const name = fields.name("name");
  fields.end();
  return name;
}

function readDefaults(fields: Fields): ClusterTemplate["defaults"] {
  const services: string[] = [];
  let config = carriedConfig(fields.object("config") ?? {}, [...fields.path, "config"], fields);
  for (const { value, path } of fields.items("services")) {
    const item = readFields(typeof value === "string" ? { name: value } : value, path, fields.tell);
    const name = item.name("name");
    const own = item.object("config");
    item.end();
    if (name === undefined) continue;
    if (!services.includes(name)) services.push(name);
    // What stands beside a service replaces what the configuration says under its name.
    if (own !== undefined) config = { ...config, [name]: carriedConfig(own, [...path, "config"], fields) };
  }
  const suffix = (fields.text("dnsSuffix") ?? fields.text("dnssuffix"))?.replace(/^\./, "");
  const isGood = suffix === undefined || isDnsSuffix(suffix);
  if (!isGood)
    fields.tell("dropped", [...fields.path, "dnsSuffix"], `${JSON.stringify(suffix)} is no suffix of host names.`);
  const read = compact({
    services,
    provider: fields.name("provider"),
    hardwareType: fields.name("hardwaretype"),
    imageType: fields.name("imagetype"),
    dnsSuffix: isGood ? suffix : undefined,
    config,
  });
  fields.end();
  return read;
}

/** The configuration without the keys that Loom keeps for itself. */
function carriedConfig(config: JsonObject, path: Path, fields: Fields): JsonObject {
  const without = (value: Json, at: Path): Json => {
    if (Array.isArray(value)) return (value as readonly Json[]).map((item, index) => without(item, [...at, index]));
    if (!isObject(value)) return value;
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, item]) => {
        if (key !== "generate" && key !== "$secret") return [[key, without(item, [...at, key])] as const];
        fields.tell(
          "dropped",
          [...at, key],
          `In a configuration, the key "${key}" is Loom's own.`,
          "Give it another name, and in what reads it.",
        );
        return [];
      }),
    );
  };
  return carriedTexts(without(config, path)) as JsonObject;
}

function readCompatibility(fields: Fields): ClusterTemplate["compatibility"] {
  const read = compact({
    hardwareTypes: fields.names("hardwaretypes"),
    imageTypes: fields.names("imagetypes"),
    services: fields.names("services"),
  });
  fields.end();
  return read;
}

function readConstraints(fields: Fields): Constraints {
  const layout = fields.fields("layout");
  const sets = (key: string): string[][] =>
    layout.items(key).flatMap(({ value, path }) => {
      const set = readFields({ set: value }, path, (outcome, at, ...more) =>
        fields.tell(outcome, [...path, ...at.slice(path.length + 1)], ...more),
      ).names("set");
      if (set.length > 1) return [set];
      if (set.length === 1 || Array.isArray(value))
        fields.tell(
          "dropped",
          path,
          `A set with ${set.length === 1 ? "one service" : "no service"} binds nothing together and keeps nothing apart.`,
        );
      return [];
    });
  const both = compact({ mustCoexist: sets("mustcoexist"), cantCoexist: sets("cantcoexist") });
  layout.end();
  const services = fields
    .map("services")
    .map(({ name, fields: entry }) => [name, readServiceConstraint(entry)] as const);
  const size = readBounds(fields.fields("size"), 1);
  fields.end();
  return compact({
    layout: both,
    services: Object.fromEntries(services.filter(([, one]) => Object.keys(one).length > 0)),
    size,
  });
}

function readServiceConstraint(fields: Fields): ServiceConstraint {
  const bounds = readBounds(fields.fields("quantities"), 0);
  const [hardwareTypes, imageTypes] = [fields.names("hardwaretypes"), fields.names("imagetypes")];
  fields.end();
  return { ...bounds, ...compact({ hardwareTypes, imageTypes }) };
}

/** `min` and `max` of a cluster's size or of a service's nodes. */
function readBounds(fields: Fields, least: number): { min?: number; max?: number } {
  let min = fields.integer("min", least, MAX_NODES);
  const max = fields.integer("max", least, MAX_INT32);
  fields.end();
  const bounded = { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
  // Where nothing is said of a service, Loom places it at least once; a maximum of 0 says otherwise.
  if (max === 0 && min === undefined) {
    min = 0;
    return { min, max };
  }
  if (max === undefined || max >= (min ?? 1)) return bounded;
  fields.tell("dropped", [...fields.path, "max"], `The maximum ${max} is below the minimum ${min ?? 1}.`);
  return min === undefined ? {} : { min };
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Leases in milliseconds, or such as `8h`; nothing and 0 are no limit. */
function readLease(fields: Fields): LeaseTerms | undefined {
  const of = (key: string): number => {
    const value = fields.raw(key);
    if (value === undefined || value === null || value === "") return 0;
    const match = typeof value === "object" ? null : /^(\d{1,15})([smhd]?)$/.exec(String(value));
    if (match === null) {
      fields.tell("dropped", [...fields.path, key], `${JSON.stringify(value)} is no duration.`);
      return 0;
    }
    const exact = Number(match[1]) * (match[2] === "" ? 1 : UNITS[match[2]!]!);
    const whole = Math.min(Math.ceil(exact / 1000) * 1000, LONGEST_LEASE);
    if (whole !== exact)
      fields.tell(
        "changed",
        [...fields.path, key],
        `Leases are whole seconds and at most ${formatLease(LONGEST_LEASE)}: it is ${formatLease(whole)} now.`,
      );
    return whole;
  };
  let initial = of("initial");
  const [max, step] = [of("max"), of("step")];
  fields.end();
  if (max > 0 && (initial === 0 || initial > max)) {
    fields.tell(
      "dropped",
      [...fields.path, "initial"],
      "A new cluster's lease cannot be longer than the maximum, which it is now.",
    );
    initial = max;
  }
  const text = (milliseconds: number): string | undefined =>
    milliseconds === 0 ? undefined : formatLease(milliseconds);
  return compact({ initial: text(initial), max: text(max), step: text(step) });
}
