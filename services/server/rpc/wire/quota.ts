/** Quotas as messages. */
import type { Quota } from "../../../../gen/services/loom/v1/system.js";
import type { QuotaView } from "../../views.js";

export function quotaToWire(quota: QuotaView): Quota {
  const { tenant, datacenter, maxClusters, maxNodes, usedClusters, usedNodes, etag } = quota;
  return { tenant, datacenter, maxClusters, maxNodes, usedClusters, usedNodes, etag };
}
