/** Documents as text that reads back as the same documents. */
import { Document, isScalar, Scalar, visit } from "yaml";
import { normalizeBody } from "./body.js";
import { bodyAsJson } from "./canonical.js";
import { SCHEMA } from "./schema.js";
import type { FieldType } from "./schema.js";
import type { CatalogDocument, Json } from "./types.js";

/** A text that starts with no space and holds no line of spaces only: what a block keeps whatever its indentation. */
const PLAIN_LINES = /^\S(?![^]*\n[ \t]+(\n|$))[^\r\u0085\u2028\u2029]*$/;

/** The document as YAML: fields in the order of schema.ts, texts of several lines as blocks, a newline at the end. */
export function exportDocument(document: CatalogDocument): string {
  const body = ordered(SCHEMA[document.kind], normalizeBody(document.kind, bodyAsJson(document)));
  // Texts that YAML 1.1 readers would take for something else, such as `no`, are put into quotes.
  const yaml = new Document(
    { kind: document.kind, name: document.name, ...(body as object) },
    { aliasDuplicateObjects: false, compat: "yaml-1.1" },
  );
  visit(yaml, {
    Scalar(_, node) {
      if (
        isScalar(node) &&
        typeof node.value === "string" &&
        node.value.includes("\n") &&
        !PLAIN_LINES.test(node.value)
      )
        node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return yaml.toString({ lineWidth: 0 });
}

/** Several documents as one YAML file. */
export function exportDocuments(documents: Iterable<CatalogDocument>): string {
  return [...documents].map(exportDocument).join("---\n");
}

/** Fields of records in the order of the table; what is free-form keeps its order. */
function ordered(type: FieldType, value: Json): Json {
  if (type.type === "list" && Array.isArray(value))
    return (value as readonly Json[]).map((item) => ordered(type.of, item));
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  if (type.type === "map")
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, ordered(type.of, item)]));
  if (type.type !== "record") return value;
  const fields = Object.entries(type.fields).filter(([field]) => Object.hasOwn(value, field));
  return Object.fromEntries(
    fields.map(([field, inner]) => [field, ordered(inner, (value as Record<string, Json>)[field]!)]),
  );
}
