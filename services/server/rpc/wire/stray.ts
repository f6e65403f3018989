/** Strays as messages. */
import type { Stray } from "../../../../gen/services/loom/v1/stray.js";
import type { StrayView } from "../../views.js";
import { clusterPath } from "../names.js";

export function strayToWire(stray: StrayView): Stray {
  return {
    name: `strays/${stray.token}`,
    cluster: clusterPath(stray.cluster),
    node: stray.node,
    incarnation: stray.incarnation,
    provider: stray.provider,
    machine: stray.machine,
    firstSeenTime: stray.firstSeenTime,
    removeTime: stray.removeTime,
    message: stray.message,
  };
}
