/** The end of a cluster that was only tried: whatever it is doing, it is stopped and deleted. */
import { randomUUID } from "node:crypto";
import type { LoomClient } from "../../gateway/client.js";
import { Cluster_State, type Cluster } from "../../gen/web/loom/v1/cluster_pb.js";
import { LoomError } from "../../services/common/errors.js";
import { CliError, EXIT } from "../exit.js";
import { lastPart } from "../names.js";
import { mutate } from "../request.js";
import type { Session } from "../session.js";
import { waitForJob } from "../wait.js";

/** So often another job may get in between. */
const TRIES = 5;

/**
 * Cancels what is at work and deletes the cluster.
 *
 * @param session one that Ctrl-C does not stop
 * @throws CliError where the cluster is still there, with what to do
 */
export async function removeCluster(session: Session, name: string): Promise<void> {
  const api = await session.api();
  const what = lastPart(name);
  try {
    for (let attempt = 1; ; attempt += 1) {
      const cluster = await api.clusters.getCluster({ name });
      if (cluster.state === Cluster_State.TERMINATED) break;
      if (cluster.state === Cluster_State.PENDING) await stop(session, api, cluster);
      try {
        const job = await mutate(session, {}, `delete ${what}`, (requestId) =>
          api.clusters.deleteCluster({ name, requestId }),
        );
        const { exit } = await waitForJob(session, job, {});
        if (exit === EXIT.done) break;
        throw new CliError(EXIT.failed, `${what} could not be deleted: the job failed.`, {
          advice: [`Try again: loom delete ${what}`],
        });
      } catch (thrown) {
        const isEarly =
          thrown instanceof LoomError && (thrown.reason === "CLUSTER_BUSY" || thrown.reason === "CLUSTER_STATE");
        if (!isEarly || attempt === TRIES) throw thrown;
      }
    }
    session.say(`Deleted: nothing of ${what} is left.`);
  } catch (thrown) {
    if (thrown instanceof CliError && thrown.exit === EXIT.failed) throw thrown;
    throw new CliError(EXIT.failed, `Whether ${what} is deleted is not known: ${(thrown as Error).message}`, {
      advice: [`Look: loom status ${what}`, `Delete it: loom delete ${what}`],
      cause: thrown,
    });
  }
}

/** Ends the job that is at work, whatever becomes of it. */
async function stop(session: Session, api: LoomClient, cluster: Cluster): Promise<void> {
  if (cluster.job === undefined) return;
  const { name } = cluster.job;
  try {
    const job = await mutate(session, { requestId: randomUUID() }, `cancel ${name}`, (requestId) =>
      api.jobs.cancelJob({ name, requestId }),
    );
    await waitForJob(session, job, { wait: "ended" });
  } catch (thrown) {
    // It has ended by itself meanwhile.
    if (!(thrown instanceof LoomError) || thrown.reason !== "JOB_STATE") throw thrown;
  }
}
