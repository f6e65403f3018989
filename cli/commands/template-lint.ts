/** `loom template lint`: everything an author may want to know of a folder, without a server. */
import { shippedCatalog } from "../../services/common/shipped-catalog.js";
import { loadCatalog } from "../../services/server/catalog/load.js";
import type { Catalog } from "../../services/server/catalog/types.js";
import { EXIT } from "../exit.js";
import { SHIPPED_PLUGINS } from "../plugin-types.js";
import { formatOf, printValue } from "../render/format.js";
import { lintLines, lintSummary } from "../render/lint.js";
import type { OutputOptions, Session } from "../session.js";
import { lintFiles } from "../templates/lint.js";
import { readDocuments } from "./catalog-files.js";

export interface LintOptions extends OutputOptions {
  /** Folder of the documents that those linted may name. */
  readonly catalog?: string;
  readonly strict?: boolean;
}

export async function run(session: Session, options: LintOptions, folder = "."): Promise<number> {
  const format = formatOf(options);
  const files = await readDocuments(folder);
  const { documents, problems } = await lintFiles(
    files,
    SHIPPED_PLUGINS,
    await catalogOf(options.catalog ?? shippedCatalog()),
    session.signal,
  );
  if (format === "json" || format === "yaml")
    await printValue(session, format, { documents: documents.length, problems });
  else if (format === "jsonl") for (const problem of problems) await printValue(session, format, problem);
  else if (format === "name") for (const file of new Set(problems.map((problem) => problem.file))) session.print(file);
  else for (const line of lintLines(problems, files, session.outPalette, widthOf(session))) session.print(line);
  session.say(lintSummary(documents.length, problems));
  const counts = problems.filter(({ severity }) => severity === "error" || (options.strict && severity === "warning"));
  return counts.length === 0 ? EXIT.done : EXIT.badInput;
}

/** The documents of a folder, as far as they can be read. */
export async function catalogOf(folder: string): Promise<Catalog> {
  return loadCatalog(await readDocuments(folder)).catalog;
}

/** Width of problems in characters: long lines of scripts are worth a wide terminal. */
export function widthOf(session: Session): number {
  return Math.min(session.terminal.stdout.columns ?? 100, 140);
}
