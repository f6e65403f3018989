/**
 * The gateway: Connect, gRPC-Web and gRPC on one port, for whoever has a token. It knows who asks and passes the call on;
 * what may be done is decided by the server.
 */
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { isIP } from "node:net";
import type { Logger } from "pino";
import { LoomError } from "../services/common/errors.js";
import { isLoopback } from "../services/common/loopback.js";
import { createReflection } from "../services/common/reflection.js";
import { contextOf } from "./call-context.js";
import { withCors } from "./cors.js";
import { rewrapErrors } from "./errors.js";
import { createFallback } from "./fallback.js";
import { createFiles } from "./files.js";
import { forwardService } from "./forward.js";
import { createIdentities, IDENTITY_TTL_MS, requireIdentity } from "./identity.js";
import { MAX_BODY_BYTES } from "./limits.js";
import { createListener, type HttpHandler, type ListenAddress, type Tls } from "./listener.js";
import { reflectionService } from "./reflection.js";
import { PUBLIC_SERVICES } from "./services.js";
import { refuseTooLarge } from "./too-large.js";
import { createUpstream } from "./upstream.js";

export interface GatewayOptions {
  /** The server, as grpc-js takes it: `unix:/path` or `host:port`. */
  readonly upstream: string;
  /** Anything but loopback needs `tls`. */
  readonly listen: ListenAddress;
  readonly tls?: Tls;
  readonly log: Logger;
  /** Folder of the console's files. Default: none are served. */
  readonly staticRoot?: string;
  /** How long an answer about a token is believed, in milliseconds. Default: 4000, so that a revoked one dies within 8 s. */
  readonly identityTtlMs?: number;
  /** Origins whose pages may call. Default: none. */
  readonly corsOrigins?: readonly string[];
}

export interface Gateway {
  /** Throws TLS_REQUIRED, ADDRESS_IN_USE. */
  start(): Promise<void>;
  /** Lets calls that answer once finish, ends streams with SHUTTING_DOWN, and closes. */
  stop(graceMs?: number): Promise<void>;
  /** Shows another certificate from the next connection on. Only for one that had a certificate from the start. */
  renew(tls: Tls): void;
  /** Where it answers, once started; for example `http://127.0.0.1:7420`. */
  readonly url: string;
}

export function createGateway(options: GatewayOptions): Gateway {
  const upstream = createUpstream(options.upstream);
  const recheckMs = options.identityTtlMs ?? IDENTITY_TTL_MS;
  const identities = createIdentities(upstream, recheckMs);
  const stopping = new AbortController();
  const forwarding = { upstream, identities, recheckMs, stopping: stopping.signal };
  const reflections = createReflection(
    PUBLIC_SERVICES.map(({ file }) => file),
    PUBLIC_SERVICES.map(({ typeName }) => typeName),
  );

  const rpc = connectNodeAdapter({
    routes(router) {
      for (const service of PUBLIC_SERVICES) forwardService(router, service, forwarding);
      for (const reflection of reflections) reflectionService(router, reflection);
    },
    // The contract is public, so whoever asks may read it.
    interceptors: [
      rewrapErrors(options.log),
      requireIdentity(identities, new Set(reflections.map(({ service }) => service.typeName))),
    ],
    contextValues: contextOf,
    readMaxBytes: MAX_BODY_BYTES,
    writeMaxBytes: 0xffffffff,
    // A misspelt field would otherwise be dropped without a word.
    jsonOptions: { ignoreUnknownFields: false },
    fallback: createFallback({
      serving: async () => !stopping.signal.aborted && (await upstream.serving()),
      files: options.staticRoot === undefined ? undefined : createFiles(options.staticRoot),
    }) as NonNullable<Parameters<typeof connectNodeAdapter>[0]["fallback"]>,
  }) as HttpHandler;
  const listener = createListener(withCors(refuseTooLarge(rpc), options.corsOrigins ?? []), options.tls);
  let url = "";

  return {
    get url() {
      return url;
    },
    async start() {
      const { host, port } = options.listen;
      requireTls(host, options.tls);
      const bound = await listener.start({ host, port });
      const name = isIP(host) === 6 ? `[${host}]` : host;
      url = `${options.tls === undefined ? "http" : "https"}://${name}:${bound.port}`;
      options.log.info({ url }, "gateway listens");
    },
    renew: (tls) => listener.renew(tls),
    async stop(graceMs = 10_000) {
      stopping.abort(new LoomError("SHUTTING_DOWN", "This gateway is going down. Connect again in a moment."));
      await listener.stop(graceMs);
      upstream.close();
    },
  };
}

/** Tokens must not cross a network in clear text. */
function requireTls(host: string, tls: Tls | undefined): void {
  if (tls !== undefined || isLoopback(host)) return;
  throw new LoomError(
    "TLS_REQUIRED",
    `Loom listens on ${host} only with a certificate, since tokens would cross the network in clear text. Give it one, or listen on 127.0.0.1.`,
    {
      metadata: { host },
    },
  );
}
