/** Names in a document that nothing in the catalog answers to, found by the table of schema.ts. */
import type { Report } from "./body.js";
import { isObject } from "./body.js";
import type { Answering } from "./dependencies.js";
import type { Path } from "./paths.js";
import { SCHEMA } from "./schema.js";
import type { FieldType, Reference } from "./schema.js";
import { closest } from "./suggest.js";
import type { Catalog, CatalogDocument, Json } from "./types.js";

const WORDS: Readonly<Record<Reference["to"], string>> = {
  Provider: "provider",
  HardwareType: "hardware type",
  ImageType: "image type",
  Service: "service",
  ClusterTemplate: "template",
  PartialTemplate: "partial template",
  Dependency: "service",
};

/** Reports every name in the document that does not exist. */
export function checkReferences(document: CatalogDocument, catalog: Catalog, names: Answering, report: Report): void {
  const check = (reference: Reference, name: string, path: Path, atKey: boolean): void => {
    const known: { has(name: string): boolean; keys(): Iterable<string> } =
      reference.to === "Dependency" ? names : catalog[reference.to];
    if (name === "" || known.has(name)) return;
    const near = closest(name, known.keys());
    const suggestion = near === undefined ? "" : `Did you mean "${near}"?`;
    report({
      severity: reference.missing,
      path,
      atKey,
      message: messageFor(document, reference, name, path, names),
      suggestion,
    });
  };
  const visit = (type: FieldType, value: Json | undefined, path: Path): void => {
    if (value === undefined) return;
    if (type.type === "text" && type.reference !== undefined && typeof value === "string")
      check(type.reference, value, path, false);
    if (type.type === "list" && Array.isArray(value)) {
      for (const [index, item] of (value as readonly Json[]).entries()) visit(type.of, item, [...path, index]);
    }
    if (type.type === "record" && isObject(value)) {
      for (const [field, inner] of Object.entries(type.fields)) visit(inner, value[field], [...path, field]);
    }
    if (type.type === "map" && isObject(value)) {
      for (const [key, inner] of Object.entries(value)) {
        if (type.keys.reference !== undefined) check(type.keys.reference, key, [...path, key], true);
        visit(type.of, inner, [...path, key]);
      }
    }
  };
  visit(SCHEMA[document.kind], document.body as unknown as Json, []);
}

function messageFor(
  document: CatalogDocument,
  reference: Reference,
  name: string,
  path: Path,
  names: Answering,
): string {
  if (reference.to === "Dependency") {
    if (path.includes("requires"))
      return `"${document.name}" requires "${name}", which is no service and which no service provides.`;
    return `"${document.name}" uses "${name}", which is no service and which no service provides.`;
  }
  if (reference.to === "Service" && names.has(name)) {
    const providers = names
      .get(name)!
      .map((provider) => `"${provider}"`)
      .join(", ");
    return `There is no service "${name}"; it is only what ${providers} ${names.get(name)!.length === 1 ? "provides" : "provide"}, and here the service itself is named.`;
  }
  return `There is no ${WORDS[reference.to]} "${name}".`;
}
