/** Files checked with everything there is: the catalog's rules, those for authors, and the shell's. */
import { inReadingOrder, lintCatalog, type Linted } from "../../services/server/catalog/lint/lint.js";
import type { CatalogFile } from "../../services/server/catalog/parse.js";
import type { KnownPlugins } from "../../services/server/catalog/plugins.js";
import type { Catalog } from "../../services/server/catalog/types.js";
import { checkSyntax } from "./shell.js";

/** @param view documents that those of the files may name */
export async function lintFiles(
  files: readonly CatalogFile[],
  plugins: KnownPlugins,
  view: Catalog,
  signal: AbortSignal,
): Promise<Linted> {
  const linted = lintCatalog(files, plugins, view);
  const syntax = await checkSyntax(linted.scripts, signal);
  return { ...linted, problems: inReadingOrder([...linted.problems, ...syntax]) };
}
