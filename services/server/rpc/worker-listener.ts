/**
 * Where provisioners of other machines connect. Every connection is TLS, and who is at its other end is settled before
 * a byte of a call is read: with no certificate it may join and nothing else; with one of this installation it may
 * work; with any other it is closed. Nothing else of the contract is served here.
 */
import { setMaxListeners } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer as createTlsServer, type PeerCertificate, type TLSSocket } from "node:tls";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { LoomError } from "../../common/errors.js";
import { HARD_LIMIT_BYTES } from "./incoming.js";
import type { Dispatch } from "./dispatch.js";
import type { RpcName } from "./rpc-names.js";
import { addServices, type RpcServerOptions } from "./server.js";
import type { Peer } from "./stub-types.js";

export interface WorkerListenerOptions extends RpcServerOptions {
  /** PEM of the certificate with those behind it, and of its key. */
  readonly tls: { readonly cert: string; readonly key: string };
  /** PEM of the authority that signs provisioners' certificates. */
  readonly authority: string;
  readonly times?: Partial<WorkerListenerTimes>;
}

export interface WorkerListenerTimes {
  /** For the handshake. */
  readonly handshakeMs: number;
  /** For who has no certificate, from the first byte to the last. */
  readonly guestMs: number;
  /** Between two looks at who was revoked; in between it is told. */
  readonly recheckMs: number;
}

export interface WorkerListener {
  /**
   * @returns the address, with the port the kernel chose where it was 0
   * @throws ADDRESS_IN_USE
   */
  listen(address: { readonly host: string; readonly port: number }): Promise<AddressInfo>;
  /** Shows another certificate from the next connection on. */
  renew(tls: WorkerListenerOptions["tls"]): void;
  /** Ends streams with SHUTTING_DOWN and closes everything, at the latest after `graceMs`. */
  stop(graceMs?: number): Promise<void>;
}

const DEFAULT_TIMES: WorkerListenerTimes = { handshakeMs: 10_000, guestMs: 30_000, recheckMs: 5_000 };

/** Connections at once of those who have no certificate. */
const MOST_GUESTS = 100;

/** A request to join is a token and a key. */
const GUEST_MESSAGE_BYTES = 64 * 1024;

/** Who was revoked hears why before its connection is closed. */
const FAREWELL_MS = 1_000;

const GUEST_RPCS: ReadonlySet<RpcName> = new Set<RpcName>(["EnrolmentService.Join"]);
const MEMBER_RPCS: ReadonlySet<RpcName> = new Set<RpcName>([
  "WorkerService.Work",
  "WorkerService.Sessions",
  "EnrolmentService.RenewCertificate",
]);

/** Somebody who showed a certificate of this installation, with every connection it holds. */
interface Member extends Peer {
  readonly goodbye: AbortController;
  readonly sockets: Set<TLSSocket>;
}

/** Whose certificate it is: Loom signs only such that name a provisioner by its id. */
const idOf = (certificate: PeerCertificate): string => String(certificate.subject?.CN);

export function createWorkerListener(options: WorkerListenerOptions): WorkerListener {
  const { log, application } = options;
  const { provisioners } = application;
  const times = { ...DEFAULT_TIMES, ...options.times };
  const stopping = new AbortController();
  /** By id. Addresses would not do: a port may be another connection's before the first is known to be closed. */
  const members = new Map<string, Member>();
  const sockets = new Set<TLSSocket>();
  let guests = 0;

  const dispatch: Dispatch = {
    log,
    stopping: stopping.signal,
    peer(call) {
      const certificate = call.getAuthContext()?.sslPeerCertificate;
      const member = certificate === undefined ? undefined : members.get(idOf(certificate));
      // Nothing gets here by another way; if it did, it would be nobody.
      if (member === undefined)
        throw new LoomError("PERMISSION_DENIED", "This connection shows no certificate of a provisioner.");
      member.gone.throwIfAborted();
      return member;
    },
  };
  const guestServer = new Server({ "grpc.max_receive_message_length": GUEST_MESSAGE_BYTES });
  addServices(guestServer, options, { log, stopping: stopping.signal }, (rpc) => GUEST_RPCS.has(rpc));
  const memberServer = new Server({
    "grpc.max_receive_message_length": HARD_LIMIT_BYTES,
    "grpc.max_send_message_length": -1,
    "grpc.keepalive_time_ms": 20_000,
    "grpc.keepalive_timeout_ms": 10_000,
  });
  addServices(memberServer, options, dispatch, (rpc) => MEMBER_RPCS.has(rpc));
  // The TLS is ours: they get connections that are open already.
  const guestDoor = guestServer.createConnectionInjector(ServerCredentials.createInsecure());
  const memberDoor = memberServer.createConnectionInjector(ServerCredentials.createInsecure());

  const context = (tls: WorkerListenerOptions["tls"]) => ({
    cert: tls.cert,
    key: tls.key,
    ca: options.authority,
    minVersion: "TLSv1.3" as const,
  });
  const listener = createTlsServer({
    ...context(options.tls),
    ALPNProtocols: ["h2"],
    requestCert: true,
    // Who has none may still join; what is shown is looked at below.
    rejectUnauthorized: false,
    handshakeTimeout: times.handshakeMs,
  });
  listener.on("tlsClientError", (_: Error, socket: TLSSocket) => socket.destroy());
  listener.on("secureConnection", (socket: TLSSocket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 30_000);
    if (socket.alpnProtocol !== "h2") socket.destroy();
    else if (socket.getPeerCertificate().raw === undefined) welcomeGuest(socket);
    else if (socket.authorized) void welcomeMember(socket);
    else {
      log.warn(
        { address: socket.remoteAddress, why: String(socket.authorizationError) },
        "a connection with a certificate that is not of this Loom was closed",
      );
      socket.destroy();
    }
  });

  function welcomeGuest(socket: TLSSocket): void {
    if (guests >= MOST_GUESTS) return void socket.destroy();
    guests += 1;
    const timer = setTimeout(() => socket.destroy(), times.guestMs);
    socket.once("close", () => {
      guests -= 1;
      clearTimeout(timer);
    });
    guestDoor.injectConnection(socket);
  }

  async function welcomeMember(socket: TLSSocket): Promise<void> {
    const id = idOf(socket.getPeerCertificate());
    let label = "";
    let refusal: LoomError | undefined;
    try {
      ({ label } = await provisioners.admit(id));
    } catch (thrown) {
      refusal = LoomError.from(thrown);
      // The database may not answer for a while; the provisioner comes again.
      if (refusal.reason !== "PROVISIONER_REVOKED") return void socket.destroy();
    }
    if (socket.destroyed) return;
    const member = enter(id, label, socket);
    if (refusal !== undefined) dismiss(member, refusal);
    else if (member.gone.aborted) farewell(socket);
    memberDoor.injectConnection(socket);
    // It may have been revoked between the look and the entry.
    if (!member.gone.aborted) void recheck();
  }

  /** Puts a connection with the others of its provisioner, until it is closed. */
  function enter(id: string, label: string, socket: TLSSocket): Member {
    let member = members.get(id);
    if (member === undefined) {
      const goodbye = new AbortController();
      // As many listen as there are streams.
      setMaxListeners(0, goodbye.signal);
      member = { id, label, goodbye, gone: goodbye.signal, sockets: new Set() };
      members.set(id, member);
    }
    const { sockets: held } = member;
    held.add(socket);
    socket.once("close", () => {
      held.delete(socket);
      if (held.size === 0) members.delete(id);
    });
    return member;
  }

  /** Ends every connection of a provisioner, those without a call as well. */
  function dismiss({ goodbye, sockets: held }: Member, error: LoomError): void {
    goodbye.abort(error);
    for (const socket of held) farewell(socket);
  }

  function farewell(socket: TLSSocket): void {
    setTimeout(() => socket.destroy(), FAREWELL_MS).unref();
  }

  /** Closes the connections of those who were revoked meanwhile. */
  async function recheck(): Promise<void> {
    const present = [...members.values()].filter(({ goodbye }) => !goodbye.signal.aborted);
    if (present.length === 0) return;
    try {
      const revoked = await provisioners.revoked(present.map(({ id }) => id));
      for (const member of present) {
        if (!revoked.has(member.id)) continue;
        // Says why, in the words everybody gets.
        const why = await provisioners.admit(member.id).then(
          () => undefined,
          (thrown: unknown) => LoomError.from(thrown),
        );
        if (why?.reason === "PROVISIONER_REVOKED") dismiss(member, why);
      }
    } catch (thrown) {
      log.warn({ err: thrown }, "it could not be looked who was revoked; it is looked again");
    }
  }

  let timer: NodeJS.Timeout | undefined;
  let unlisten: (() => void) | undefined;
  return {
    async listen({ host, port }) {
      await new Promise<void>((resolve, reject) => {
        listener.once("error", (error: NodeJS.ErrnoException) => reject(bindError(error, host, port)));
        listener.listen(port, host, () => {
          listener.removeAllListeners("error");
          resolve();
        });
      });
      timer = setInterval(() => void recheck(), times.recheckMs);
      unlisten = provisioners.onChange(() => void recheck());
      return listener.address() as AddressInfo;
    },
    renew: (tls) => listener.setSecureContext(context(tls)),
    async stop(graceMs = 5_000) {
      clearInterval(timer);
      unlisten?.();
      stopping.abort(
        new LoomError(
          "SHUTTING_DOWN",
          "This server is going down. Connect again: another one, or this one, will answer.",
        ),
      );
      const closed = new Promise<void>((resolve) => {
        if (!listener.listening) resolve();
        else listener.close(() => resolve());
      });
      const late = setTimeout(() => {
        for (const server of [guestServer, memberServer]) server.forceShutdown();
        for (const socket of sockets) socket.destroy();
      }, graceMs);
      await Promise.all(
        [guestServer, memberServer].map((server) => new Promise<void>((done) => server.tryShutdown(() => done()))),
      );
      for (const socket of sockets) socket.destroy();
      await closed;
      clearTimeout(late);
    },
  };
}

function bindError(error: NodeJS.ErrnoException, host: string, port: number): LoomError {
  const why =
    error.code === "EADDRINUSE"
      ? `${host}:${port} is in use by another program`
      : `${host}:${port} cannot be listened on (${error.code ?? error.message})`;
  return new LoomError("ADDRESS_IN_USE", `${why}. Choose another address for provisioners with --workers-listen.`, {
    metadata: { host, port: String(port) },
    cause: error,
  });
}
