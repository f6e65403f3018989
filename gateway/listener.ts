/**
 * One port for HTTP/1.1 and HTTP/2, in clear or over TLS. Node's server of clear HTTP/2 does not speak HTTP/1.1, so each
 * connection goes to one of two servers: by ALPN over TLS, otherwise by its first bytes.
 */
import {
  createServer as createHttp1Server,
  type IncomingMessage,
  type Server as Http1Server,
  type ServerResponse,
} from "node:http";
import {
  constants as http2Constants,
  createServer as createHttp2Server,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from "node:tls";
import { LoomError } from "../services/common/errors.js";
import { BODY_WITHIN_MS, HEADERS_WITHIN_MS, IDLE_MS, MAX_HEADER_BYTES, MAX_STREAMS, PING_MS } from "./limits.js";

export type HttpRequest = IncomingMessage | Http2ServerRequest;
export type HttpResponse = ServerResponse | Http2ServerResponse;
export type HttpHandler = (request: HttpRequest, response: HttpResponse) => void;

export interface Tls {
  /** PEM, with the certificates between it and the authority. */
  readonly cert: string | Buffer;
  /** PEM. */
  readonly key: string | Buffer;
}

export interface ListenAddress {
  readonly host: string;
  /** 0 lets the kernel choose. */
  readonly port: number;
}

export interface Listener {
  /** Throws ADDRESS_IN_USE. */
  start(address: ListenAddress): Promise<AddressInfo>;
  /** Shows another certificate from the next connection on. Only for one that had a certificate from the start. */
  renew(tls: Tls): void;
  /** Takes no more connections, closes those that are idle and, after `graceMs`, the others. */
  stop(graceMs: number): Promise<void>;
}

export interface ListenerTimes {
  readonly headersWithinMs: number;
  readonly bodyWithinMs: number;
  readonly idleMs: number;
  readonly pingMs: number;
}

const DEFAULT_TIMES: ListenerTimes = {
  headersWithinMs: HEADERS_WITHIN_MS,
  bodyWithinMs: BODY_WITHIN_MS,
  idleMs: IDLE_MS,
  pingMs: PING_MS,
};

export function createListener(
  handler: HttpHandler,
  tls: Tls | undefined,
  times: ListenerTimes = DEFAULT_TIMES,
): Listener {
  const sockets = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  const http1 = http1Server(withBodyDeadline(handler, times.bodyWithinMs), times);
  const http2 = http2Server(withBodyDeadline(handler, times.bodyWithinMs), sessions, times);
  const server =
    tls === undefined
      ? createTcpServer()
      : createTlsServer({
          ...tls,
          minVersion: "TLSv1.2",
          ALPNProtocols: ["h2", "http/1.1"],
          handshakeTimeout: times.headersWithinMs,
        });

  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 30_000);
    if (tls === undefined)
      sniff(socket, times.headersWithinMs, (isHttp2) => (isHttp2 ? http2 : http1).emit("connection", socket));
  });
  server.on("secureConnection", (socket: TLSSocket) => {
    socket.on("error", () => socket.destroy());
    (socket.alpnProtocol === "h2" ? http2 : http1).emit("connection", socket);
  });
  // A handshake that fails is the client's affair.
  server.on("tlsClientError", (_: Error, socket: TLSSocket) => socket.destroy());

  return {
    start: (address) => listen(server, address),
    renew: (renewed) => (server as TlsServer).setSecureContext({ ...renewed, minVersion: "TLSv1.2" }),
    async stop(graceMs) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions) session.close();
      // A kept-alive connection is idle again after its last answer, and says so to nobody.
      const idle = setInterval(() => http1.closeIdleConnections(), 50);
      const cut = setTimeout(() => sockets.forEach((socket) => socket.destroy()), graceMs);
      await closed;
      clearTimeout(cut);
      clearInterval(idle);
      http1.close();
    },
  };
}

function http1Server(handler: HttpHandler, times: ListenerTimes): Http1Server {
  const server = createHttp1Server(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: times.headersWithinMs,
      requestTimeout: times.bodyWithinMs,
      keepAliveTimeout: times.idleMs,
      connectionsCheckingInterval: Math.min(1_000, times.headersWithinMs),
    },
    handler,
  );
  // It never listens itself, and only then would it watch over its timeouts.
  server.emit("listening");
  return server;
}

function http2Server(handler: HttpHandler, sessions: Set<ServerHttp2Session>, times: ListenerTimes): Http2Server {
  const server = createHttp2Server(
    {
      settings: { maxConcurrentStreams: MAX_STREAMS, maxHeaderListSize: MAX_HEADER_BYTES },
      maxSessionInvalidFrames: 100,
    },
    handler,
  );
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    session.on("error", () => session.destroy());
    session.setTimeout(times.idleMs, () => session.close());
    watchOver(session, times.pingMs);
  });
  return server;
}

/** Finds clients that vanished without a word while something is open: what they have asked for ends. */
function watchOver(session: ServerHttp2Session, everyMs: number): void {
  let open = 0;
  let unanswered = false;
  session.on("stream", (stream) => {
    open += 1;
    stream.once("close", () => (open -= 1));
  });
  const timer = setInterval(() => {
    if (unanswered) return session.destroy();
    if (open === 0) return;
    unanswered = session.ping(() => (unanswered = false));
  }, everyMs);
  session.once("close", () => clearInterval(timer));
}

const HTTP2_PREFACE = Buffer.from("PRI * HTTP/2.0");

/** Looks at the first bytes without taking them. No method of HTTP/1.1 starts like HTTP/2's preface. */
function sniff(socket: Socket, withinMs: number, decide: (isHttp2: boolean) => void): void {
  const timer = setTimeout(() => socket.destroy(), withinMs);
  let seen = Buffer.alloc(0);
  const stop = (): void => {
    clearTimeout(timer);
    socket.off("readable", look);
    socket.off("close", stop);
  };
  const look = (): void => {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return;
    seen = Buffer.concat([seen, chunk]);
    const length = Math.min(seen.length, HTTP2_PREFACE.length);
    const same = seen.subarray(0, length).equals(HTTP2_PREFACE.subarray(0, length));
    if (same && length < HTTP2_PREFACE.length) return;
    stop();
    socket.unshift(seen);
    decide(same);
  };
  socket.on("readable", look);
  socket.once("close", stop);
}

/** Ends requests whose body does not come: HTTP/2 has no such limit of its own. */
function withBodyDeadline(handler: HttpHandler, withinMs: number): HttpHandler {
  return (request, response) => {
    const timer = setTimeout(() => {
      if (request.readableEnded) return;
      // Where an answer has begun before the end of the body, both sides go on together.
      if ("stream" in request && response.headersSent && !response.writableEnded) return;
      if ("stream" in request) request.stream.close(http2Constants.NGHTTP2_CANCEL);
      else request.destroy();
    }, withinMs);
    const stop = (): void => clearTimeout(timer);
    request.once("end", stop);
    request.once("close", stop);
    // A reader that gives up on a body leaves the rest of it in the way of the next request: there must be none.
    if (!("stream" in request)) request.once("aborted", () => ((response as ServerResponse).shouldKeepAlive = false));
    try {
      handler(request, response);
    } catch {
      // Requests that have no sane host: the adapter throws for them, and nobody above would catch it.
      response.writeHead(400, { "content-type": "text/plain" });
      response.end("The request has no host, or one that cannot be read.\n");
    }
  };
}

function listen(server: Server, { host, port }: ListenAddress): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(bindError(error, host, port)));
    server.listen(port, host, () => {
      server.removeAllListeners("error");
      resolve(server.address() as AddressInfo);
    });
  });
}

function bindError(error: NodeJS.ErrnoException, host: string, port: number): LoomError {
  const why =
    error.code === "EADDRINUSE"
      ? `${host}:${port} is in use by another program; \`ss -ltnp 'sport = :${port}'\` shows which`
      : `${host}:${port} cannot be listened on (${error.code ?? error.message})`;
  return new LoomError("ADDRESS_IN_USE", `${why}. Stop it, or choose another port with \`--port\` or LOOM_PORT.`, {
    metadata: { host, port: String(port) },
    cause: error,
  });
}
