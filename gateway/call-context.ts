/** What the gateway knows of a call, passed along its interceptors. */
import { randomUUID } from "node:crypto";
import { createContextKey, createContextValues, type ContextValues } from "@connectrpc/connect";
import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import type { Identity } from "./identity.js";

/** Names the request in logs and errors. Made here; one that came from outside is not believed. */
export const REQUEST_ID = createContextKey("");
/** Address the request came from. */
export const SOURCE_ADDRESS = createContextKey("");
/** Who asks; undefined where the call needs nobody. */
export const IDENTITY = createContextKey<Identity | undefined>(undefined);

export function contextOf(request: IncomingMessage | Http2ServerRequest): ContextValues {
  return createContextValues()
    .set(REQUEST_ID, randomUUID())
    .set(SOURCE_ADDRESS, request.socket.remoteAddress ?? "");
}
