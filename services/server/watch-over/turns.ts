/** Looks at groups of clusters: those at one group one after the other, since an older answer must not come over a newer one. */
import { createRounds } from "../../common/rounds.js";
import type { WatchedCluster } from "../store/observations.js";
import type { Group } from "./groups.js";

/**
 * Asks for a look that begins after the call; fulfilled when it is over.
 *
 * @param isPass whether it is part of a look at everything
 */
export type AskForLook = (group: Group, isPass: boolean) => Promise<void>;

/**
 * Of each group one look is under way at most, and one waits, which is that of everybody who has asked meanwhile.
 *
 * @param look must not reject
 */
export function createTurns(look: AskForLook): AskForLook {
  const rounds = createRounds<void>();
  /** What is asked for and has not begun. */
  const asked = new Map<string, { readonly group: Group; readonly isPass: boolean }>();
  return (group, isPass) => {
    const { key } = group;
    const known = asked.get(key);
    const clusters = known === undefined ? group.clusters : together(known.group.clusters, group.clusters);
    asked.set(key, { group: { ...group, clusters }, isPass: isPass || known?.isPass === true });
    return rounds(key, () => {
      const next = asked.get(key)!;
      asked.delete(key);
      return look(next.group, next.isPass);
    });
  };
}

/** Each cluster once, as it was read last. */
function together(one: readonly WatchedCluster[], other: readonly WatchedCluster[]): WatchedCluster[] {
  const all = new Map<string, WatchedCluster>();
  for (const cluster of [...one, ...other]) {
    const key = `${cluster.shard}/${cluster.id}`;
    const known = all.get(key);
    if (known === undefined || known.jobSeq <= cluster.jobSeq) all.set(key, cluster);
  }
  return [...all.values()];
}
