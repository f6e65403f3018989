/** What every mutation does with its request id and its etag. */
import { createHash, randomUUID } from "node:crypto";
import { LoomError } from "../common/errors.js";
import { checkRequestId } from "../common/ids.js";

/**
 * Id and fingerprint of a request. A caller that sends no id gets a fresh one, and cannot repeat the request.
 *
 * @param body what makes two requests the same, as JSON
 * @throws INVALID_REQUEST_ID
 */
export function requestOf(
  requestId: string,
  operation: string,
  body: unknown,
): { readonly id: string; readonly fingerprint: string } {
  if (requestId !== "") checkRequestId(requestId);
  const text = JSON.stringify([operation, body], (_key, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
  return {
    id: requestId === "" ? randomUUID() : requestId,
    fingerprint: createHash("sha256").update(text).digest("base64url"),
  };
}

/** @throws ETAG_MISMATCH where the caller saw another state */
export function checkEtag(asked: string, actual: string, what: string): void {
  if (asked !== "" && asked.replaceAll('"', "") !== actual) {
    throw new LoomError("ETAG_MISMATCH", `${what} has changed since you looked. Look again, then decide.`, {
      metadata: { etag: actual },
    });
  }
}
