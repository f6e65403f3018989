/** The layout of a cluster whose nodes have changed, in the preference order that it had. Pure. */
import type { NodeGroup } from "./types.js";

/**
 * Kinds of nodes that were there keep their places. One that came of another, by services that came or went, has the
 * place of that one: what was preferred still is. Anything else comes last, in the order given.
 *
 * @param before in preference order
 * @param kinds of the nodes that there are, each once; their services sorted
 */
export function reorderLayout(before: readonly NodeGroup[], kinds: readonly NodeGroup[]): NodeGroup[] {
  const rankOf = (kind: NodeGroup): number => {
    const alike = before.map((group) => isAlike(group, kind));
    const same = before.findIndex((group, index) => alike[index] && group.services.length === kind.services.length);
    const first = same >= 0 ? same : alike.indexOf(true);
    return first >= 0 ? first : before.length;
  };
  return kinds
    .map((kind) => ({ kind, rank: rankOf(kind) }))
    .sort((one, other) => one.rank - other.rank)
    .map(({ kind }) => kind);
}

/** Whether one is the other with services that came, or that went. */
function isAlike(one: NodeGroup, other: NodeGroup): boolean {
  const [few, many] = one.services.length < other.services.length ? [one, other] : [other, one];
  return (
    one.hardwareType === other.hardwareType &&
    one.imageType === other.imageType &&
    few.services.every((service) => many.services.includes(service))
  );
}
