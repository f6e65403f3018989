/** What a container gets of Loom's own before it is started, and what it runs as its first process. */
import { nodeFiles } from "../../node/files.js";
import { archive } from "./tar.js";

/** Loom's folder on the node. */
export const NODE_HOME = "/var/lib/loom";

/** PID 1: starts the node's services again whenever the container is started. */
export const NODE_INIT: readonly string[] = ["/bin/sh", `${NODE_HOME}/bin/loom-init`];

/** A command that succeeds once this very start of loom-init takes requests: its file names PID 1 and when that began. */
export const NODE_READY: readonly string[] = [
  "/bin/sh",
  "-c",
  `read -r init <${NODE_HOME}/run/init && set -- $(cat /proc/1/stat) && [ "$init" = "1 \${22}" ]`,
];

/** The files loom-init needs, as a tar archive for `/`; the same that the bootstrap of the automator puts there. */
export function nodeArchive(): Buffer {
  const { files, version } = nodeFiles();
  const folder = `${NODE_HOME}/bin`;
  return archive(
    [
      ...files.map(({ name, text }) => ({ path: `${folder}/${name}`, mode: 0o755, content: text })),
      { path: `${folder}/.version`, mode: 0o644, content: `${version}\n` },
    ],
    [
      { path: NODE_HOME, mode: 0o755 },
      { path: folder, mode: 0o755 },
    ],
  );
}
