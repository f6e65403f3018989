/** Which nodes are added when a service is to be on more nodes. Pure. */
import { LoomError } from "../../common/errors.js";
import type { ClusterTemplate } from "../catalog/types.js";
import { mergeGroups } from "../layout/nodes.js";
import { LARGEST_CLUSTER } from "../layout/problem.js";
import type { NodeGroup } from "../layout/types.js";

/** What of a cluster decides how it may grow. */
export interface GrowingCluster {
  /** Without `clusters/`. */
  readonly name: string;
  readonly spec: { readonly template: { readonly body: ClusterTemplate } };
}

/**
 * `count` more nodes of the layout that carries the service; of several layouts the most preferred one whose services
 * may all be on so many more nodes.
 *
 * @param layout what the cluster has, in preference order
 * @returns the groups to add and the services that grow
 * @throws SERVICE_NOT_FOUND, INVALID_FIELD, INVALID_SIZE, NO_LAYOUT
 */
export function growGroups(
  cluster: GrowingCluster,
  layout: readonly NodeGroup[],
  service: string,
  count: number,
): { groups: NodeGroup[]; services: string[] } {
  const { template } = cluster.spec;
  if (!Number.isInteger(count) || count < 1) {
    throw new LoomError("INVALID_FIELD", `The number of nodes to add must be 1 or more, not ${count}.`, {
      violations: [{ field: "count", description: "must be 1 or more" }],
    });
  }
  const carrying = layout.filter((group) => group.services.includes(service));
  if (carrying.length === 0) {
    const present = [...new Set(layout.flatMap((group) => group.services))].sort();
    throw new LoomError(
      "SERVICE_NOT_FOUND",
      `Service "${service}" is on no node of "${cluster.name}". On it are ${present.join(", ")}.`,
      { metadata: { service } },
    );
  }
  const size = layout.reduce((sum, group) => sum + group.count, 0);
  const most = Math.min(template.body.constraints?.size?.max ?? LARGEST_CLUSTER, LARGEST_CLUSTER);
  if (size + count > most) {
    throw new LoomError(
      "INVALID_SIZE",
      `"${cluster.name}" has ${size} nodes and may have ${most}; ${count} more are too many.`,
      { metadata: { size: String(size), max: String(most) } },
    );
  }
  const refusals: string[] = [];
  for (const kind of carrying) {
    const group = { ...kind, count };
    const grown = mergeGroups(layout, [group]);
    const over = kind.services.filter((name) => {
      const max = template.body.constraints?.services?.[name]?.max;
      return (
        max !== undefined && grown.reduce((sum, one) => sum + (one.services.includes(name) ? one.count : 0), 0) > max
      );
    });
    if (over.length === 0) return { groups: [group], services: [...kind.services] };
    refusals.push(
      ...over.map((name) => `"${name}" may be on at most ${template.body.constraints!.services![name]!.max} nodes`),
    );
  }
  throw new LoomError(
    "NO_LAYOUT",
    `No node that carries "${service}" can be added: ${[...new Set(refusals)].join("; ")}.`,
    { metadata: { service } },
  );
}
