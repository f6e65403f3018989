/** What a write of documents does to a catalog, before anything is written. */
import { normalizeBody } from "./body.js";
import { bodyAsJson, canonicalJson } from "./canonical.js";
import { diffDocuments } from "./diff.js";
import type { FieldChange } from "./diff.js";
import { documentId } from "./problems.js";
import type { CatalogDocument, DocumentKind } from "./types.js";

/** The newest version of a document in the store; of a deleted one the mark that was left, with the last body. */
export interface CurrentDocument {
  readonly document: CatalogDocument;
  /** The highest ever used for this document: deleting takes one too. */
  readonly version: number;
  /** It came with Loom and nobody has edited it since. */
  readonly shipped: boolean;
  readonly deleted: boolean;
}

/** What happens to one document; the first four fields are the DocumentChangeView of views.ts. */
export interface PlannedChange {
  readonly kind: "CREATED" | "UPDATED" | "UNCHANGED" | "KEPT";
  readonly document: { readonly kind: DocumentKind; readonly id: string };
  /** After the write. */
  readonly version: number;
  readonly fields: readonly FieldChange[];
  /** The version to store; undefined where nothing is written. Its body is normalised. */
  readonly write: CurrentDocument | undefined;
}

/**
 * Decides what writing the documents does, in their order.
 *
 * A document that is as it was makes no version, whatever the order of its fields and whatever empty fields it has.
 * A shipped document replaces only one that nobody edited: what somebody edited or deleted is kept, and `fields` tells
 * how it differs. Version numbers go on after a deleted document.
 */
export function planApply(
  current: Iterable<CurrentDocument>,
  incoming: readonly CatalogDocument[],
  { shipped }: { readonly shipped: boolean },
): PlannedChange[] {
  const newest = new Map<string, CurrentDocument>();
  for (const one of current) newest.set(documentId(one.document.kind, one.document.name), one);
  return incoming.map((document) => {
    const id = documentId(document.kind, document.name);
    const change = planOne(newest.get(id), document, shipped);
    if (change.write !== undefined) newest.set(id, change.write);
    return change;
  });
}

function planOne(now: CurrentDocument | undefined, incoming: CatalogDocument, shipped: boolean): PlannedChange {
  const body = normalizeBody(incoming.kind, bodyAsJson(incoming));
  const document = { kind: incoming.kind, id: incoming.name };
  const before = now === undefined || now.deleted ? undefined : normalizeBody(incoming.kind, bodyAsJson(now.document));
  const fields = diffDocuments(before, body);
  const version = now?.version ?? 0;
  if (before !== undefined && canonicalJson(before) === canonicalJson(body)) {
    return { kind: "UNCHANGED", document, version, fields: [], write: undefined };
  }
  if (shipped && now !== undefined && (now.deleted || !now.shipped)) {
    return { kind: "KEPT", document, version, fields, write: undefined };
  }
  // The body has the shape of its kind: normalizeBody makes no other.
  const stored = { ...incoming, body } as unknown as CatalogDocument;
  const write = { document: stored, version: version + 1, shipped, deleted: false };
  return { kind: before === undefined ? "CREATED" : "UPDATED", document, version: version + 1, fields, write };
}

/** The mark that deleting a document leaves, which takes the next version number. */
export function planDelete(current: CurrentDocument): CurrentDocument {
  return { ...current, version: current.version + 1, shipped: false, deleted: true };
}
