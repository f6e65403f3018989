/** From groups of nodes to numbered, named nodes. */
import type { NodeGroup } from "./types.js";

/** Number of a cluster's first node. */
export const FIRST_NODE = 1000;

/** Longest label of a host name (RFC 1035). */
const LONGEST_LABEL = 63;

/**
 * Host name of a node: `<display name><cluster id>-<node number>.<suffix>`, lower case, digits at the beginning of the
 * display name left out, `_` and `.` turned into `-`, cut so that the label has at most 63 characters
 * (docs/architecture.md, "Names"). Without a suffix it is `local`; one leading dot of a suffix is left out.
 */
export function createHostname(displayName: string, clusterId: string, nodeNumber: number, dnsSuffix: string): string {
  const tail = `${clusterId}-${nodeNumber}`;
  const head = displayName
    .replace(/^[0-9]+/, "")
    .slice(0, LONGEST_LABEL - tail.length)
    .replace(/[_.]/g, "-")
    .toLowerCase();
  const suffix = dnsSuffix.replace(/^\./, "");
  return `${head}${tail}.${suffix === "" ? "local" : suffix}`;
}

export interface NumberedNode {
  readonly number: number;
  readonly hostname: string;
  readonly hardwareType: string;
  readonly imageType: string;
  readonly services: readonly string[];
}

/** Nodes of the groups in their order, numbered upward. The same groups give the same nodes on every machine. */
export function numberNodes(
  groups: readonly NodeGroup[],
  names: {
    readonly firstNumber: number;
    readonly displayName: string;
    readonly clusterId: string;
    readonly dnsSuffix: string;
  },
): NumberedNode[] {
  let number = names.firstNumber;
  return groups.flatMap(({ count, hardwareType, imageType, services }) =>
    Array.from({ length: count }, () => {
      const node = {
        number,
        hostname: createHostname(names.displayName, names.clusterId, number, names.dnsSuffix),
        hardwareType,
        imageType,
        services,
      };
      number += 1;
      return node;
    }),
  );
}

const kindOf = ({ hardwareType, imageType, services }: Omit<NodeGroup, "count">): string =>
  JSON.stringify([hardwareType, imageType, services]);

/** Adds groups to groups: those of the same kind of node become one, new kinds come last. */
export function mergeGroups(groups: readonly NodeGroup[], added: readonly NodeGroup[]): NodeGroup[] {
  const merged = new Map(groups.map((group) => [kindOf(group), group]));
  for (const group of added) {
    const present = merged.get(kindOf(group));
    merged.set(kindOf(group), present === undefined ? group : { ...present, count: present.count + group.count });
  }
  return [...merged.values()];
}
