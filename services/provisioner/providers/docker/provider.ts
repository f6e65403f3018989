/**
 * Provider `docker`: every machine is a container of a Docker Engine, made and found again by its token. Containers of
 * one cluster share a bridge network, which goes with the last of them.
 */
import { LoomError } from "../../../common/errors.js";
import type { CallContext, MachineReport, MachineRequest, Provider } from "../provider.js";
import { LABEL_TOKEN, containerName, observed, report } from "./containers.js";
import { createEngine, messageOf, statusOf, translate } from "./engine.js";
import type { Engine } from "./engine.js";
import { createExecChannel, missing } from "./exec.js";
import { ensureImage } from "./images.js";
import { createLocks } from "./locks.js";
import { firstStart, inspect, make, ofCluster, reconnect, remove, start } from "./machines.js";
import { pause, removeNetworks } from "./networks.js";
import { NODE_HOME, NODE_READY } from "./node.js";
import { DOCKER_FIELDS, defaultHost, readSettings } from "./settings.js";

/** How long a started machine may take until commands can run on it, in milliseconds. */
const READY_MS = 60_000;

/** How often a container is made anew where a network or an address was taken away in between. */
const TRIES = 5;

export interface DockerProviderOptions {
  /** Names this Loom in a label of its machines, for people who look at the containers of a daemon that several share. */
  readonly installation?: string;
}

/** Makes the provider; no daemon is asked before the first call. */
export function createDockerProvider(options: DockerProviderOptions = {}): Provider {
  const installation = options.installation ?? "";
  const engines = new Map<string, Engine>();
  const lock = createLocks();

  function engineOf(host: string): Engine {
    let engine = engines.get(host);
    if (engine === undefined) engines.set(host, (engine = createEngine(host)));
    return engine;
  }

  /** Whether a name, a network or an address was taken or removed by another call, so that it helps to look again. */
  function passing(thrown: unknown): boolean {
    return (
      statusOf(thrown) === 409 ||
      /network .*not found|address already in use|no such container/i.test(messageOf(thrown))
    );
  }

  async function create(request: MachineRequest, context: CallContext): Promise<MachineReport> {
    const { signal } = context;
    const settings = readSettings(request.fields);
    const engine = engineOf(settings.host);
    for (let attempt = 1; ; attempt += 1) {
      const found = await inspect(engine, request, signal);
      if (found !== undefined && found.State.Status !== "created") {
        context.log(`found the container ${containerName(request.token)}`);
        await start(engine, found, signal);
        return report(found);
      }
      try {
        if (found === undefined) {
          await ensureImage(engine, request.image, context);
          await lock(`${engine.host} ${request.clusterUid}`, () =>
            make(engine, request, settings, installation, signal),
          );
        }
        const made = (await inspect(engine, request, signal)) ?? missed(request);
        await firstStart(engine, made, signal);
        context.log(`made the container ${containerName(request.token)}`);
        return report(made);
      } catch (thrown) {
        if (attempt === TRIES || !passing(thrown)) throw thrown;
        // A container that cannot start, since its network or its address is gone, is made anew.
        if (statusOf(thrown) !== 409 && found !== undefined) await remove(engine, request, signal);
        await pause(100 * attempt, signal);
      }
    }
  }

  function missed(request: MachineRequest): never {
    throw missing(containerName(request.token), request.nodeNumber);
  }

  async function confirm(request: MachineRequest, context: CallContext): Promise<MachineReport> {
    const { signal } = context;
    const engine = engineOf(readSettings(request.fields).host);
    const container = (await inspect(engine, request, signal)) ?? missed(request);
    if (!container.State.Running) context.log(`starting the container ${containerName(request.token)}`);
    try {
      await start(engine, container, signal);
    } catch (thrown) {
      if (!/network .*not found/i.test(messageOf(thrown))) throw thrown;
      await reconnect(engine, request, container, signal);
      await start(engine, container, signal);
    }
    await ready(request, context);
    return report(container);
  }

  /** Waits until commands run on the machine. */
  async function ready(request: MachineRequest, context: CallContext): Promise<void> {
    const deadline = Date.now() + READY_MS;
    for (;;) {
      try {
        const { exitCode } = await channelOf(request).run(NODE_READY, { signal: context.signal, onOutput: () => {} });
        if (exitCode === 0) return;
      } catch (thrown) {
        if (!(thrown instanceof LoomError) || thrown.reason !== "PROVIDER_ERROR" || Date.now() > deadline) throw thrown;
      }
      if (Date.now() > deadline) {
        throw new LoomError(
          "PROVIDER_ERROR",
          `The container ${containerName(request.token)} does not come up. "docker logs" tells why; its image needs sh, flock and setsid.`,
        );
      }
      await pause(100, context.signal);
    }
  }

  async function destroy(request: MachineRequest, context: CallContext): Promise<void> {
    const engine = engineOf(readSettings(request.fields).host);
    const { signal } = context;
    if ((await inspect(engine, request, signal)) !== undefined) await remove(engine, request, signal);
    await lock(`${engine.host} ${request.clusterUid}`, async () => {
      if ((await ofCluster(engine, request.clusterUid, signal)).length === 0)
        await removeNetworks(engine, request.clusterUid, signal);
    });
  }

  function channelOf(request: MachineRequest): ReturnType<Provider["channel"]> {
    const engine = engineOf(readSettings(request.fields).host);
    const { user, nodeNumber } = request;
    return createExecChannel(engine, { container: containerName(request.token), nodeNumber, user, home: NODE_HOME });
  }

  async function told<T>(doing: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      throw translate(doing, thrown);
    }
  }

  return {
    type: "docker",
    description: "Containers of a Docker Engine on this machine or another, one network for each cluster.",
    fields: DOCKER_FIELDS,
    async unavailable() {
      const host = defaultHost();
      try {
        const engine = engineOf(host);
        const info = await engine.call(() => engine.docker.version(), undefined, 5_000);
        return info.Os === "linux"
          ? undefined
          : `The Docker daemon at ${host} runs ${info.Os} containers; Loom's machines are Linux.`;
      } catch (thrown) {
        return translate("answer", thrown).message;
      }
    },
    create: (request, context) => told("make the container", () => create(request, context)),
    confirm: (request, context) => told("start the container", () => confirm(request, context)),
    delete: (request, context) => told("remove the container", () => destroy(request, context)),
    observe: (request) =>
      told("look for the container", async () => {
        const container = await inspect(engineOf(readSettings(request.fields).host), request);
        if (container === undefined) return undefined;
        return {
          token: request.token,
          machine: containerName(request.token),
          running: container.State.Running && !container.State.Paused,
        };
      }),
    inventory: (fields) =>
      told("list the containers", async () => {
        const engine = engineOf(readSettings(fields).host);
        const label = [LABEL_TOKEN];
        const containers = await engine.call((abortSignal) =>
          engine.docker.listContainers({ all: true, filters: { label }, abortSignal }),
        );
        return containers.map(observed);
      }),
    channel: channelOf,
  };
}
