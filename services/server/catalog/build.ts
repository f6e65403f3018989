/** Catalogs from documents. */
import { DOCUMENT_KINDS } from "./types.js";
import type { Catalog, CatalogDocument, DocumentKind } from "./types.js";

/** A catalog without documents. */
export function emptyCatalog(): Catalog {
  return buildCatalog([]);
}

/** The catalog of these documents, each kind in code point order of the names. Of equal names the last one counts. */
export function buildCatalog(documents: Iterable<CatalogDocument>): Catalog {
  const byKind = new Map<DocumentKind, Map<string, unknown>>(DOCUMENT_KINDS.map((kind) => [kind, new Map()]));
  for (const { kind, name, body } of documents) byKind.get(kind)!.set(name, body);
  const sorted = <T>(kind: DocumentKind): ReadonlyMap<string, T> =>
    new Map([...(byKind.get(kind) as Map<string, T>)].sort(([a], [b]) => (a < b ? -1 : 1)));
  return {
    Provider: sorted("Provider"),
    HardwareType: sorted("HardwareType"),
    ImageType: sorted("ImageType"),
    Service: sorted("Service"),
    ClusterTemplate: sorted("ClusterTemplate"),
    PartialTemplate: sorted("PartialTemplate"),
  };
}

/** Every document of the catalog, kind by kind. */
export function* documentsOf(catalog: Catalog): Generator<CatalogDocument> {
  for (const kind of DOCUMENT_KINDS) {
    for (const [name, body] of catalog[kind]) yield { kind, name, body } as CatalogDocument;
  }
}
