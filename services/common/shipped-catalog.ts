/** Where the documents are that come with Loom. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder catalog/ of this program, beside its sources or beside what is built from them. */
export function shippedCatalog(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const candidate = join(folder, "catalog", "templates");
    if (existsSync(candidate)) return dirname(candidate);
    if (folder === dirname(folder)) throw new Error("catalog/ is missing from this installation");
  }
}
