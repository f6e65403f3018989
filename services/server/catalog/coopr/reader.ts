/**
 * Reads documents of the source field by field. What has not the form it should have is told and left out; what nobody
 * asks for is told at the end. So nothing goes missing without a word.
 */
import { isObject } from "../body.js";
import { shorten } from "../convert.js";
import type { Path } from "../paths.js";
import type { Json, JsonObject } from "../types.js";
import { nativeName } from "./names.js";
import type { Outcome } from "./types.js";

/** Tells what becomes of the value at a path of the source document. */
export type Tell = (outcome: Outcome, path: Path, reason: string, advice?: string) => void;

/** A mapping of the source, and which of its fields were asked for. */
export interface Fields {
  readonly path: Path;
  readonly tell: Tell;
  /** Whether the mapping is there at all. */
  readonly isThere: boolean;
  /** The value as it is; undefined where it is missing or null. */
  raw(key: string): Json | undefined;
  /** Numbers and booleans become texts, as in the source; undefined where nothing is said. */
  text(key: string): string | undefined;
  /** A name as Loom has it. */
  name(key: string): string | undefined;
  /** Names as Loom has them, each once. */
  names(key: string): string[];
  /** A whole number; texts of digits count. */
  integer(key: string, least: number, most: number): number | undefined;
  boolean(key: string): boolean | undefined;
  /** Every field as it is; all count as asked for. */
  all(): JsonObject;
  /** A free-form mapping. */
  object(key: string): JsonObject | undefined;
  /** A mapping with fields; an empty one where it is missing. */
  fields(key: string): Fields;
  /** The fields of a mapping by name, with what each is; names as Loom has them. */
  map(key: string): { readonly name: string; readonly fields: Fields }[];
  /** The items of a list. */
  items(key: string): { readonly value: Json; readonly path: Path }[];
  /** Tells of every field that says something and was not asked for. */
  end(reason?: string): void;
}

/** True where a value is as good as missing. */
function saysNothing(value: Json | undefined): boolean {
  if (value === undefined || value === null || value === "") return true;
  return Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0;
}

export function readFields(value: Json | undefined, path: Path, tell: Tell): Fields {
  const asked = new Set<string>();
  const isThere = value !== undefined && value !== null;
  if (isThere && !isObject(value))
    tell("dropped", path, `This must be a mapping, not ${JSON.stringify(value).slice(0, 60)}.`);
  const mapping: JsonObject = isObject(value) ? value : {};

  const raw = (key: string): Json | undefined => {
    asked.add(key);
    return Object.hasOwn(mapping, key) ? (mapping[key] ?? undefined) : undefined;
  };
  const at = (key: string, ...more: Path): Path => [...path, key, ...more];
  const wrong = (key: string, wanted: string): undefined =>
    tell("dropped", at(key), `This must be ${wanted}.`) as undefined;
  const nameOf = (text: Json, where: Path): string | undefined => {
    const name = typeof text === "string" ? nativeName(text) : undefined;
    if (name === undefined)
      tell(
        "dropped",
        where,
        `${JSON.stringify(shorten(typeof text === "string" ? text : JSON.stringify(text)))} is not a name.`,
      );
    else if (name !== text) tell("changed", where, `A name begins with a letter or digit: it is "${name}" now.`);
    return name;
  };

  return {
    path,
    tell,
    isThere: isObject(value),
    raw,
    all() {
      for (const key of Object.keys(mapping)) asked.add(key);
      return mapping;
    },
    text(key) {
      const found = raw(key);
      if (saysNothing(found)) return undefined;
      if (typeof found === "object") return wrong(key, "text");
      return String(found);
    },
    name(key) {
      const found = raw(key);
      return saysNothing(found) ? undefined : nameOf(found!, at(key));
    },
    names(key) {
      const found = raw(key);
      if (saysNothing(found)) return [];
      if (!Array.isArray(found)) return wrong(key, "a list of names") ?? [];
      return [...new Set((found as readonly Json[]).flatMap((item, index) => nameOf(item, at(key, index)) ?? []))];
    },
    integer(key, least, most) {
      const found = raw(key);
      if (saysNothing(found)) return undefined;
      const number = typeof found === "string" && /^-?\d+$/.test(found) ? Number(found) : found;
      if (typeof number === "number" && Number.isInteger(number) && number >= least && number <= most) return number;
      return wrong(key, `a whole number from ${least} to ${most}, not ${JSON.stringify(found)}`);
    },
    boolean(key) {
      const found = raw(key);
      if (saysNothing(found)) return undefined;
      if (found === true || found === "true") return true;
      return found === false || found === "false" ? false : wrong(key, "true or false");
    },
    object(key) {
      const found = raw(key);
      if (saysNothing(found)) return undefined;
      return isObject(found) ? found : wrong(key, "a mapping");
    },
    fields: (key) => readFields(raw(key), at(key), tell),
    map(key) {
      const found = raw(key);
      if (saysNothing(found)) return [];
      if (!isObject(found)) return wrong(key, "a mapping") ?? [];
      return Object.entries(found).flatMap(([inner, item]) => {
        const name = nameOf(inner, at(key, inner));
        return name === undefined ? [] : [{ name, fields: readFields(item, at(key, inner), tell) }];
      });
    },
    items(key) {
      const found = raw(key);
      if (saysNothing(found)) return [];
      if (!Array.isArray(found)) return wrong(key, "a list") ?? [];
      return (found as readonly Json[]).map((item, index) => ({ value: item, path: at(key, index) }));
    },
    end(reason = "Loom has nothing like it.") {
      for (const [key, item] of Object.entries(mapping))
        if (!asked.has(key) && !saysNothing(item)) tell("dropped", at(key), reason);
    },
  };
}

/** The fields every document has. Returns the description. The name has been read before. */
export function readBase(fields: Fields): string | undefined {
  const description = fields.text("description");
  const name = fields.text("name");
  const label = fields.text("label");
  // The source ignores a version that it is given.
  fields.raw("version");
  if (fields.text("icon") !== undefined)
    fields.tell("dropped", [...fields.path, "icon"], "Loom's documents have no icon.");
  if (label === undefined || label === name) return description;
  if (description === undefined) return label;
  if (label !== description)
    fields.tell("dropped", [...fields.path, "label"], "Loom's documents have a description and no label.");
  return description;
}

/** Without the fields that say nothing. */
export function compact<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => !saysNothing(field as Json | undefined))) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
