/** Clusters by who can tell of their machines: one question for all that pinned the same provider. */
import type { JsonObject } from "../catalog/types.js";
import { canonicalJson } from "../catalog/canonical.js";
import type { ObservationStore, PinnedProvider, WatchedCluster } from "../store/observations.js";
import type { InventoryQuestion } from "../workers/types.js";

/** A provider as clusters pinned it, and the clusters. */
export interface Group {
  readonly key: string;
  readonly question: InventoryQuestion & { readonly provisioner: string };
  readonly clusters: WatchedCluster[];
}

/** Where a cluster is. */
export interface Place {
  readonly shard: number;
  readonly id: bigint;
}

const placeKey = ({ shard, id }: Place): string => `${shard}/${id}`;

/** The same text for documents that mean the same machines, whatever they are called. */
export function providerKey({ type, provisioner, fields }: Omit<PinnedProvider, "name">): string {
  return canonicalJson([type, provisioner, fields as JsonObject]);
}

export interface Groups {
  /**
   * Groups of these clusters. Groups of `others` are there too, without them: their machines are looked for.
   *
   * @param isAll no other cluster is of interest any more
   */
  of(clusters: readonly WatchedCluster[], others: readonly Place[], isAll: boolean): Promise<Group[]>;
  /** The key of a cluster's group; undefined where it was in no answer of `of`. */
  keyOf(place: Place): string | undefined;
}

/** What clusters pinned never changes, so it is read once for each. */
export function createGroups(store: Pick<ObservationStore, "providers">): Groups {
  const known = new Map<string, Pinned>();

  async function read(places: readonly Place[]): Promise<void> {
    /** One object for all that pinned the same. */
    const shared = new Map([...known.values()].map((pinned) => [nameOf(pinned), pinned]));
    for (let at = 0; at < places.length; at += 1_000) {
      const part = places.slice(at, at + 1_000);
      for (const [index, provider] of (await store.providers(part)).entries()) {
        const pinned = { provider, key: providerKey(provider) };
        if (!shared.has(nameOf(pinned))) shared.set(nameOf(pinned), pinned);
        known.set(placeKey(part[index]!), shared.get(nameOf(pinned))!);
      }
    }
  }

  return {
    async of(clusters, others, isAll) {
      const all = [...clusters, ...others];
      if (isAll) {
        const present = new Set(all.map(placeKey));
        for (const key of known.keys()) if (!present.has(key)) known.delete(key);
      }
      await read(all.filter((place) => !known.has(placeKey(place))));
      const groups = new Map<string, Group>();
      const groupOf = (place: Place): Group => {
        const { key, provider } = known.get(placeKey(place))!;
        let group = groups.get(key);
        if (group === undefined) {
          const { name, type, provisioner, fields } = provider;
          group = { key, question: { providerType: type, provider: name, provisioner, fields }, clusters: [] };
          groups.set(key, group);
        }
        return group;
      };
      for (const cluster of clusters) groupOf(cluster).clusters.push(cluster);
      for (const place of others) groupOf(place);
      return [...groups.values()];
    },
    keyOf: (place) => known.get(placeKey(place))?.key,
  };
}

interface Pinned {
  readonly provider: PinnedProvider;
  readonly key: string;
}

const nameOf = ({ key, provider }: Pinned): string => `${provider.name} ${key}`;
