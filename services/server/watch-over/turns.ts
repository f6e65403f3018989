/** Looks at groups of clusters: those at one group one after the other, since an older answer must not come over a newer one. */
import type { WatchedCluster } from "../store/observations.js";
import type { Group } from "./groups.js";

/**
 * Asks for a look that begins after the call; fulfilled when it is over.
 *
 * @param isPass whether it is part of a look at everything
 */
export type AskForLook = (group: Group, isPass: boolean) => Promise<void>;

interface Waiting {
  group: Group;
  isPass: boolean;
  readonly over: Promise<void>;
}

/**
 * Of each group one look is under way at most, and one waits, which is that of everybody who has asked meanwhile: however
 * slow a provider is, no queue grows before it.
 *
 * @param look must not reject
 */
export function createTurns(look: AskForLook): AskForLook {
  const underWay = new Map<string, Promise<void>>();
  const waiting = new Map<string, Waiting>();

  function begin(group: Group, isPass: boolean): Promise<void> {
    const over = look(group, isPass).finally(() => {
      // The one that waits begins next, and nobody comes between.
      if (!waiting.has(group.key)) underWay.delete(group.key);
    });
    underWay.set(group.key, over);
    return over;
  }

  return (group, isPass) => {
    const before = underWay.get(group.key);
    if (before === undefined) return begin(group, isPass);
    const next = waiting.get(group.key);
    if (next !== undefined) {
      next.group = { ...group, clusters: together(next.group.clusters, group.clusters) };
      next.isPass ||= isPass;
      return next.over;
    }
    const mine: Waiting = {
      group,
      isPass,
      over: before.then(() => {
        waiting.delete(group.key);
        return begin(mine.group, mine.isPass);
      }),
    };
    waiting.set(group.key, mine);
    return mine.over;
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
