/**
 * A catalog of the coopr system as documents of Loom (docs/guide/import-from-coopr.md). Pure: files in, documents and a
 * list of what is not carried over as it was out. The same files give the same documents whatever their order.
 */
import { normalizeBody } from "../body.js";
import { DOCUMENT_KINDS } from "../types.js";
import type { CatalogDocument, JsonObject } from "../types.js";
import { layOutTemplates } from "./layouts.js";
import { createWork, mend, tellErrors } from "./mend.js";
import { readDocuments } from "./read.js";
import { OUTCOMES, type Conversion, type ConversionOptions, type Finding, type SourceFile } from "./types.js";

/**
 * Converts every document that can be read, whatever is wrong with others.
 *
 * Every template that the source could make clusters from with its own defaults can be laid out here as well, provider
 * and automator types apart: those are names until a plugin has them.
 */
export function convertCatalog(files: readonly SourceFile[], options: ConversionOptions): Conversion {
  const findings: Finding[] = [];
  const inOrder = [...files].sort((a, b) => compare(a.path, b.path));
  const add = (finding: Finding): void => {
    findings.push(finding);
  };
  const work = createWork(readDocuments(inOrder, options, add));
  mend(work);
  const templates = layOutTemplates(work);
  tellErrors(work);
  const documents = work.documents
    .map(({ document, file }) => ({ document: normalized(document), file }))
    .sort(
      (a, b) =>
        DOCUMENT_KINDS.indexOf(a.document.kind) - DOCUMENT_KINDS.indexOf(b.document.kind) ||
        compare(a.document.name, b.document.name),
    );
  return { documents, findings: sorted(findings), templates };
}

/** Without what mending has left empty. */
function normalized(document: CatalogDocument): CatalogDocument {
  return {
    ...document,
    body: normalizeBody(document.kind, document.body as unknown as JsonObject),
  } as unknown as CatalogDocument;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function sorted(findings: readonly Finding[]): Finding[] {
  return [...findings].sort(
    (a, b) =>
      compare(a.file, b.file) ||
      a.line - b.line ||
      a.column - b.column ||
      OUTCOMES.indexOf(a.outcome) - OUTCOMES.indexOf(b.outcome) ||
      compare(a.path, b.path) ||
      compare(a.reason, b.reason),
  );
}
