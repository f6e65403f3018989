/** What a machine is as a container: name, labels, limits, network. Pure. */
import type Docker from "dockerode";
import { LoomError } from "../../../common/errors.js";
import type { MachineReport, MachineRequest, ObservedMachine } from "../provider.js";
import { LABEL_UID } from "./networks.js";
import type { ClusterNetwork } from "./networks.js";
import { NODE_INIT } from "./node.js";
import { readLimits } from "./settings.js";
import type { DockerSettings } from "./settings.js";

export const LABEL_TOKEN = "loom.token";
export const LABEL_ADDRESS = "loom.address";
const LABEL_NODE = "loom.node";
/** For people: which Loom made it. Loom itself knows its machines by their clusters, wherever its folder is. */
export const LABEL_INSTALLATION = "loom.installation";

/** The longest host name Linux takes. */
const HOSTNAME_MAX = 64;

/** The container's name: the machine's token, known before the container exists. */
export function containerName(token: string): string {
  return `loom-${token}`;
}

/**
 * The Engine's description of a machine's container.
 *
 * @throws INVALID_FIELD where the hardware type's fields make no sense
 */
export function containerSpec(
  request: MachineRequest,
  settings: DockerSettings,
  network: ClusterNetwork,
  address: string,
  installation: string,
): Docker.ContainerCreateOptions {
  const { cpus, memoryMb } = readLimits(request.hardwareFields);
  const short = request.hostname.split(".")[0]!;
  const memory = memoryMb === undefined ? undefined : memoryMb * 1024 * 1024;
  return {
    name: containerName(request.token),
    Image: request.image,
    Hostname: request.hostname.length <= HOSTNAME_MAX ? request.hostname : short.slice(0, HOSTNAME_MAX),
    Entrypoint: [...NODE_INIT],
    Cmd: [],
    User: "root",
    // loom-init gives services 10 s to end before it ends itself.
    StopTimeout: 20,
    Env: Object.entries(settings.env).map(([name, value]) => `${name}=${value}`),
    Labels: {
      "loom.cluster": request.clusterName,
      [LABEL_UID]: request.clusterUid,
      "loom.tenant": request.tenant,
      [LABEL_NODE]: String(request.nodeNumber),
      [LABEL_TOKEN]: request.token,
      [LABEL_ADDRESS]: address,
      ...(installation === "" ? {} : { [LABEL_INSTALLATION]: installation }),
    },
    HostConfig: {
      NetworkMode: network.name,
      // A restart of the host or of Docker brings the machine back; a machine stopped by hand stays stopped.
      RestartPolicy: { Name: "unless-stopped" },
      Mounts: Object.entries(settings.mounts).map(([Target, Source]) => ({
        Type: "bind",
        Source,
        Target,
        ReadOnly: true,
      })),
      LogConfig: { Type: "json-file", Config: { "max-size": "10m", "max-file": "2" } },
      ...(cpus === undefined ? {} : { NanoCpus: Math.round(cpus * 1e9) }),
      // The same limit for memory and memory with swap: no swap.
      ...(memory === undefined ? {} : { Memory: memory, MemorySwap: memory }),
    },
    NetworkingConfig: {
      EndpointsConfig: {
        [network.name]: { IPAMConfig: { IPv4Address: address }, Aliases: [...new Set([request.hostname, short])] },
      },
    },
  };
}

/**
 * Throws unless the container is the machine that is meant.
 *
 * @throws PROVIDER_ERROR
 */
export function checkOwn(container: Docker.ContainerInspectInfo, request: MachineRequest): void {
  if (container.Config.Labels?.[LABEL_TOKEN] === request.token) return;
  const name = containerName(request.token);
  throw new LoomError(
    "PROVIDER_ERROR",
    `There is a container ${name} that Loom did not make. Remove or rename it, then retry.`,
    {
      metadata: { machine: name },
    },
  );
}

/** The machine's addresses. On Linux the host reaches containers by the same addresses as they reach each other. */
export function report(container: Docker.ContainerInspectInfo): MachineReport {
  const address = container.Config.Labels[LABEL_ADDRESS]!;
  return {
    machine: container.Name.replace(/^\//, ""),
    addresses: { internal: address, external: address },
    results: { container: container.Id },
  };
}

/** A container of a list as a machine. */
export function observed(container: Docker.ContainerInfo): ObservedMachine {
  return {
    token: container.Labels[LABEL_TOKEN]!,
    machine: (container.Names[0] ?? container.Id).replace(/^\//, ""),
    running: container.State === "running",
    ...(container.Labels[LABEL_UID] === undefined ? {} : { clusterUid: container.Labels[LABEL_UID] }),
    ...(container.Labels[LABEL_NODE] === undefined ? {} : { nodeNumber: Number(container.Labels[LABEL_NODE]) }),
  };
}
