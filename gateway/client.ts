/**
 * A typed client of Loom's API for the command line and for tests: Connect over HTTP/1.1, because that is the protocol
 * that starts fastest; commands on nodes go over HTTP/2, since both sides speak. Every failure leaves it as a {@link RemoteError}.
 */
import type { DescService } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type Client, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { CatalogService } from "../gen/web/loom/v1/catalog_pb.js";
import { ClusterService } from "../gen/web/loom/v1/cluster_pb.js";
import { EventService } from "../gen/web/loom/v1/event_pb.js";
import { JobService } from "../gen/web/loom/v1/job_pb.js";
import { ProvisionerService } from "../gen/web/loom/v1/provisioner_pb.js";
import { StrayService } from "../gen/web/loom/v1/stray_pb.js";
import { SystemService } from "../gen/web/loom/v1/system_pb.js";
import type { Fingerprint } from "../services/common/certificates/fingerprint.js";
import { withTimeLimit } from "../services/common/time-limit.js";
import type { ExecService } from "../gen/web/loom/v1/exec_pb.js";
import { createExecClient } from "./exec-client.js";
import { createPinnedAgent } from "./pinned-agent.js";
import { remoteErrorFrom } from "./remote-error.js";

export { RemoteError } from "./remote-error.js";

/** A client for each public service. */
export interface LoomClient {
  readonly catalog: Client<typeof CatalogService>;
  readonly clusters: Client<typeof ClusterService>;
  readonly jobs: Client<typeof JobService>;
  readonly events: Client<typeof EventService>;
  /** Each call has a connection of its own, of HTTP/2. */
  readonly exec: Pick<Client<typeof ExecService>, "exec">;
  readonly provisioners: Client<typeof ProvisionerService>;
  readonly strays: Client<typeof StrayService>;
  readonly system: Client<typeof SystemService>;
}

export interface LoomClientOptions {
  /** For example `http://127.0.0.1:7420`. */
  readonly url: string;
  /** Sent as bearer token; empty or absent sends none. */
  readonly token?: string;
  /** Default for calls that answer once, in milliseconds. Streams have no deadline. Default: none. */
  readonly timeoutMs?: number;
  /** PEM of the authority that signed the server's certificate, where the system does not know it. */
  readonly ca?: string;
  /** Trust this certificate, or what it signed, and nothing else. Needs an https address. */
  readonly fingerprint?: Fingerprint;
}

/**
 * Clients for the services of one Loom. No connection is made before the first call. Messages are those of gen/web;
 * streams are async iterables, and a call takes `{ signal, timeoutMs, headers }` as second argument.
 */
export function createLoomClient(options: LoomClientOptions): LoomClient {
  const transport = createConnectTransport({
    baseUrl: options.url,
    httpVersion: "1.1",
    useBinaryFormat: true,
    // Compressing costs more than it saves on the way to this machine or a near one.
    acceptCompression: [],
    interceptors: [authorize(options.token ?? "", options.timeoutMs)],
    ...(options.fingerprint !== undefined
      ? { nodeOptions: { agent: createPinnedAgent(options.fingerprint) } }
      : options.ca === undefined
        ? {}
        : { nodeOptions: { ca: options.ca } }),
  });
  const client = <S extends DescService>(service: S): Client<S> => withRemoteErrors(service, transport, options.url);
  return {
    catalog: client(CatalogService),
    clusters: client(ClusterService),
    jobs: client(JobService),
    events: client(EventService),
    exec: createExecClient(options),
    provisioners: client(ProvisionerService),
    strays: client(StrayService),
    system: client(SystemService),
  };
}

function authorize(token: string, timeoutMs: number | undefined): Interceptor {
  return (next) => async (request) => {
    if (token !== "") request.header.set("authorization", `Bearer ${token}`);
    if (request.stream || timeoutMs === undefined || request.header.has("connect-timeout-ms")) return next(request);
    let limited: AbortSignal | undefined;
    try {
      return await withTimeLimit(timeoutMs, request.signal, (signal) =>
        next({ ...request, signal: (limited = signal) }),
      );
    } catch (thrown) {
      // To the transport both look like a cancelled call.
      if (limited?.aborted === true && !request.signal.aborted)
        throw new ConnectError(`no answer in ${timeoutMs} ms`, Code.DeadlineExceeded, undefined, undefined, thrown);
      throw thrown;
    }
  };
}

type AnyMethod = (request: unknown, options?: unknown) => unknown;

/** The transport turns what an interceptor throws back into a ConnectError, so errors are converted around the client. */
function withRemoteErrors<S extends DescService>(service: S, transport: Transport, url: string): Client<S> {
  const inner = createClient(service, transport) as unknown as Record<string, AnyMethod>;
  const wrapped: Record<string, AnyMethod> = {};
  for (const method of service.methods) {
    const call = inner[method.localName]!;
    wrapped[method.localName] =
      method.methodKind === "unary"
        ? async (request, options) => {
            try {
              return await call(request, options);
            } catch (thrown) {
              throw remoteErrorFrom(thrown, url);
            }
          }
        : (request, options) => convertingStream(call(request, options) as AsyncIterable<unknown>, url);
  }
  return wrapped as unknown as Client<S>;
}

async function* convertingStream(stream: AsyncIterable<unknown>, url: string): AsyncGenerator<unknown> {
  try {
    yield* stream;
  } catch (thrown) {
    throw remoteErrorFrom(thrown, url);
  }
}
