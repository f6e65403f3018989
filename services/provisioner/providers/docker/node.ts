/** What a container gets of Loom's own before it is started, and what it runs as its first process. */
import type { MachineRequest } from "../provider.js";
import type { Init } from "./containers.js";
import { archive } from "./tar.js";

/** Loom's folder on the node. */
export const NODE_HOME = "/var/lib/loom";

export function nodeArchive(): Buffer {
  return archive([], [{ path: NODE_HOME, mode: 0o755 }]);
}

export function nodeInit(request: MachineRequest): Init {
  return { argv: ["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done"], env: { LOOM_NODE: String(request.nodeNumber) } };
}
