/** The version of this program. */
import { readFileSync } from "node:fs";

/** From the package.json above, which is one folder higher in the sources and two in what is built. */
export function programVersion(): string {
  for (const path of ["../package.json", "../../package.json"]) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8")) as {
        name: string;
        version: string;
      };
      if (name === "loom") return version;
    } catch {
      // The other place, then.
    }
  }
  return "unknown";
}
