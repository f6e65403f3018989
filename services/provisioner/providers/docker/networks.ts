/** One bridge network for each cluster, named by the cluster's UUID, cut from a configured range. */
import { networkInterfaces } from "node:os";
import { LoomError } from "../../../common/errors.js";
import type { MachineRequest } from "../provider.js";
import { messageOf, statusOf } from "./engine.js";
import type { Engine } from "./engine.js";
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

/** Blocks this host itself is in. Docker's bridges are left out: the daemon knows those better. */
function hostBlocks(): Block[] {
  return Object.entries(networkInterfaces())
    .filter(([name]) => !/^(br-|docker|veth)/.test(name))
    .flatMap(([, addresses]) => addresses ?? [])
    .flatMap(({ family, cidr }) => {
      if (family !== "IPv4" || cidr === null) return [];
      const [address, prefix] = cidr.split("/");
      const block = parseBlock(`${address}/32`);
      const size = 2 ** (32 - Number(prefix));
      return block === undefined ? [] : [{ base: Math.floor(block.base / size) * size, prefix: Number(prefix) }];
    });
}

async function listed(engine: Engine, signal: AbortSignal): Promise<ListedNetwork[]> {
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
  const host = hostBlocks();
  for (const block of candidates(settings.range, settings.prefix, clusterUid)) {
    const deadline = Date.now() + APPEARS_MS;
    for (;;) {
      const found = ofCluster(networks, clusterUid);
      if (found !== undefined) return found;
      if ([...networks.flatMap(blocksOf), ...host].some((other) => overlaps(other, block))) break;
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
    }
  }
  const range = formatBlock(settings.range);
  throw new LoomError(
    "PROVIDER_ERROR",
    `No block of /${settings.prefix} is free in ${range} for the cluster's network. Delete clusters, or give the provider another networkRange.`,
    { metadata: { range } },
  );
}

/** Removes the cluster's networks. One that is gone is a success; one in use by a machine is left. */
export async function removeNetworks(engine: Engine, clusterUid: string, signal: AbortSignal): Promise<void> {
  const networks = await listed(engine, signal);
  for (const { Id } of networks.filter((network) => network.Labels?.[LABEL_UID] === clusterUid)) {
    try {
      await engine.call((abortSignal) => engine.docker.getNetwork(Id).remove({ abortSignal }), signal);
    } catch (thrown) {
      // 403: a container of somebody's is attached, or one of this cluster is being made just now.
      if (statusOf(thrown) !== 404 && statusOf(thrown) !== 403) throw thrown;
    }
  }
}
