/**
 * Values against the table of schema.ts: what does not fit is reported and left out, what says nothing is left out
 * silently, so that a field that is missing and one that is empty make the same document.
 */
import { parseDecimal } from "../cost/decimal.js";
import { parseLease } from "../leases/duration.js";
import { shorten } from "./convert.js";
import type { Path } from "./paths.js";
import type { Finding } from "./problems.js";
import { NAME_PATTERN, SCHEMA } from "./schema.js";
import type { FieldType, IntegerType, ListType, MapType, RecordType, TextType } from "./schema.js";
import { closest, didYouMean } from "./suggest.js";
import { DOCUMENT_KINDS } from "./types.js";
import type { DocumentKind, Json, JsonObject } from "./types.js";

export type Report = (finding: Finding) => void;

/** The whole suffix and each label of it, as host names allow them with room for the node's own label. */
const DNS_SUFFIX_LENGTH = 191;
const DNS_LABEL = /^[A-Za-z0-9-]{0,62}[A-Za-z0-9]$/;
const CURRENCY = /^[A-Z]{3}$/;
const USER = /^[A-Za-z_][\w.-]{0,31}$/;

/**
 * Reads the fields of a document. What is returned always has the shape of the kind's type: required texts that are
 * missing are empty, and reported.
 *
 * @param value the document without `kind` and `name`
 */
export function readBody(kind: DocumentKind, value: JsonObject, report: Report): JsonObject {
  return readRecord(SCHEMA[kind], value, [], kind, report);
}

/**
 * The document with everything left out that says nothing: empty texts, lists, mappings, `false`, and `0` where 0 means
 * that nothing is said. `min: 0` stays. Free-form values stay as they are.
 */
export function normalizeBody(kind: DocumentKind, value: JsonObject): JsonObject {
  return readBody(kind, value, () => undefined);
}

function read(type: FieldType, value: Json, path: Path, kind: DocumentKind, report: Report): Json | undefined {
  switch (type.type) {
    case "text": {
      // 0 for no limit needs no quotes, and 8 is a duration without its unit rather than a wrong type.
      if (type.rule === "duration" && typeof value === "number") return read(type, String(value), path, kind, report);
      if (typeof value !== "string") return wrongType("text", value, path, report);
      const fault = textFault(type, value);
      if (fault === undefined) return value;
      return wrong(path, fault.message, report, fault.suggestion);
    }
    case "integer":
      return readInteger(type, value, path, report);
    case "boolean":
      return typeof value === "boolean" ? value : wrongType("true or false", value, path, report);
    case "object":
      return isObject(value) ? value : wrongType("a mapping", value, path, report);
    case "list":
      return readList(type, value, path, kind, report);
    case "map":
      return readMap(type, value, path, kind, report);
    case "record":
      return isObject(value)
        ? readRecord(type, value, path, kind, report)
        : wrongType("a mapping", value, path, report);
  }
}

function readInteger(type: IntegerType, value: Json, path: Path, report: Report): Json | undefined {
  if (typeof value !== "number") return wrongType("a whole number", value, path, report);
  if (Number.isInteger(value) && value >= type.min && value <= type.max) return value;
  return wrong(path, `must be a whole number from ${type.min} to ${type.max}, not ${value}.`, report);
}

function readList(type: ListType, value: Json, path: Path, kind: DocumentKind, report: Report): Json | undefined {
  if (!Array.isArray(value)) {
    const suggestion = typeof value === "string" ? `Write [${JSON.stringify(value)}].` : "";
    return wrong(path, `must be a list, not ${nameOf(value)}.`, report, suggestion);
  }
  const items: Json[] = [];
  for (const [index, item] of (value as readonly Json[]).entries()) {
    const one = read(type.of, item, [...path, index], kind, report);
    if (one === undefined) continue;
    if (type.set === true && items.includes(one)) {
      const message = `"${shorten(typeof one === "string" ? one : JSON.stringify(one))}" is in this list already.`;
      report({ severity: "warning", path: [...path, index], message, suggestion: "Remove one of the two." });
    } else items.push(one);
  }
  return items;
}

function readMap(type: MapType, value: Json, path: Path, kind: DocumentKind, report: Report): Json | undefined {
  if (!isObject(value)) return wrongType("a mapping", value, path, report);
  const entries: [string, Json][] = [];
  for (const [key, item] of Object.entries(value)) {
    const fault = textFault(type.keys, key);
    if (fault !== undefined) {
      report({ severity: "error", path: [...path, key], atKey: true, ...fault });
      continue;
    }
    const one = read(type.of, item, [...path, key], kind, report);
    if (one !== undefined) entries.push([key, one]);
  }
  return Object.fromEntries(entries);
}

function readRecord(type: RecordType, value: JsonObject, path: Path, kind: DocumentKind, report: Report): JsonObject {
  for (const key of Object.keys(value)) {
    if (!Object.hasOwn(type.fields, key)) reportUnknown(type, key, path, kind, report);
  }
  const entries: [string, Json][] = [];
  for (const [field, fieldType] of Object.entries(type.fields)) {
    const given = Object.hasOwn(value, field) ? value[field]! : null;
    const required = fieldType.type === "text" && fieldType.required === true;
    if (given === null || given === "") {
      if (required) {
        report({
          severity: "error",
          absent: true,
          path: given === null ? path : [...path, field],
          message: `"${field}" is missing${path.length === 0 ? ` from this ${kind}` : ""}.`,
        });
        entries.push([field, ""]);
      }
      continue;
    }
    const one = read(fieldType, given, [...path, field], kind, report);
    if (one !== undefined && !saysNothing(fieldType, one)) entries.push([field, one]);
    else if (required) entries.push([field, ""]);
  }
  return Object.fromEntries(entries);
}

/** A field whose absence means the same. */
function saysNothing(type: FieldType, value: Json): boolean {
  if (type.type === "integer") return value === 0 && type.presence !== true;
  if (type.type === "boolean") return value === false;
  if (type.type === "text") return value === "";
  return Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0;
}

/** What is wrong with a text, as a message and what to do. */
export function textFault(
  type: TextType,
  text: string,
): { readonly message: string; readonly suggestion: string } | undefined {
  const shown = JSON.stringify(shorten(text));
  if (type.oneOf !== undefined && !type.oneOf.includes(text)) {
    const near = didYouMean(text, type.oneOf);
    return { message: `${shown} is not one of ${type.oneOf.join(", ")}.`, suggestion: near };
  }
  if (type.rule === "name" && !NAME_PATTERN.test(text)) {
    return {
      message: `${shown} is not a name.`,
      suggestion: 'Use a letter or digit, then letters, digits, "_", "." and "-", at most 255 characters.',
    };
  }
  if (type.rule === "user" && !USER.test(text)) {
    return {
      message: `${shown} is not the name of a user.`,
      suggestion: 'Use a letter or "_", then letters, digits, "_", "." and "-", at most 32 characters.',
    };
  }
  if (type.rule === "duration" && parseLease(text) === undefined) {
    return {
      message: `${shown} is not a duration.`,
      suggestion: "Write it like 90m, 8h, 1d12h or 30d, at most 3650d; 0 is no limit.",
    };
  }
  if (type.rule === "decimal" && parseDecimal(text) === undefined) {
    return {
      message: `${shown} is not a price.`,
      suggestion: 'Write digits, and after a dot at most 12 more, such as "0.12".',
    };
  }
  if (type.rule === "currency" && !CURRENCY.test(text)) {
    return { message: `${shown} is not a currency.`, suggestion: "Write its three letters, such as EUR or USD." };
  }
  if (type.rule === "dnsSuffix" && !isDnsSuffix(text)) {
    return {
      message: `${shown} is not a suffix of host names.`,
      suggestion: `Use labels of letters, digits and "-" with dots between them, no dot at the start, at most ${DNS_SUFFIX_LENGTH} characters, such as "example.org".`,
    };
  }
  return undefined;
}

/** True where the text can end host names: dots between labels, none at the start. */
export function isDnsSuffix(text: string): boolean {
  return text.length <= DNS_SUFFIX_LENGTH && text.split(".").every((label) => DNS_LABEL.test(label));
}

function reportUnknown(type: RecordType, key: string, path: Path, kind: DocumentKind, report: Report): void {
  const where = path.length === 0 ? `A ${kind}` : `"${String(path.findLast((step) => typeof step === "string"))}"`;
  const message = `${where} has no field "${shorten(key)}".`;
  const best = closest(key, Object.keys(type.fields));
  report({
    severity: "error",
    path: [...path, key],
    atKey: true,
    message,
    suggestion: best === undefined ? elsewhere(key, path, kind) : `Did you mean "${best}"?`,
  });
}

/** Where a field of this name belongs, when it is known in another place. */
function elsewhere(key: string, path: Path, kind: DocumentKind): string {
  const places = placesOf(SCHEMA[kind], key, "").filter((place) => place !== key || path.length > 0);
  if (places.length > 0)
    return `It belongs to ${places
      .slice(0, 3)
      .map((place) => `"${place}"`)
      .join(" or ")}.`;
  const kinds = DOCUMENT_KINDS.filter((other) => other !== kind && Object.hasOwn(SCHEMA[other].fields, key));
  return path.length === 0 && kinds.length > 0 ? `Only ${kinds.join(" and ")} have it.` : "";
}

function placesOf(type: FieldType, key: string, prefix: string): string[] {
  if (type.type === "list") return placesOf(type.of, key, `${prefix}[]`);
  if (type.type === "map") return placesOf(type.of, key, `${prefix}.*`);
  if (type.type !== "record") return [];
  const at = (field: string): string => (prefix === "" ? field : `${prefix}.${field}`);
  const here = Object.hasOwn(type.fields, key) ? [at(key)] : [];
  return [...here, ...Object.entries(type.fields).flatMap(([field, inner]) => placesOf(inner, key, at(field)))];
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function wrong(path: Path, message: string, report: Report, suggestion = ""): undefined {
  report({ severity: "error", path, message, suggestion });
}

function wrongType(wanted: string, value: Json, path: Path, report: Report): undefined {
  let suggestion = "";
  if (wanted === "text" && (typeof value === "number" || typeof value === "boolean"))
    suggestion = `Write "${value}" in quotes.`;
  if (wanted === "a mapping" && value === null) suggestion = "Write {} where it is meant to be empty.";
  if (wanted === "true or false" && typeof value === "string" && /^(yes|no|on|off|true|false)$/i.test(value)) {
    suggestion = `Write ${/^(yes|on|true)$/i.test(value) ? "true" : "false"}${/^(true|false)$/i.test(value) ? " without quotes" : ""}.`;
  }
  if (wanted === "a whole number" && typeof value === "string" && /^-?\d+$/.test(value))
    suggestion = `Write ${value} without quotes.`;
  return wrong(path, `must be ${wanted}, not ${nameOf(value)}.`, report, suggestion);
}

function nameOf(value: Json): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  return typeof value === "string" ? `the text ${JSON.stringify(shorten(value))}` : String(value);
}
