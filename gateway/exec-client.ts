/** Commands on nodes, from the client's side: both sides speak at the same time, for which it takes HTTP/2. */
import { isIP } from "node:net";
import { createClient, type CallOptions, type Client } from "@connectrpc/connect";
import { createConnectTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { ExecService, type ExecResponse } from "../gen/web/loom/v1/exec_pb.js";
import { connectPinned } from "../services/common/certificates/pin.js";
import type { LoomClientOptions } from "./client.js";
import { remoteErrorFrom } from "./remote-error.js";

type ExecClient = Pick<Client<typeof ExecService>, "exec">;
type ConnectOptions = NonNullable<ConstructorParameters<typeof Http2SessionManager>[2]>;

/** A server that leaves a ping unanswered for so long is gone. */
const PING_MS = 10_000;

/** What connects to it. With a fingerprint the connection is there before anything is sent over it. */
async function connectOptions({ url, ca, fingerprint }: LoomClientOptions): Promise<ConnectOptions> {
  if (fingerprint === undefined) return ca === undefined ? {} : { ca };
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, "");
  const { socket } = await connectPinned(
    { host, port: Number(port || 443), alpn: ["h2"], ...(isIP(host) === 0 ? { servername: host } : {}) },
    fingerprint,
  );
  return { createConnection: () => socket };
}

export function createExecClient(options: LoomClientOptions): ExecClient {
  const { url, token = "" } = options;

  async function* exec(requests: Parameters<ExecClient["exec"]>[0], call?: CallOptions): AsyncGenerator<ExecResponse> {
    let connection: Http2SessionManager | undefined;
    try {
      connection = new Http2SessionManager(
        url,
        { pingIntervalMs: PING_MS, pingTimeoutMs: PING_MS },
        await connectOptions(options),
      );
      const transport = createConnectTransport({
        baseUrl: url,
        httpVersion: "2",
        useBinaryFormat: true,
        acceptCompression: [],
        sessionManager: connection,
      });
      const headers = new Headers(call?.headers);
      if (token !== "") headers.set("authorization", `Bearer ${token}`);
      yield* createClient(ExecService, transport).exec(requests, { ...call, headers });
    } catch (thrown) {
      throw remoteErrorFrom(thrown, url);
    } finally {
      connection?.abort();
    }
  }
  return { exec };
}
