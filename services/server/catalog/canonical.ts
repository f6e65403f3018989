/** One text for one value, whatever the order its fields were written in. */
import { normalizeBody } from "./body.js";
import type { CatalogDocument, Json, JsonObject } from "./types.js";

/**
 * The value as JSON without spaces, keys in UTF-16 order, as RFC 8785 (JSON Canonicalization Scheme) has it: equal
 * values and only those have the same text.
 */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value as JsonObject).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`).join(",")}}`;
}

/** The body as JSON, with everything left out that says nothing. Equal documents, and only those, have equal texts. */
export function canonicalBody(document: CatalogDocument): string {
  return canonicalJson(normalizeBody(document.kind, bodyAsJson(document)));
}

/** The body as a JSON value: bodies are plain records of JSON values, which TypeScript cannot see. */
export function bodyAsJson(document: CatalogDocument): JsonObject {
  return document.body as unknown as JsonObject;
}
