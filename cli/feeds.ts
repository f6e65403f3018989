/** Streams that tell that something changed, for `--watch`. */
import type { LoomClient } from "../gateway/client.js";
import { Cluster_State, type Cluster } from "../gen/web/loom/v1/cluster_pb.js";
import { follow } from "./follow.js";
import { jobEnded } from "./render/words.js";
import type { Session } from "./session.js";

/** Reports changes until there can be no more, or the signal fires. */
export type Feed = (changed: () => void, reconnecting: (lost: boolean) => void, signal: AbortSignal) => Promise<void>;

/** Changes of one cluster: its own, and its newest job's tasks while that is at work. Ends when the cluster is gone. */
export function clusterFeed(session: Session, api: LoomClient, name: string, seen: (cluster: Cluster) => void): Feed {
  return async (changed, reconnecting, signal) => {
    let followed = "";
    const jobs: Promise<void>[] = [];
    const stream = follow(session, {
      open: (resumeToken, abort) => api.clusters.watchCluster({ name, resumeToken }, { signal: abort }),
      tokenOf: (message) => message.resumeToken,
      isLast: (message) => message.cluster?.state === Cluster_State.TERMINATED,
      onReconnecting: reconnecting,
      signal,
    });
    for await (const { cluster } of stream) {
      if (cluster === undefined) continue;
      seen(cluster);
      changed();
      const { job } = cluster;
      if (job === undefined || jobEnded(job) || job.name === followed) continue;
      followed = job.name;
      jobs.push(jobFeed(session, api, job.name)(changed, () => undefined, signal).catch(() => undefined));
    }
    await Promise.all(jobs);
  };
}

/** Changes of one job and its tasks. Ends with the job. */
export function jobFeed(session: Session, api: LoomClient, name: string): Feed {
  return async (changed, reconnecting, signal) => {
    const stream = follow(session, {
      open: (resumeToken, abort) => api.jobs.watchJob({ name, resumeToken }, { signal: abort }),
      tokenOf: (message) => message.resumeToken,
      isLast: (message) => message.job !== undefined && jobEnded(message.job),
      onReconnecting: reconnecting,
      signal,
    });
    for await (const message of stream) if (message.job !== undefined || message.tasks.length > 0) changed();
  };
}

/** Everything that happens. A heartbeat counts as a change while `busy`, since a job's progress makes no event. */
export function eventFeed(session: Session, api: LoomClient, parent: string, busy: () => boolean): Feed {
  return async (changed, reconnecting, signal) => {
    const stream = follow(session, {
      open: (resumeToken, abort) => api.events.watchEvents({ parent, resumeToken }, { signal: abort }),
      tokenOf: (message) => message.resumeToken,
      isLast: () => false,
      onReconnecting: reconnecting,
      signal,
    });
    for await (const message of stream) if (message.events.length > 0 || busy()) changed();
  };
}
