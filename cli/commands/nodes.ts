/** `loom nodes` */
import { Cluster_State } from "../../gen/web/loom/v1/cluster_pb.js";
import { EXIT } from "../exit.js";
import { clusterFeed } from "../feeds.js";
import { findCluster } from "../names.js";
import { NODES } from "../render/kinds/clusters.js";
import { printRecords } from "../render/output.js";
import type { OutputOptions, Session } from "../session.js";
import { watchRecords } from "../watch.js";
import { nodesOf } from "./status.js";

export interface NodesOptions extends OutputOptions {
  /** Also nodes that are gone. */
  readonly all?: boolean;
  readonly watch?: boolean;
}

export async function run(session: Session, options: NodesOptions, name: string): Promise<number> {
  const api = await session.api();
  const cluster = await findCluster(api, name, session.signal);
  const snapshot = (): ReturnType<typeof nodesOf> => nodesOf(session, api, cluster.name, options.all === true);
  if (options.watch !== true) {
    await printRecords(session, options, NODES, await snapshot());
    return EXIT.done;
  }
  let state = cluster.state;
  await watchRecords(session, options, {
    kind: NODES,
    snapshot,
    feed: clusterFeed(session, api, cluster.name, (next) => (state = next.state)),
    isDone: () => state === Cluster_State.TERMINATED,
  });
  return EXIT.done;
}
