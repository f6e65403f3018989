/** `loom list` */
import type { LoomClient } from "../../gateway/client.js";
import { Cluster_State, type Cluster } from "../../gen/web/loom/v1/cluster_pb.js";
import { EXIT } from "../exit.js";
import { eventFeed } from "../feeds.js";
import { readPages } from "../pages.js";
import { CLUSTERS } from "../render/kinds/clusters.js";
import { printRecords } from "../render/output.js";
import type { OutputOptions, Session } from "../session.js";
import { statesOf } from "../states.js";
import { watchRecords } from "../watch.js";

export interface ListOptions extends OutputOptions {
  readonly state?: readonly string[];
  readonly template?: string;
  readonly watch?: boolean;
}

export interface ClusterFilter {
  readonly states: readonly Cluster_State[];
  readonly template: string;
}

/** Every cluster that the filter lets through, newest first. */
export function listClusters(
  session: Session,
  api: LoomClient,
  filter: ClusterFilter,
): Promise<{ items: Cluster[]; unreachable: string[] }> {
  return readPages(async (page) => {
    const answer = await api.clusters.listClusters(
      { ...filter, states: [...filter.states], ...page },
      { signal: session.signal },
    );
    return { items: answer.clusters, nextPageToken: answer.nextPageToken, unreachable: answer.unreachable };
  });
}

export async function run(session: Session, options: ListOptions): Promise<number> {
  const filter = {
    states: statesOf(Cluster_State as unknown as Record<string, number>, options.state),
    template: options.template ?? "",
  };
  const api = await session.api();
  if (options.watch === true) return watchList(session, api, options, filter);
  const { items, unreachable } = await listClusters(session, api, filter);
  await printRecords(session, options, CLUSTERS, items, unreachable);
  return EXIT.done;
}

/** Watches the list until Ctrl-C: clusters come and go for ever. */
export async function watchList(
  session: Session,
  api: LoomClient,
  options: OutputOptions,
  filter: ClusterFilter,
): Promise<number> {
  let busy = true;
  await watchRecords(session, options, {
    kind: CLUSTERS,
    snapshot: async () => {
      const { items } = await listClusters(session, api, filter);
      busy = items.some((cluster) => cluster.state === Cluster_State.PENDING);
      return items;
    },
    feed: eventFeed(session, api, "", () => busy),
    isDone: () => false,
  });
  return EXIT.done;
}
