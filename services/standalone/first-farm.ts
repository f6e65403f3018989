/** What a first start leaves behind for a newcomer: the shipped catalog and a small web farm that answers. */
import { dirname, join } from "node:path";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runCommandLine } from "../../cli/program.js";
import { createSession } from "../../cli/session.js";
import type { Terminal } from "../../cli/terminal.js";
import { waitForJob } from "../../cli/wait.js";
import { createLoomClient, type LoomClient } from "../../gateway/client.js";
import { Cluster_State } from "../../gen/web/loom/v1/cluster_pb.js";
import { readFolder } from "../common/read-folder.js";
import type { Provider } from "../provisioner/providers/provider.js";
import type { Standalone } from "./start.js";

/** Name of the first cluster. */
const FARM = "hello";
const FARM_NODES = 4;

/** The folder catalog/ of this program, beside its sources or beside what is built from them. */
export function shippedCatalog(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const candidate = join(folder, "catalog", "templates");
    if (existsSync(candidate)) return dirname(candidate);
    if (folder === dirname(folder)) throw new Error("catalog/ is missing from this installation");
  }
}

/** Writes the shipped documents that are new or newer; what somebody has edited stays. */
export async function loadShippedCatalog(loom: LoomClient): Promise<void> {
  const files = await readFolder(shippedCatalog());
  await loom.catalog.applyDocuments({ files: files.map(({ path, text }) => ({ path, text })), shipped: true, requestId: crypto.randomUUID() });
}

/** docker where a daemon answers, else local; with the reason where it is not docker. */
export async function chooseProvider(providers: readonly Provider[]): Promise<{ name: string; why: string }> {
  const docker = providers.find((provider) => provider.type === "docker");
  const missing = docker === undefined ? "not offered" : await docker.unavailable();
  return missing === undefined ? { name: "docker", why: "a Docker daemon answers" } : { name: "local", why: missing };
}

/**
 * Makes the first cluster where there never was one, or waits for it where it is being made.
 * @returns the address it answers at; undefined where somebody deleted it or it failed
 */
export async function ensureFarm(loom: Standalone, provider: string, terminal: Terminal): Promise<string | undefined> {
  const client = createLoomClient({ url: loom.url, token: loom.token });
  const states = [Cluster_State.PENDING, Cluster_State.ACTIVE, Cluster_State.INCOMPLETE, Cluster_State.INCONSISTENT, Cluster_State.TERMINATED];
  const { clusters } = await client.clusters.listClusters({ displayName: FARM, states, pageSize: 1 });
  const known = clusters[0];
  // Data is the command's last word here, the address; everything else is talk.
  const environment: Terminal = { ...terminal, stdout: { write: () => true }, env: { ...terminal.env, LOOM_URL: loom.url, LOOM_TOKEN: loom.token } };
  if (known === undefined) {
    await runCommandLine(["create", FARM, "--template", "web-farm", "--nodes", String(FARM_NODES), "--provider", provider, "--wait", "-o", "name"], environment);
  } else if (known.state === Cluster_State.PENDING && known.job !== undefined) {
    await waitForJob(createSession(environment, {}, new AbortController().signal), known.job, { wait: "ended" });
  }
  const { clusters: after } = await client.clusters.listClusters({ displayName: FARM, pageSize: 1 });
  const farm = after[0];
  if (farm === undefined || farm.state !== Cluster_State.ACTIVE) return undefined;
  const cluster = await client.clusters.getCluster({ name: farm.name });
  return cluster.links[0]?.url;
}
