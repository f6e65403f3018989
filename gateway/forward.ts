/** Calls from outside, passed on to the server: one way for every RPC, read off the descriptors. */
import type { DescMethod, DescService, Message } from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { callerToMetadata, REQUEST_ID_KEY } from "../services/common/caller-metadata.js";
import { LoomError } from "../services/common/errors.js";
import { IDENTITY, REQUEST_ID, SOURCE_ADDRESS } from "./call-context.js";
import type { Identities } from "./identity.js";
import type { Upstream, UpstreamCall } from "./upstream.js";

/** A call that answers once waits for no longer than this, whatever its client says. */
const UNARY_TIMEOUT_MS = 60_000;

export interface Forwarding {
  readonly upstream: Upstream;
  readonly identities: Identities;
  /** How often the token of an open stream is looked at again, in milliseconds. */
  readonly recheckMs: number;
  /** Fires when the gateway goes down; its reason is a LoomError. */
  readonly stopping: AbortSignal;
}

/** Adds the service to the router. */
export function forwardService(router: ConnectRouter, service: DescService, forwarding: Forwarding): void {
  const implementation: Record<string, unknown> = {};
  for (const method of service.methods) {
    if (method.methodKind === "unary") implementation[method.localName] = unary(method, forwarding);
    if (method.methodKind === "server_streaming") implementation[method.localName] = serverStream(method, forwarding);
    if (method.methodKind === "bidi_streaming") implementation[method.localName] = bidiStream(method, forwarding);
  }
  router.service(service, implementation as Partial<ServiceImpl<DescService>>);
}

function unary(method: DescMethod, { upstream, stopping }: Forwarding) {
  return (request: Message, context: HandlerContext): Promise<Message> => {
    stopping.throwIfAborted();
    const timeoutMs = Math.min(context.timeoutMs() ?? UNARY_TIMEOUT_MS, UNARY_TIMEOUT_MS);
    return upstream.unary(method, request, callOf(context, context.signal, timeoutMs));
  };
}

function serverStream(method: DescMethod, forwarding: Forwarding) {
  return (request: Message, context: HandlerContext): AsyncGenerator<Message> =>
    answers(context, forwarding, (call) => forwarding.upstream.stream(method, request, call));
}

function bidiStream(method: DescMethod, forwarding: Forwarding) {
  return (requests: AsyncIterable<Message>, context: HandlerContext): AsyncGenerator<Message> =>
    answers(context, forwarding, (call) => forwarding.upstream.bidi(method, requests, call));
}

/** What a stream of the server answers, for as long as its caller may see it. */
async function* answers(
  context: HandlerContext,
  { identities, recheckMs, stopping }: Forwarding,
  open: (call: UpstreamCall) => AsyncIterable<Message>,
): AsyncGenerator<Message> {
  stopping.throwIfAborted();
  const revoked = new AbortController();
  const timer = setInterval(() => {
    identities.resolve(context.requestHeader.get("authorization")).catch((thrown: unknown) => {
      // A server that cannot be asked is no reason to end a stream.
      if (thrown instanceof LoomError && thrown.reason === "UNAUTHENTICATED") revoked.abort(thrown);
    });
  }, recheckMs);
  const signal = AbortSignal.any([context.signal, stopping, revoked.signal]);
  try {
    yield* open(callOf(context, signal, context.timeoutMs()));
  } catch (thrown) {
    // The server only says that the call was cancelled; why, is known here.
    for (const reason of [stopping, revoked.signal]) reason.throwIfAborted();
    throw thrown;
  } finally {
    clearInterval(timer);
  }
}

function callOf(context: HandlerContext, signal: AbortSignal, timeoutMs: number | undefined): UpstreamCall {
  const identity = context.values.get(IDENTITY);
  if (identity === undefined) throw new LoomError("UNAUTHENTICATED", "This call has no identity.");
  const sourceAddress = context.values.get(SOURCE_ADDRESS);
  const metadata = [
    ...callerToMetadata({ ...identity, sourceAddress }),
    [REQUEST_ID_KEY, context.values.get(REQUEST_ID)] as const,
  ];
  return { metadata, timeoutMs, signal };
}
