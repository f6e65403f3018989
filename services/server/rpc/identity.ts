/** Who asks, from metadata, and whether they may. */
import type { Metadata } from "@grpc/grpc-js";
import { callerFromMetadata } from "../../common/caller-metadata.js";
import { LoomError } from "../../common/errors.js";
import type { Caller } from "../application.js";
import { AUTHORIZATION, covers, FIELD_AUTHORIZATION, isRole } from "./authorization.js";
import type { RpcName } from "./rpc-names.js";

/** The caller of internal RPCs, for logs. */
export const LOOM_ITSELF: Caller = { tenant: "", user: "", role: "admin", credential: "", sourceAddress: "" };

/** The value of a metadata key where it is text and there is one. */
export function metadataText(metadata: Metadata, key: string): string | undefined {
  const value = metadata.get(key)[0];
  return typeof value === "string" ? value : undefined;
}

/**
 * The caller of an RPC, whose right to make it is proven by this function's return.
 *
 * @throws UNAUTHENTICATED, PERMISSION_DENIED
 */
export function authorize(rpc: RpcName, metadata: Metadata): Caller {
  const { role, ...texts } = callerFromMetadata((key) => metadataText(metadata, key));
  const needed = AUTHORIZATION[rpc];
  if (needed === "internal") {
    // What a gateway lets through carries a person's identity, so this one was never meant for people.
    if (texts.user === "" && role === "") return LOOM_ITSELF;
    throw new LoomError("PERMISSION_DENIED", `${rpc} is for Loom's own processes.`, { metadata: { rpc } });
  }
  if (texts.user === "" || texts.tenant === "" || !isRole(role)) {
    throw new LoomError(
      "UNAUTHENTICATED",
      `${rpc} needs an identity and this call has none. Go through Loom's gateway, with a token.`,
      { metadata: { rpc } },
    );
  }
  if (!covers(role, needed)) {
    throw new LoomError(
      "PERMISSION_DENIED",
      `${rpc} needs the role ${needed}, and you have ${role}. Ask an admin of the tenant ${texts.tenant}.`,
      {
        metadata: { rpc, needed, role, tenant: texts.tenant },
      },
    );
  }
  return { ...texts, role };
}

/**
 * Whether the caller may give the fields that the request has.
 *
 * @throws PERMISSION_DENIED
 */
export function authorizeFields(rpc: RpcName, request: object, caller: Caller): void {
  for (const [field, { role, why }] of Object.entries(FIELD_AUTHORIZATION[rpc] ?? {})) {
    const value = (request as Readonly<Record<string, unknown>>)[field];
    const isGiven = Array.isArray(value) ? value.length > 0 : value !== undefined;
    if (!isGiven || covers(caller.role, role)) continue;
    throw new LoomError(
      "PERMISSION_DENIED",
      `${rpc} with ${field} needs the role ${role}, and you have ${caller.role}: ${why}. Ask an admin of the tenant ${caller.tenant}.`,
      { metadata: { rpc, field, needed: role, role: caller.role, tenant: caller.tenant } },
    );
  }
}
