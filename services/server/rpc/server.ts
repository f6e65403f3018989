/** The gRPC server: every service of the contract, health and reflection, on one address. */
import {
  Server,
  type MethodDefinition,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import type { Logger } from "pino";
import { LoomError } from "../../common/errors.js";
import type { Application } from "../application.js";
import type { WorkerHub } from "../workers/types.js";
import { bidiCall, streamCall, unaryCall, type Dispatch } from "./dispatch.js";
import { allHandlers } from "./handlers/all.js";
import { execHandler } from "./handlers/exec.js";
import { sessionsHandler } from "./handlers/sessions.js";
import { HARD_LIMIT_BYTES, reading, type Incoming } from "./incoming.js";
import { bind } from "./listen.js";
import { addReflection } from "./reflection.js";
import { REQUEST_RULES } from "./request-rules.js";
import { rpcName, STUBS, type RpcName, type RpcPath } from "./rpc-names.js";
import type { BidiName } from "./stub-types.js";
import { workCall } from "./work-stream.js";

export interface RpcServerOptions {
  readonly application: Application;
  readonly hub: WorkerHub;
  readonly log: Logger;
  /** The program's version. */
  readonly version: string;
}

export interface RpcServer {
  readonly server: Server;
  /**
   * Starts to serve. The address is `unix:/path` (at most 103 bytes; the file gets mode 0600) or `host:port`.
   *
   * @returns the address, with the port the kernel chose where it was 0
   * @throws ADDRESS_IN_USE, INVALID_FIELD
   */
  listen(address: string): Promise<string>;
  /** Ends streams with SHUTTING_DOWN, lets calls that answer once finish, and closes. Calls longer than `graceMs` are cut. */
  stop(graceMs?: number): Promise<void>;
}

/** Nothing is bound before {@link RpcServer.listen}. */
export function createRpcServer(options: RpcServerOptions): RpcServer {
  const server = new Server({
    "grpc.max_receive_message_length": HARD_LIMIT_BYTES,
    "grpc.max_send_message_length": -1,
    // Finds peers that vanished without a word. Heartbeats on streams do the same for whoever reads them.
    "grpc.keepalive_time_ms": 20_000,
    "grpc.keepalive_timeout_ms": 10_000,
  });
  const stopping = new AbortController();
  const dispatch: Dispatch = { log: options.log, stopping: stopping.signal };
  const health = new HealthImplementation({ "": "NOT_SERVING" });

  addServices(server, options, dispatch);
  addReflection(server);
  health.addToServer(server as Parameters<HealthImplementation["addToServer"]>[0]);

  const setHealth = (status: "SERVING" | "NOT_SERVING"): void => {
    for (const name of ["", ...Object.values(STUBS).map(serviceName)]) health.setStatus(name, status);
  };
  return {
    server,
    async listen(address) {
      const bound = await bind(server, address);
      setHealth("SERVING");
      return bound;
    },
    async stop(graceMs = 10_000) {
      setHealth("NOT_SERVING");
      stopping.abort(
        new LoomError(
          "SHUTTING_DOWN",
          "This server is going down. Connect again: another one, or this one, will answer.",
        ),
      );
      const timer = setTimeout(() => server.forceShutdown(), graceMs);
      await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      clearTimeout(timer);
    },
  };
}

function serviceName(stubs: (typeof STUBS)[keyof typeof STUBS]): string {
  return Object.values(stubs)[0]!.path.split("/")[1]!;
}

type AnyStub = MethodDefinition<object, object>;

/**
 * The types of handlers, rules and stubs are matched name by name in their tables; here they meet as values.
 *
 * @param only which RPCs are served; all of them where absent
 */
export function addServices(
  server: Server,
  { application, hub, version }: RpcServerOptions,
  dispatch: Dispatch,
  only: (rpc: RpcName) => boolean = () => true,
): void {
  const handlers = allHandlers(application, version) as unknown as Readonly<Record<string, never>>;
  const bidi: Readonly<Record<BidiName, unknown>> = {
    "WorkerService.Work": workCall(hub, dispatch),
    "WorkerService.Sessions": bidiCall("WorkerService.Sessions", sessionsHandler(application.exec), dispatch),
    "ExecService.Exec": bidiCall("ExecService.Exec", execHandler(application.exec), dispatch),
  };
  const rules = REQUEST_RULES as unknown as Readonly<Record<string, never>>;
  for (const stubs of Object.values(STUBS)) {
    const definition: Record<string, MethodDefinition<Incoming<object>, object>> = {};
    const implementation: UntypedServiceImplementation = {};
    for (const [method, stub] of Object.entries(stubs as Readonly<Record<string, AnyStub>>)) {
      const rpc = rpcName(stub.path as RpcPath);
      if (!only(rpc)) continue;
      definition[method] = {
        ...stub,
        requestDeserialize: reading(stub.requestDeserialize),
        // Only clients use it, and clients have stubs of their own.
        requestSerialize: () => Buffer.alloc(0),
      };
      implementation[method] = stub.requestStream
        ? (bidi[rpc as BidiName] as ReturnType<typeof workCall>)
        : stub.responseStream
          ? streamCall(rpc, rules[rpc]!, handlers[rpc]!, dispatch)
          : unaryCall(rpc, rules[rpc]!, handlers[rpc]!, dispatch);
    }
    if (Object.keys(definition).length > 0) server.addService(definition as ServiceDefinition, implementation);
  }
}
