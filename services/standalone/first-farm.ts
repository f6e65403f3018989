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
import { LoomError } from "../common/errors.js";
import { readFolder } from "../common/read-folder.js";
import { prepareDocker, type DockerOptions } from "./docker.js";
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
  await loom.catalog.applyDocuments({
    files: files.map(({ path, text }) => ({ path, text })),
    shipped: true,
    requestId: crypto.randomUUID(),
  });
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

/**
 * Makes the first cluster where there never was one, or waits for it where it is being made.
 *
 * @param choose asked only where it has to be made
 * @returns the address it answers at; undefined where somebody deleted it or it failed
 */
export async function ensureFarm(
  loom: Standalone,
  choose: () => Promise<ProviderChoice>,
  terminal: Terminal,
  say: (step: string) => void,
): Promise<string | undefined> {
  const client = createLoomClient({ url: loom.url, token: loom.token });
  const states = [
    Cluster_State.PENDING,
    Cluster_State.ACTIVE,
    Cluster_State.INCOMPLETE,
    Cluster_State.INCONSISTENT,
    Cluster_State.TERMINATED,
  ];
  const { clusters } = await client.clusters.listClusters({ displayName: FARM, states, pageSize: 1 });
  const known = clusters[0];
  // Data is the command's last word here, the address; everything else is talk.
  const environment: Terminal = {
    ...terminal,
    stdout: { write: () => true },
    env: { ...terminal.env, LOOM_URL: loom.url, LOOM_TOKEN: loom.token },
  };
  if (known === undefined) {
    const { name, why } = await choose();
    say(`the farm "${FARM}" is made by provider ${name} (${why})`);
    const nodes = String(FARM_NODES);
    const command = ["create", FARM, "--template", "web-farm", "--nodes", nodes, "--provider", name, "--wait"];
    await runCommandLine([...command, "-o", "name"], environment);
  } else {
    say(`the farm "${FARM}" is on provider ${known.provider}`);
  }
  if (known?.state === Cluster_State.PENDING && known.job !== undefined) {
    await waitForJob(createSession(environment, {}, new AbortController().signal), known.job, { wait: "ended" });
  }
  const { clusters: after } = await client.clusters.listClusters({ displayName: FARM, pageSize: 1 });
  const farm = after[0];
  if (farm === undefined || farm.state !== Cluster_State.ACTIVE) return undefined;
  const cluster = await client.clusters.getCluster({ name: farm.name });
  return cluster.links[0]?.url;
}
