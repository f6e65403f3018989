/** Configuration that scripts read against configuration that somebody sets. Pure. */
import { formatPath } from "../paths.js";
import type { Path } from "../paths.js";
import { didYouMean } from "../suggest.js";
import { isObject } from "../body.js";
import type { Catalog, Json, JsonObject } from "../types.js";
import type { ParsedDocument } from "../parse.js";
import { isComment, readShell } from "./shell-text.js";
import type { Script } from "./scripts.js";
import type { LintFinding } from "./types.js";

/** `loom-config [-d DEFAULT] KEY...`, as far as its keys are plain words. */
const READS =
  /(?<![\w./-])loom-config\s+(-d\s+(?:"[^"]*"|'[^']*'|[^\s"']+)\s+)?("?)([A-Za-z0-9][\w.-]*)\2((?:\s+[A-Za-z0-9][\w.-]*(?![\w.$"'/*=<>&-]))*)/g;

/** A value that a script reads. */
interface Reading {
  readonly script: Script;
  readonly line: number;
  readonly column: number;
  readonly keys: readonly string[];
  readonly hasDefault: boolean;
}

function* readingsOf(script: Script): Generator<Reading> {
  for (const { number, text, isDocument, isExpanded } of readShell(script.text).lines) {
    if (isDocument ? !isExpanded : isComment(text)) continue;
    for (const hit of text.matchAll(READS)) {
      const keys = [hit[3]!, ...(hit[4] ?? "").split(/\s+/).filter((key) => key !== "")];
      yield { script, line: number, column: hit.index + 1, keys, hasDefault: hit[1] !== undefined };
    }
  }
}

/** A configuration that is set somewhere, with who sets it. */
interface Setting {
  readonly source: ParsedDocument | undefined;
  readonly path: Path;
  readonly value: JsonObject;
}

function* settingsOf(catalog: Catalog, documents: readonly ParsedDocument[]): Generator<Setting> {
  const sources = new Map(documents.map((one) => [`${one.document.kind}/${one.document.name}`, one]));
  for (const [name, { config }] of catalog.Service) {
    if (config !== undefined)
      yield { source: sources.get(`Service/${name}`), path: ["config"], value: { [name]: config } };
  }
  for (const kind of ["PartialTemplate", "ClusterTemplate"] as const) {
    for (const [name, { defaults }] of catalog[kind]) {
      if (defaults?.config !== undefined)
        yield { source: sources.get(`${kind}/${name}`), path: ["defaults", "config"], value: defaults.config };
    }
  }
}

/** A finding with the document it is in. */
interface Found {
  readonly source: ParsedDocument;
  readonly path: Path;
  readonly finding: LintFinding;
}

export function checkConfig(
  catalog: Catalog,
  documents: readonly ParsedDocument[],
  scripts: readonly Script[],
): Found[] {
  const settings = [...settingsOf(catalog, documents)];
  const readings = scripts.flatMap((script) => [...readingsOf(script)]);
  const hidden = readings.filter((reading) => isHidden(catalog, reading));
  return [
    ...hidden.map(notSeen),
    ...unset(
      settings,
      readings.filter((reading) => !hidden.includes(reading)),
    ),
    ...unread(catalog, settings, readings, scripts),
  ];
}

/** The service whose configuration a script sees, with all that belongs to no service. */
function serviceOf({ source: { document } }: Script): string {
  if (document.kind === "Service") return document.name;
  return ("check" in document.body ? document.body.check?.service : undefined) ?? "";
}

function isHidden(catalog: Catalog, { script, keys }: Reading): boolean {
  const own = serviceOf(script);
  return own !== "" && keys[0] !== own && catalog.Service.has(keys[0]!);
}

function notSeen({ script, line, column, keys, hasDefault }: Reading): Found {
  const own = serviceOf(script);
  return {
    source: script.source,
    path: script.path,
    finding: {
      rule: "config-unset",
      severity: "warning",
      place: script.at(line, column),
      message: `A script of "${own}" does not see the configuration of "${keys[0]}", so that this ${hasDefault ? "always gives the default" : "fails"}.`,
      suggestion: `Set the value in the config of "${own}", or in "defaults.config" of the template under a key that is no service.`,
    },
  };
}

function* unset(settings: readonly Setting[], readings: readonly Reading[]): Generator<Found> {
  for (const { script, line, column, keys, hasDefault } of readings) {
    if (hasDefault || settings.some(({ value }) => isSet(value, keys))) continue;
    const siblings = new Set<string>();
    let depth = 0;
    // The deepest level that somebody sets is where the mistake is.
    for (; depth < keys.length; depth += 1) {
      const here = settings.flatMap(({ value }) => keysAt(value, keys.slice(0, depth)));
      if (here.length === 0) break;
      siblings.clear();
      for (const key of here) siblings.add(key);
      if (!siblings.has(keys[depth]!)) break;
    }
    const wrong = keys[Math.min(depth, keys.length - 1)]!;
    const near = didYouMean(wrong, siblings);
    const path = formatPath(keys);
    yield {
      source: script.source,
      path: script.path,
      finding: {
        rule: "config-unset",
        severity: "warning",
        place: script.at(line, column),
        message: `Nobody sets "${path}", so that this fails unless a cluster is created with it.`,
        suggestion:
          near !== ""
            ? near
            : `Set it in the config of a service or in "defaults.config" of a template, or read it with "-d DEFAULT".`,
      },
    };
  }
}

function* unread(
  catalog: Catalog,
  settings: readonly Setting[],
  readings: readonly Reading[],
  scripts: readonly Script[],
): Generator<Found> {
  // Who reads the whole file reads what nobody can tell.
  if (scripts.some(({ text }) => text.includes("LOOM_CONFIG"))) return;
  const own = new Set(scripts.map(({ source }) => source));
  for (const { source, path, value } of settings) {
    if (source === undefined) continue;
    for (const [service, config] of Object.entries(value)) {
      // Only of services whose scripts are here can it be told what they read.
      const isHere = [...own].some(({ document }) => document.kind === "Service" && document.name === service);
      if (!isHere || !catalog.Service.has(service) || !isObject(config)) continue;
      const read = readings.filter(({ keys }) => keys[0] === service);
      if (read.some(({ keys }) => keys.length === 1)) continue;
      for (const key of Object.keys(config)) {
        if (read.some(({ keys }) => keys[1] === key)) continue;
        const at = path.length === 1 ? [...path, key] : [...path, service, key];
        const names = read.map(({ keys }) => keys[1]!).filter((name) => !(name in config));
        yield {
          source,
          path: at,
          finding: {
            rule: "config-unread",
            severity: "note",
            place: source.locate(at, "key"),
            message: `No script reads "${service}.${key}".`,
            suggestion: didYouMean(key, names),
          },
        };
      }
    }
  }
}

/** True where there is a value at the keys, or where only a request can tell what is below one of them. */
function isSet(value: Json, keys: readonly string[]): boolean {
  if (keys.length === 0) return value !== null;
  if (Array.isArray(value)) return true;
  if (!isObject(value)) return false;
  const [first, ...rest] = keys;
  return Object.hasOwn(value, first!) && isSet(value[first!]!, rest);
}

function keysAt(value: Json, keys: readonly string[]): string[] {
  if (!isObject(value)) return [];
  if (keys.length === 0) return Object.keys(value);
  const inner = Object.hasOwn(value, keys[0]!) ? value[keys[0]!]! : null;
  return keysAt(inner, keys.slice(1));
}
