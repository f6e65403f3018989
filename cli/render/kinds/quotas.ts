/** Columns of quotas. */
import { QuotaSchema, type Quota } from "../../../gen/web/loom/v1/system_pb.js";
import type { RecordKind } from "../output.js";

/** `3 of 5`, or `3, no limit`. */
function usage(used: number, max: number | undefined): string {
  return max === undefined ? `${used}, no limit` : `${used} of ${max}`;
}

export const QUOTAS: RecordKind<Quota> = {
  schema: QuotaSchema,
  plural: "quotas",
  nameOf: (quota) => quota.tenant,
  empty: "No quota.",
  columns: [
    { name: "tenant", value: (quota) => quota.tenant },
    { name: "datacenter", value: (quota) => quota.datacenter },
    { name: "clusters", value: (quota) => usage(quota.usedClusters, quota.maxClusters) },
    { name: "nodes", value: (quota) => usage(quota.usedNodes, quota.maxNodes) },
  ],
};
