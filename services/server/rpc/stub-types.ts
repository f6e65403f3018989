/** Types read off the generated stubs. */
import type { Caller } from "../application.js";
import type { RpcName, STUBS } from "./rpc-names.js";

interface Stub<Request, Response> {
  readonly path: string;
  readonly requestDeserialize: (bytes: Buffer) => Request;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

type Stubs = typeof STUBS;
type AnyStub = { [Service in keyof Stubs]: Stubs[Service][keyof Stubs[Service]] }[keyof Stubs];
type StubOf<Name extends RpcName> = Name extends `${infer Service}.${infer Method}`
  ? Extract<AnyStub, { readonly path: `/loom.v1.${Service}/${Method}` | `/loom.internal.v1.${Service}/${Method}` }>
  : never;

/** The request message of an RPC. */
export type RequestOf<Name extends RpcName> = StubOf<Name> extends Stub<infer Request, unknown> ? Request : never;

/** The response message of an RPC. */
export type ResponseOf<Name extends RpcName> = StubOf<Name> extends Stub<unknown, infer Response> ? Response : never;

/** RPCs that answer once. */
export type UnaryName = {
  [Name in RpcName]: StubOf<Name> extends { readonly responseStream: false } ? Name : never;
}[RpcName];

/** RPCs that take one message and answer many. */
export type StreamName = {
  [Name in RpcName]: StubOf<Name> extends { readonly requestStream: false; readonly responseStream: true }
    ? Name
    : never;
}[RpcName];

/** RPCs that take many messages and answer many. */
export type BidiName = Exclude<RpcName, UnaryName | StreamName>;

/** A provisioner of another machine, known by its certificate. */
export interface Peer {
  readonly id: string;
  /** What provider documents call it. */
  readonly label: string;
  /** Fires when it is let in no more; its reason is a LoomError. */
  readonly gone: AbortSignal;
}

/** What a handler knows of a call besides its message. */
export interface CallContext {
  readonly caller: Caller;
  /** The provisioner of another machine that called, by the certificate of its connection. */
  readonly peer?: Peer | undefined;
  /** Fires when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

export type UnaryHandler<Name extends UnaryName> = (
  request: RequestOf<Name>,
  context: CallContext,
) => Promise<ResponseOf<Name>>;
export type StreamHandler<Name extends StreamName> = (
  request: RequestOf<Name>,
  context: CallContext,
) => AsyncIterable<ResponseOf<Name>>;

export type BidiHandler<Name extends BidiName> = (
  requests: AsyncIterable<RequestOf<Name>>,
  context: CallContext,
) => AsyncIterable<ResponseOf<Name>>;

/** A handler for every RPC but those that take many messages. */
export type Handlers = { readonly [Name in UnaryName]: UnaryHandler<Name> } & {
  readonly [Name in StreamName]: StreamHandler<Name>;
};

type Service<Name> = Name extends `${infer S}.${string}` ? S : never;

/** The handlers of one service. */
export type HandlersOf<S extends Service<RpcName>> = Pick<Handlers, Extract<keyof Handlers, `${S}.${string}`>>;
