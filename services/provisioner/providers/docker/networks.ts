/** One bridge network for each cluster, named by the cluster's UUID, cut from a configured range. */
import { LoomError } from "../../../common/errors.js";
import type { MachineRequest } from "../provider.js";
import { messageOf, statusOf } from "./engine.js";
import type { Engine } from "./engine.js";
import { hostBlocks, routedBlocks } from "./host-blocks.js";
import type { Taken } from "./host-blocks.js";
import type { DockerSettings } from "./settings.js";
import { candidates, formatBlock, gateway, overlaps, parseBlock } from "./subnets.js";
import type { Block } from "./subnets.js";

export const LABEL_UID = "loom.uid";

export interface ClusterNetwork {
  readonly id: string;
  readonly name: string;
  readonly block: Block;
}

/** The daemon's answer for a network, as far as it matters here. */
interface ListedNetwork {
  readonly Id: string;
  readonly Name: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly IPAM?: { readonly Config?: readonly { readonly Subnet?: string }[] | null };
}

/** The name of a cluster's network. */
export function networkName(clusterUid: string): string {
  return `loom-net-${clusterUid}`;
}

function blocksOf(network: ListedNetwork): Block[] {
  return (network.IPAM?.Config ?? []).flatMap((config) => parseBlock(config.Subnet ?? "") ?? []);
}

/** The blocks the daemon and this host have in use. */
function takenBlocks(engine: Engine, networks: readonly ListedNetwork[]): Taken[] {
  const known = networks.flatMap((network) =>
    blocksOf(network).map((block) => ({ block, by: `network ${network.Name}` })),
  );
  // What this host has says nothing of a daemon elsewhere.
  return engine.host.startsWith("unix://") ? [...known, ...hostBlocks(), ...routedBlocks()] : known;
}

/** No block of the range is free, and what has the first ones. */
function exhausted(settings: DockerSettings, taken: readonly Taken[]): LoomError {
  const range = formatBlock(settings.range);
  const inRange = taken.filter(({ block }) => overlaps(block, settings.range));
  const foreign = inRange.filter(({ by }) => !by.startsWith("network loom-net-"));
  const named = foreign.slice(0, 3).map(({ block, by }) => `${by} has ${formatBlock(block)}`);
  const advice = inRange.length > foreign.length ? "Delete clusters, or give" : "Give";
  return new LoomError(
    "PROVIDER_ERROR",
    `No block of /${settings.prefix} is free in ${range} for the cluster's network${named.length === 0 ? "" : ` (${named.join(", ")})`}. ${advice} the provider another networkRange.`,
    { metadata: { range } },
  );
}

/**
 * Looks whether a network for one more cluster could be made.
 *
 * @throws PROVIDER_ERROR where the range has no free block
 */
export async function checkRange(engine: Engine, settings: DockerSettings): Promise<void> {
  const taken = takenBlocks(engine, await listed(engine));
  for (const block of candidates(settings.range, settings.prefix, "")) {
    if (!taken.some((other) => overlaps(other.block, block))) return;
  }
  throw exhausted(settings, taken);
}

async function listed(engine: Engine, signal?: AbortSignal): Promise<ListedNetwork[]> {
  return (await engine.call((abortSignal) => engine.docker.listNetworks({ abortSignal }), signal)) as ListedNetwork[];
}

function ofCluster(networks: readonly ListedNetwork[], clusterUid: string): ClusterNetwork | undefined {
  const own = networks
    .filter((network) => network.Labels?.[LABEL_UID] === clusterUid)
    .sort((a, b) => (a.Id < b.Id ? -1 : 1))[0];
  const block = own === undefined ? undefined : blocksOf(own)[0];
  return own === undefined || block === undefined ? undefined : { id: own.Id, name: own.Name, block };
}

/** Waits a moment; ends early on abort. */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener("abort", done, { once: true });
  });
}

/** How long a network that another process is making may take to show up. */
const APPEARS_MS = 10_000;

/**
 * Finds the cluster's network or makes it. Several may ask at once, in this process and in others: the daemon gives a
 * block away once, all who ask for one cluster try the same blocks in the same order, and a block that is refused but
 * not listed yet is waited for, so that the second finds the first one's network.
 *
 * @throws PROVIDER_ERROR where the range has no free block
 */
export async function ensureNetwork(
  engine: Engine,
  request: MachineRequest,
  settings: DockerSettings,
  signal: AbortSignal,
): Promise<ClusterNetwork> {
  const { clusterUid } = request;
  let networks = await listed(engine, signal);
  let taken = takenBlocks(engine, networks);
  for (const block of candidates(settings.range, settings.prefix, clusterUid)) {
    const deadline = Date.now() + APPEARS_MS;
    for (;;) {
      const found = ofCluster(networks, clusterUid);
      if (found !== undefined) return found;
      if (taken.some((other) => overlaps(other.block, block))) break;
      try {
        // Not ended by the signal: the daemon would go on by itself, and the network come up after a delete.
        await engine.call((abortSignal) =>
          engine.docker.createNetwork({
            Name: networkName(clusterUid),
            CheckDuplicate: true,
            Driver: "bridge",
            IPAM: { Driver: "default", Config: [{ Subnet: formatBlock(block), Gateway: gateway(block) }] },
            Labels: { "loom.cluster": request.clusterName, [LABEL_UID]: clusterUid, "loom.tenant": request.tenant },
            abortSignal,
          }),
        );
      } catch (thrown) {
        // Taken by name or by block: by another process that makes the same, or by somebody else's network.
        if (statusOf(thrown) !== 409 && !/overlap/i.test(messageOf(thrown))) throw thrown;
        if (Date.now() > deadline) break;
        await pause(100, signal);
      }
      networks = await listed(engine, signal);
      taken = takenBlocks(engine, networks);
    }
  }
  throw exhausted(settings, taken);
}

/**
 * Removes the cluster's networks. One that is gone is a success; one in use by a machine of the cluster is left.
 *
 * @throws PROVIDER_ERROR where somebody else's container is attached to one
 */
export async function removeNetworks(engine: Engine, clusterUid: string, signal: AbortSignal): Promise<void> {
  const networks = await listed(engine, signal);
  for (const { Id, Name } of networks.filter((network) => network.Labels?.[LABEL_UID] === clusterUid)) {
    try {
      await engine.call((abortSignal) => engine.docker.getNetwork(Id).remove({ abortSignal }), signal);
    } catch (thrown) {
      if (statusOf(thrown) === 404) continue;
      // 403: a container is attached. One of this cluster is being made just now; then its delete removes the network.
      if (statusOf(thrown) !== 403) throw thrown;
      const foreign = await foreigners(engine, Id, clusterUid, signal);
      if (foreign.length > 0) throw inUse(Name, foreign);
    }
  }
}

/** Names of containers in the network that are not machines of the cluster. */
async function foreigners(engine: Engine, network: string, clusterUid: string, signal: AbortSignal): Promise<string[]> {
  const filters = { network: [network] };
  const containers = await engine.call(
    (abortSignal) => engine.docker.listContainers({ all: true, filters, abortSignal }),
    signal,
  );
  return containers
    .filter(({ Labels }) => Labels[LABEL_UID] !== clusterUid)
    .map(({ Names, Id }) => (Names[0] ?? Id).replace(/^\//, ""))
    .sort();
}

function inUse(network: string, containers: readonly string[]): LoomError {
  const disconnect = containers.map((name) => `"docker network disconnect -f ${network} ${name}"`).join(", ");
  return new LoomError(
    "PROVIDER_ERROR",
    `The cluster's network ${network} cannot be removed: containers that are not Loom's are in it (${containers.join(", ")}). Take them out with ${disconnect}, then retry the job.`,
    { metadata: { network } },
  );
}
