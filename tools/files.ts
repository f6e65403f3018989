/** Files of the project for the tools beside: what is ours, without what is installed, generated or compiled. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

const NOT_OURS = new Set([".git", "node_modules", "gen", "build", "coverage", ".loom"]);

/** Paths of every file below the folder, in order, relative to where the folder's own path is relative to. */
export function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !NOT_OURS.has(entry.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesBelow(path) : [path];
    });
}
