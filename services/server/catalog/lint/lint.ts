/** Documents as their author sees them: what keeps them from being used, and what will surprise somebody later. Pure. */
import { hasErrors, loadCatalog } from "../load.js";
import type { CatalogFile, ParsedDocument } from "../parse.js";
import { formatPath } from "../paths.js";
import type { Path } from "../paths.js";
import type { KnownPlugins } from "../plugins.js";
import { documentId } from "../problems.js";
import type { Catalog } from "../types.js";
import { checkConfig } from "./config-rules.js";
import { checkScript } from "./script-rules.js";
import { scriptsOf, type Script } from "./scripts.js";
import { checkTemplates } from "./template-rules.js";
import type { LintFinding, LintProblem } from "./types.js";

export interface Linted {
  readonly documents: readonly ParsedDocument[];
  /** The documents that are in view with those of the files in it. */
  readonly catalog: Catalog;
  readonly scripts: readonly Script[];
  /** In reading order: by file, line and column. */
  readonly problems: readonly LintProblem[];
}

const ORDER = { error: 0, warning: 1, note: 2 } as const;

/**
 * Checks files by the rules of the catalog, then by those for authors.
 *
 * @param view documents that those of the files may name
 */
export function lintCatalog(files: readonly CatalogFile[], plugins: KnownPlugins, view: Catalog): Linted {
  const { documents, catalog, problems } = loadCatalog(files, plugins, view);
  const scripts = scriptsOf(documents, files);
  const found = [
    ...scripts.flatMap((script) =>
      checkScript(script).map((finding) => lintProblem(script.source, script.path, finding)),
    ),
    ...checkConfig(catalog, documents, scripts).map(({ source, path, finding }) => lintProblem(source, path, finding)),
  ];
  // What a template has can only be told where its documents can be read.
  if (!hasErrors(problems)) {
    found.push(
      ...checkTemplates(catalog, documents).map(({ source, path, finding }) => lintProblem(source, path, finding)),
    );
  }
  const own = problems.map((problem): LintProblem => ({ ...problem, rule: "catalog" }));
  return { documents, catalog, scripts, problems: inReadingOrder([...own, ...found]) };
}

/** The problem that a finding in a document is. */
export function lintProblem(source: ParsedDocument, path: Path, finding: LintFinding): LintProblem {
  const { rule, severity, place, message, suggestion = "" } = finding;
  const { document, file } = source;
  const id = documentId(document.kind, document.name);
  return { rule, severity, document: id, file, ...place, path: formatPath(path), message, suggestion };
}

/** By file, line and column; where several meet the worst first, and what is said twice once. */
export function inReadingOrder(problems: readonly LintProblem[]): LintProblem[] {
  const key = (one: LintProblem): string => JSON.stringify([one.file, one.line, one.column, one.message]);
  const unique = [...new Map(problems.map((one) => [key(one), one])).values()];
  return unique.sort(
    (a, b) =>
      (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) ||
      a.line - b.line ||
      a.column - b.column ||
      ORDER[a.severity] - ORDER[b.severity],
  );
}
