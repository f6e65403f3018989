/** Whether what is asked for still fits into a quota. Pure. */
import { LoomError } from "../../common/errors.js";
import type { QuotaSlice, QuotaUse } from "../store/quotas.js";

/** @throws QUOTA_EXCEEDED with what may be used, what is used, and what to do */
export function checkFits(
  tenant: string,
  { maxClusters, maxNodes }: Pick<QuotaSlice, "maxClusters" | "maxNodes">,
  used: QuotaUse,
  asked: QuotaUse,
): void {
  const over = (
    [
      ["clusters", maxClusters],
      ["nodes", maxNodes],
    ] as const
  ).find(([what, max]) => max !== undefined && asked[what] > 0 && used[what] + asked[what] > max);
  if (over === undefined) return;
  const [what, max] = over;
  const needed = used[what] + asked[what];
  const one = { clusters: "cluster", nodes: "node" }[what];
  const counted = (n: number): string => `${n} ${n === 1 ? one : what}`;
  const less =
    what === "clusters"
      ? 'Delete one that is not needed any more ("loom list" shows them)'
      : 'Delete clusters or remove nodes that are not needed any more ("loom list" shows them)';
  throw new LoomError(
    "QUOTA_EXCEEDED",
    `Tenant "${tenant}" may have ${counted(max!)} and has ${used[what]}; ${asked[what]} more would be ${needed}. ${less}, or ask an administrator for a larger quota: "loom quota set --${what} ${needed}".`,
    {
      metadata: {
        tenant,
        resource: what,
        allowed: String(max),
        used: String(used[what]),
        asked: String(asked[what]),
      },
    },
  );
}
