/** From a grpc-js call to a handler and back: identity, right, field rules, handler, errors, log. */
import { once } from "node:events";
import type { PeerCertificate } from "node:tls";
import type {
  handleBidiStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  Metadata,
  ServerWritableStream,
} from "@grpc/grpc-js";
import type { Logger } from "pino";
import { LoomError } from "../../common/errors.js";
import { messagesOf } from "../../common/grpc-streams.js";
import { startCallLog, type CallLog } from "./call-log.js";
import { checkFields, type Rules } from "./checks.js";
import { authorize, authorizeFields } from "./identity.js";
import { unwrap, type Incoming } from "./incoming.js";
import type { RpcName } from "./rpc-names.js";
import { toGrpcError } from "./status.js";
import type { CallContext, Peer } from "./stub-types.js";

/** A call that knows the connection it came by. */
export interface Connected {
  getAuthContext(): { readonly sslPeerCertificate?: PeerCertificate } | null;
}

export interface Dispatch {
  readonly log: Logger;
  /** Fires when the server goes down; its reason is a LoomError. */
  readonly stopping: AbortSignal;
  /**
   * Who is at the other end of a connection from another machine; absent where all connections are of this machine.
   *
   * @throws PERMISSION_DENIED, PROVISIONER_REVOKED
   */
  readonly peer?: (call: Connected) => Peer | undefined;
}

/** What grpc-js calls have in common here. */
interface AnyCall<Request> extends Connected {
  readonly request: Incoming<Request>;
  readonly metadata: Metadata;
  on(event: "cancelled", listener: () => void): unknown;
  getDeadline(): Date | number;
}

/** Why nobody waits for an answer any more. */
export function endedEarly(call: { getDeadline(): Date | number }): LoomError {
  return Number(call.getDeadline()) <= Date.now()
    ? new LoomError("TIMED_OUT", "The call's deadline passed before it was done.")
    : new LoomError("CANCELLED", "The caller hung up.");
}

/** The error that the stop signal carries. */
export function stopReason(stopping: AbortSignal): LoomError {
  return LoomError.from(stopping.reason);
}

/** Fires when a stream ends whatever its handler does. */
function cutSignal(gone: AbortSignal, { stopping }: Dispatch, peer: Peer | undefined): AbortSignal {
  return AbortSignal.any(peer === undefined ? [gone, stopping] : [gone, stopping, peer.gone]);
}

/** Why a stream was cut off; undefined where it was not. What its handler throws then means nothing. */
function cutReason(
  call: { getDeadline(): Date | number },
  gone: AbortSignal,
  { stopping }: Dispatch,
  peer: Peer | undefined,
): LoomError | undefined {
  if (gone.aborted) return endedEarly(call);
  if (stopping.aborted) return stopReason(stopping);
  return peer?.gone.aborted === true ? LoomError.from(peer.gone.reason) : undefined;
}

function begin<Request extends object>(
  rpc: RpcName,
  rules: Rules<Request>,
  call: AnyCall<Request>,
  log: CallLog,
  signal: AbortSignal,
  peer: Peer | undefined,
): { request: Request; context: CallContext } {
  const caller = authorize(rpc, call.metadata);
  log.caller(caller);
  const request = unwrap(call.request);
  authorizeFields(rpc, request, caller);
  checkFields(request, rules);
  return { request, context: { caller, signal, peer } };
}

/** An RPC that answers once. */
export function unaryCall<Request extends object, Response>(
  rpc: RpcName,
  rules: Rules<Request>,
  handler: (request: Request, context: CallContext) => Promise<Response>,
  dispatch: Dispatch,
): handleUnaryCall<Incoming<Request>, Response> {
  return (call, answer) => {
    const log = startCallLog(rpc, call.metadata, dispatch.log);
    const gone = new AbortController();
    call.on("cancelled", () => gone.abort());
    const run = async (): Promise<Response> => {
      const { request, context } = begin(rpc, rules, call, log, gone.signal, dispatch.peer?.(call));
      return handler(request, context);
    };
    run().then(
      (response) => {
        // What was done stays done; only the answer is lost.
        log.ended(gone.signal.aborted ? endedEarly(call) : undefined);
        answer(null, response);
      },
      (thrown: unknown) => {
        const error = LoomError.from(thrown);
        log.ended(error);
        answer(toGrpcError(error, log.requestId));
      },
    );
  };
}

/** An RPC that answers with a stream. Waits for the client to read before it asks the handler for more. */
export function streamCall<Request extends object, Response>(
  rpc: RpcName,
  rules: Rules<Request>,
  handler: (request: Request, context: CallContext) => AsyncIterable<Response>,
  dispatch: Dispatch,
): handleServerStreamingCall<Incoming<Request>, Response> {
  return (call) => {
    const log = startCallLog(rpc, call.metadata, dispatch.log);
    const gone = new AbortController();
    call.on("cancelled", () => gone.abort());
    let peer: Peer | undefined;
    const cut = (): LoomError | undefined => cutReason(call, gone.signal, dispatch, peer);
    const run = async (): Promise<void> => {
      peer = dispatch.peer?.(call);
      const signal = cutSignal(gone.signal, dispatch, peer);
      const { request, context } = begin(rpc, rules, call, log, signal, peer);
      await pump(handler(request, context), call, signal);
      const why = cut();
      if (why !== undefined) throw why;
    };
    run().then(
      () => {
        log.ended(undefined);
        call.end();
      },
      (thrown: unknown) => {
        const error = cut() ?? LoomError.from(thrown);
        log.ended(error);
        if (!gone.signal.aborted) call.emit("error", toGrpcError(error, log.requestId));
      },
    );
  };
}

/** An RPC that takes many messages and answers many, each side no faster than the other reads. */
export function bidiCall<Request extends object, Response>(
  rpc: RpcName,
  handler: (requests: AsyncIterable<Request>, context: CallContext) => AsyncIterable<Response>,
  dispatch: Dispatch,
): handleBidiStreamingCall<Incoming<Request>, Response> {
  return (call) => {
    const log = startCallLog(rpc, call.metadata, dispatch.log);
    const messages = messagesOf<Incoming<Request>, Response>(call, () => endedEarly(call));
    const gone = new AbortController();
    call.on("cancelled", () => gone.abort());
    async function* requests(): AsyncGenerator<Request> {
      for await (const incoming of messages.incoming) yield unwrap(incoming);
    }
    let peer: Peer | undefined;
    const cut = (): LoomError | undefined => cutReason(call, gone.signal, dispatch, peer);
    const run = async (): Promise<void> => {
      peer = dispatch.peer?.(call);
      const signal = cutSignal(gone.signal, dispatch, peer);
      // A handler that waits for a message waits no longer. Why is said by this call's end, and by nothing else.
      const release = (): void => messages.abort(new LoomError("CANCELLED", "The call was cut off."));
      signal.addEventListener("abort", release, { once: true });
      try {
        if (signal.aborted) release();
        const caller = authorize(rpc, call.metadata);
        log.caller(caller);
        await pump(handler(requests(), { caller, signal, peer }), call, signal);
      } finally {
        // A signal that follows the server's own lives as long as the server where somebody listens to it.
        signal.removeEventListener("abort", release);
      }
      const why = cut();
      if (why !== undefined) throw why;
    };
    run()
      .then(
        () => {
          log.ended(undefined);
          call.end();
        },
        (thrown: unknown) => {
          const error = cut() ?? LoomError.from(thrown);
          log.ended(error);
          if (!gone.signal.aborted) call.emit("error", toGrpcError(error, log.requestId));
        },
      )
      .finally(() => messages.abort());
  };
}

async function pump<Response>(
  source: AsyncIterable<Response>,
  call: ServerWritableStream<never, Response> | { write(message: Response): boolean },
  signal: AbortSignal,
): Promise<void> {
  for await (const message of source) {
    if (signal.aborted) return;
    if (!call.write(message)) await drained(call as ServerWritableStream<never, Response>, signal);
  }
}

/** Resolves when the stream takes more, or when the signal fires. */
export async function drained(call: NodeJS.EventEmitter, signal: AbortSignal): Promise<void> {
  await once(call, "drain", { signal }).catch((thrown: unknown) => {
    if (!signal.aborted) throw thrown;
  });
}
