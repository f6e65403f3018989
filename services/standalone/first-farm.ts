/** What a first start leaves behind for a newcomer: the shipped catalog and a small web farm that answers. */
import { CliError } from "../../cli/exit.js";
import { createSession } from "../../cli/session.js";
import type { Terminal } from "../../cli/terminal.js";
import { waitForJob } from "../../cli/wait.js";
import type { LoomClient } from "../../gateway/client.js";
import { DocumentChange_Kind } from "../../gen/web/loom/v1/catalog_pb.js";
import { Cluster_State, type Cluster } from "../../gen/web/loom/v1/cluster_pb.js";
import { Job_State } from "../../gen/web/loom/v1/job_pb.js";
import { LoomError } from "../common/errors.js";
import { readFolder } from "../common/read-folder.js";
import { shippedCatalog } from "../common/shipped-catalog.js";
import { prepareDocker, type DockerOptions } from "./docker.js";
import type { Standalone } from "./start.js";

/** Name of the first cluster. */
export const FARM = "hello";
const FARM_NODES = 4;

/**
 * Writes the shipped documents that are new or newer; what somebody has edited stays.
 *
 * @returns the names of those that stayed, for example `documents/service/web`
 */
export async function loadShippedCatalog(loom: LoomClient): Promise<string[]> {
  const files = await readFolder(shippedCatalog());
  const { changes } = await loom.catalog.applyDocuments({
    files: files.map(({ path, text }) => ({ path, text })),
    shipped: true,
    requestId: crypto.randomUUID(),
  });
  return changes.filter(({ kind }) => kind === DocumentChange_Kind.KEPT).map(({ name }) => name);
}

/** How the provider of the first cluster is found. */
export interface ProviderChoice {
  readonly name: string;
  /** Why this one, for a person. */
  readonly why: string;
}

/** docker where it is ready for clusters or can be made so, else local and why not docker. */
export async function chooseProvider(docker: DockerOptions): Promise<ProviderChoice> {
  const missing = await prepareDocker(docker);
  return missing === undefined
    ? { name: "docker", why: "a Docker daemon answers" }
    : { name: "local", why: missing.replace(/\.$/, "") };
}

/**
 * The provider that was asked for. Where that is docker, its image is made if it is missing.
 *
 * @throws PROVIDER_ERROR where docker was asked for and cannot be used
 */
export async function askedProvider(name: string, docker: DockerOptions): Promise<ProviderChoice> {
  const missing = name === "docker" ? await prepareDocker(docker) : undefined;
  if (missing !== undefined)
    throw new LoomError("PROVIDER_ERROR", `No farm is made on docker, which was asked for. ${missing}`);
  return { name, why: "asked for" };
}

/** The newest cluster of the first cluster's name, deleted ones included. */
export async function findFarm(client: LoomClient): Promise<Cluster | undefined> {
  const states = [Cluster_State.PENDING, Cluster_State.ACTIVE, Cluster_State.INCOMPLETE, Cluster_State.INCONSISTENT];
  const { clusters } = await client.clusters.listClusters({ displayName: FARM, states, pageSize: 1 });
  if (clusters[0] !== undefined) return clusters[0];
  const deleted = await client.clusters.listClusters({
    displayName: FARM,
    states: [Cluster_State.TERMINATED],
    pageSize: 1,
  });
  return deleted.clusters[0];
}

/** Asks for the first cluster. The answer is what waits for it in {@link watchFarm}. */
export async function createFarm(client: LoomClient, provider: string): Promise<Cluster> {
  return client.clusters.createCluster({
    displayName: FARM,
    template: "web-farm",
    nodeCount: FARM_NODES,
    provider,
    requestId: crypto.randomUUID(),
  });
}

/**
 * Shows the progress of the cluster's job until it has ended or the signal fires, and says how it ended.
 *
 * @returns the cluster as it is then
 */
export async function watchFarm(
  loom: Standalone,
  client: LoomClient,
  farm: Cluster,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Cluster> {
  // A job that somebody has paused is not waited for.
  if (farm.state === Cluster_State.PENDING && farm.job !== undefined && farm.job.state !== Job_State.PAUSED) {
    const environment: Terminal = {
      ...terminal,
      env: { ...terminal.env, LOOM_URL: loom.nearUrl, LOOM_TOKEN: loom.token },
    };
    try {
      await waitForJob(createSession(environment, {}, signal), farm.job, { wait: "complete" });
    } catch (thrown) {
      if (!(signal.aborted && thrown instanceof CliError)) throw thrown;
    }
  }
  return client.clusters.getCluster({ name: farm.name });
}
