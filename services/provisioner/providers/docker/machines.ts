/** What the provider does with single containers. Every step may be repeated. */
import type Docker from "dockerode";
import { LoomError } from "../../../common/errors.js";
import type { MachineRequest } from "../provider.js";
import { LABEL_ADDRESS, checkOwn, containerName, containerSpec } from "./containers.js";
import { statusOf } from "./engine.js";
import type { Engine } from "./engine.js";
import { LABEL_UID, ensureNetwork, pause } from "./networks.js";
import type { ClusterNetwork } from "./networks.js";
import { nodeArchive } from "./node.js";
import { readSettings } from "./settings.js";
import type { DockerSettings } from "./settings.js";
import { addressFor, capacity, overlaps, parseAddress } from "./subnets.js";

/** How long a removal is tried again, in milliseconds. */
const REMOVE_MS = 60_000;

export type Inspected = Docker.ContainerInspectInfo;

/** The machine's container, undefined where there is none. */
export async function inspect(
  engine: Engine,
  request: MachineRequest,
  signal?: AbortSignal,
): Promise<Inspected | undefined> {
  try {
    const container = await engine.call(
      (abortSignal) => engine.docker.getContainer(containerName(request.token)).inspect({ abortSignal }),
      signal,
    );
    checkOwn(container, request);
    return container;
  } catch (thrown) {
    if (statusOf(thrown) === 404) return undefined;
    throw thrown;
  }
}

/** Every container of the cluster, stopped ones too. */
export async function ofCluster(
  engine: Engine,
  clusterUid: string,
  signal: AbortSignal,
): Promise<Docker.ContainerInfo[]> {
  const filters = { label: [`${LABEL_UID}=${clusterUid}`] };
  return engine.call((abortSignal) => engine.docker.listContainers({ all: true, filters, abortSignal }), signal);
}

/** Removes the machine's container; one that is not there is a success. */
export async function remove(engine: Engine, request: MachineRequest, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + REMOVE_MS;
  for (;;) {
    try {
      const container = engine.docker.getContainer(containerName(request.token));
      await engine.call((abortSignal) => container.remove({ force: true, v: true, abortSignal }), signal);
      return;
    } catch (thrown) {
      if (statusOf(thrown) === 404) return;
      // 409: another removal is under way. 500: a file system that is busy for a moment.
      if (statusOf(thrown) === undefined || Date.now() > deadline) throw thrown;
      await pause(200, signal);
    }
  }
}

/**
 * Makes the container, not started yet; a 409 tells that there is one with its name. To be called once at a time for
 * each cluster: the network and the address are looked up and taken in one go.
 */
export async function make(
  engine: Engine,
  request: MachineRequest,
  settings: DockerSettings,
  installation: string,
  signal: AbortSignal,
): Promise<void> {
  const network = await ensureNetwork(engine, request, settings, signal);
  const address = await chooseAddress(engine, request, network, signal);
  const spec = containerSpec(request, settings, network, address, installation);
  // Not ended by the signal: the daemon would go on by itself, and the container come up after a delete.
  await engine.call((abortSignal) => engine.docker.createContainer({ ...spec, abortSignal }));
}

/** Puts Loom's files into a container that never ran, and starts it. May be repeated. */
export async function firstStart(engine: Engine, container: Inspected, signal: AbortSignal): Promise<void> {
  const handle = engine.docker.getContainer(container.Id);
  await engine.call((abortSignal) => handle.putArchive(nodeArchive(), { path: "/", abortSignal }), signal);
  await start(engine, container, signal);
}

async function chooseAddress(
  engine: Engine,
  request: MachineRequest,
  network: ClusterNetwork,
  signal: AbortSignal,
): Promise<string> {
  const others = await ofCluster(engine, request.clusterUid, signal);
  const address = addressFor(
    network.block,
    request.nodeNumber,
    new Set(others.map((other) => other.Labels[LABEL_ADDRESS] ?? "")),
  );
  if (address !== undefined) return address;
  throw new LoomError(
    "PROVIDER_ERROR",
    `The cluster's network holds ${capacity(network.block.prefix)} machines and is full. A smaller networkPrefix of the provider makes larger networks for new clusters, up to 1,000 machines; docker is not for more.`,
  );
}

/** Starts a container that does not run. */
export async function start(engine: Engine, container: Inspected, signal: AbortSignal): Promise<void> {
  const handle = engine.docker.getContainer(container.Id);
  if (container.State.Paused) await engine.call(() => handle.unpause(), signal);
  else if (!container.State.Running) {
    try {
      await engine.call((abortSignal) => handle.start({ abortSignal }), signal);
    } catch (thrown) {
      // 304: it runs already.
      if (statusOf(thrown) !== 304) throw thrown;
    }
  }
}

/** Puts a container whose network was removed by hand back into a network of its cluster, under its old address. */
export async function reconnect(
  engine: Engine,
  request: MachineRequest,
  container: Inspected,
  signal: AbortSignal,
): Promise<void> {
  const network = await ensureNetwork(engine, request, readSettings(request.fields), signal);
  const address = container.Config.Labels[LABEL_ADDRESS]!;
  if (!overlaps({ base: parseAddress(address)!, prefix: 32 }, network.block)) {
    throw new LoomError(
      "PROVIDER_ERROR",
      `The network of ${container.Name.slice(1)} was removed and its address ${address} is not free any more. Delete the cluster.`,
    );
  }
  const handle = engine.docker.getNetwork(network.id);
  for (const name of Object.keys(container.NetworkSettings.Networks)) {
    await engine
      .call(
        (abortSignal) =>
          engine.docker.getNetwork(name).disconnect({ Container: container.Id, Force: true, abortSignal }),
        signal,
      )
      .catch((thrown: unknown) => {
        if (statusOf(thrown) === undefined) throw thrown;
      });
  }
  const short = request.hostname.split(".")[0]!;
  const endpoint = { IPAMConfig: { IPv4Address: address }, Aliases: [...new Set([request.hostname, short])] };
  await engine.call(() => handle.connect({ Container: container.Id, EndpointConfig: endpoint }), signal);
}
