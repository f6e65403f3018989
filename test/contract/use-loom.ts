/** A server on a unix socket and a gateway on a port of the kernel's choice, around an application in memory. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino, type Logger } from "pino";
import { createGateway, type Gateway, type GatewayOptions } from "../../gateway/gateway.js";
import type { Application } from "../../services/server/application.js";
import { createRpcServer, type RpcServer } from "../../services/server/rpc/server.js";
import type { WorkerHub } from "../../services/server/workers/types.js";

export const QUIET_LOG: Logger = pino({ level: "silent" });

/** A hub that takes nothing. */
export const NO_HUB: WorkerHub = {
  leaseMs: 10_000,
  heartbeatMs: 3_000,
  open: () => ({
    results: () => undefined,
    heartbeat: () => undefined,
    log: () => undefined,
    inventory: () => undefined,
    drain: () => undefined,
    close: () => undefined,
  }),
};

export interface Loom {
  readonly server: RpcServer;
  readonly gateway: Gateway;
  /** Address of the server for grpc-js. */
  readonly socket: string;
  stop(): Promise<void>;
}

export interface LoomParts {
  readonly application: Application;
  readonly hub?: WorkerHub;
  readonly log?: Logger;
  readonly gateway?: Partial<GatewayOptions>;
}

/** Starts both. */
export async function startLoom({
  application,
  hub = NO_HUB,
  log = QUIET_LOG,
  gateway: more,
}: LoomParts): Promise<Loom> {
  const folder = await mkdtemp(join(tmpdir(), "loom-"));
  const server = createRpcServer({ application, hub, log, version: "0.1.0" });
  const socket = await server.listen(`unix:${join(folder, "s")}`);
  const gateway = createGateway({ upstream: socket, listen: { host: "127.0.0.1", port: 0 }, log, ...more });
  await gateway.start();
  return {
    server,
    gateway,
    socket,
    async stop() {
      await gateway.stop(500);
      await server.stop(500);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Starts both before the tests of a block and stops them after the last. */
export function useLoom(parts: LoomParts): () => Loom {
  let loom: Loom;
  before(async () => {
    loom = await startLoom(parts);
  });
  after(() => loom.stop());
  return () => loom;
}
