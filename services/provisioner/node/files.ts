/**
 * The shell files that live on nodes. They are read from the source tree once: the compiler does not copy them, so they
 * are looked for from the package's root, which is the same for sources and for compiled files.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export interface NodeFile {
  /** Name in the folder `bin` of a node's home. */
  readonly name: string;
  readonly text: string;
}

export interface NodeFiles {
  readonly files: readonly NodeFile[];
  /** SHA-256 over names and texts, in hex: the same version means the same files. */
  readonly version: string;
}

const NAMES = ["loom-apt", "loom-config", "loom-init", "loom-run", "loom-service"];

let loaded: NodeFiles | undefined;

/** loom-apt, loom-config, loom-init, loom-run and loom-service; each is to be executable in `<home>/bin`. */
export function nodeFiles(): NodeFiles {
  if (loaded === undefined) {
    const folder = join(packageRoot(), "services", "provisioner", "node");
    const files = NAMES.map((name) => ({ name, text: readFileSync(join(folder, name), "utf8") }));
    const version = createHash("sha256").update(JSON.stringify(files)).digest("hex");
    loaded = { files, version };
  }
  return loaded;
}

function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error("Loom's package.json was not found above its own files.");
    folder = parent;
  }
  return folder;
}

/**
 * A shell script that puts the files into `<home>/bin`, each by rename so that a running one is not disturbed. `version`
 * is written last; where it is there already nothing is done.
 *
 * @param home absolute folder on the node
 */
export function installScript(home: string): string {
  const { files, version } = nodeFiles();
  const lines = [
    "set -eu",
    `cd ${quote(home)}`,
    `if [ -f bin/.version ] && [ "$(cat bin/.version)" = ${version} ]; then exit 0; fi`,
    "mkdir -p bin",
  ];
  for (const { name, text } of files) {
    lines.push(`cat >bin/.${name}.$$ <<'LOOM_END_OF_FILE'`, text.replace(/\n$/, ""), "LOOM_END_OF_FILE");
    lines.push(`chmod 755 bin/.${name}.$$`, `mv -f bin/.${name}.$$ bin/${name}`);
  }
  lines.push(`echo ${version} >bin/.version.$$`, "mv -f bin/.version.$$ bin/.version", "");
  return lines.join("\n");
}

/** The text as one word of the shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
