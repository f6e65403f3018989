/** Whose a bearer token is. The server knows; answers are kept for a few seconds, so a revoked token dies as fast. */
import { createHash } from "node:crypto";
import type { Interceptor } from "@connectrpc/connect";
import { status } from "@grpc/grpc-js";
import { LoomError } from "../services/common/errors.js";
import { IDENTITY } from "./call-context.js";
import { isServiceError, type Upstream } from "./upstream.js";

export interface Identity {
  readonly tenant: string;
  readonly user: string;
  readonly role: string;
  readonly credential: string;
}

export interface Identities {
  /** @param authorization the value of the header. Throws UNAUTHENTICATED. */
  resolve(authorization: string | null): Promise<Identity>;
}

/** An answer is believed for so long; a revoked token works no longer than twice this, on open streams too. */
export const IDENTITY_TTL_MS = 4_000;

const MAX_KEPT = 10_000;
const MAX_TOKEN_LENGTH = 4_000;

/** @param ttlMs how long an answer is believed */
export function createIdentities(upstream: Pick<Upstream, "identify">, ttlMs: number = IDENTITY_TTL_MS): Identities {
  const kept = new Map<string, { readonly answer: Promise<Identity>; readonly until: number }>();
  return {
    resolve(authorization) {
      const token = /^Bearer +([^\s]+) *$/i.exec(authorization ?? "")?.[1];
      if (token === undefined || token.length > MAX_TOKEN_LENGTH) return Promise.reject(missing());
      // Found by its hash: the time of a look-up tells nothing about tokens that are known.
      const key = createHash("sha256").update(token).digest("base64");
      const found = kept.get(key);
      if (found !== undefined && found.until > Date.now()) return found.answer;
      const answer = ask(upstream, token);
      kept.delete(key);
      kept.set(key, { answer, until: Date.now() + ttlMs });
      if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value!);
      // A failure is not an answer: the next call asks again.
      answer.catch(() => kept.delete(key));
      return answer;
    },
  };
}

async function ask(upstream: Pick<Upstream, "identify">, token: string): Promise<Identity> {
  try {
    const { tenant, user, role, credential } = await upstream.identify(token);
    return { tenant, user, role, credential };
  } catch (thrown) {
    if (isServiceError(thrown) && thrown.code === status.UNAUTHENTICATED) throw wrong();
    throw thrown;
  }
}

function missing(): LoomError {
  return new LoomError(
    "UNAUTHENTICATED",
    "This call carries no token. Send the header `authorization: Bearer TOKEN`, or run `loom login`.",
  );
}

function wrong(): LoomError {
  return new LoomError(
    "UNAUTHENTICATED",
    "The token of this call is not known: it was mistyped, never given out, or revoked. Run `loom login` with one that is.",
  );
}

/** @param open full names of services that need nobody */
export function requireIdentity(identities: Identities, open: ReadonlySet<string>): Interceptor {
  return (next) => async (request) => {
    if (!open.has(request.service.typeName)) {
      request.contextValues.set(IDENTITY, await identities.resolve(request.header.get("authorization")));
    }
    return next(request);
  };
}
