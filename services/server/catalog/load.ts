/** Files to a validated catalog: what `apply`, `validate` and the offline commands do first. */
import { buildCatalog, documentsOf } from "./build.js";
import { parseCatalog } from "./parse.js";
import type { CatalogFile, ParsedDocument } from "./parse.js";
import { documentId } from "./problems.js";
import { validateCatalog } from "./validate.js";
import type { ValidationContext } from "./validate.js";
import type { Catalog, Problem } from "./types.js";

export interface LoadedCatalog {
  /** The documents of the files, in their order. */
  readonly documents: readonly ParsedDocument[];
  /** The base with the documents of the files in it. */
  readonly catalog: Catalog;
  /** Of the files and their documents: file by file in the order given, the validation's after the parser's. */
  readonly problems: readonly Problem[];
  /** Of the base's other documents, as they would be with the documents of the files. */
  readonly elsewhere: readonly Problem[];
}

/**
 * Parses and validates files.
 *
 * @param base documents that are there already; those of the files replace them
 */
export function loadCatalog(
  files: readonly CatalogFile[],
  plugins?: ValidationContext["plugins"],
  base?: Catalog,
): LoadedCatalog {
  const parsed = parseCatalog(files);
  const byId = new Map(parsed.documents.map((one) => [documentId(one.document.kind, one.document.name), one]));
  const catalog = buildCatalog([
    ...(base === undefined ? [] : documentsOf(base)),
    ...parsed.documents.map((one) => one.document),
  ]);
  const context: ValidationContext = {
    sourceOf: (kind, name) => byId.get(documentId(kind, name)),
    ...(plugins === undefined ? {} : { plugins }),
  };
  const found = validateCatalog(catalog, context);
  // What the parser could read only in part would be blamed for what is merely not read.
  const own = found.filter((problem) => byId.get(problem.document)?.sound === true);
  return {
    documents: parsed.documents,
    catalog,
    problems: [...parsed.problems, ...own],
    elsewhere: found.filter((problem) => !byId.has(problem.document)),
  };
}

/** True where one of the problems is an error. */
export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some((problem) => problem.severity === "error");
}
