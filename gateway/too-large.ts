/**
 * Bodies that say beforehand that they are too large. Connect's own refusal of them comes before every interceptor and
 * carries no reason; this one does. Bodies that do not say how long they are, and those of gRPC, get Connect's.
 */
import { randomUUID } from "node:crypto";
import { errorToJson, codeToHttpStatus } from "@connectrpc/connect/protocol-connect";
import { LoomError } from "../services/common/errors.js";
import { toConnectError } from "./errors.js";
import { MAX_BODY_BYTES } from "./limits.js";
import type { HttpHandler } from "./listener.js";

/** What a call of the Connect protocol that answers once is sent as. */
const UNARY = /^application\/(json|proto)\b/;

export function refuseTooLarge(handler: HttpHandler): HttpHandler {
  return (request, response) => {
    const bytes = Number(request.headers["content-length"] ?? 0);
    if (bytes <= MAX_BODY_BYTES || !UNARY.test(request.headers["content-type"] ?? ""))
      return handler(request, response);
    const limit = 4 * 2 ** 20;
    const error = new LoomError(
      "MESSAGE_TOO_LARGE",
      `The message has ${bytes} bytes, and at most ${limit} are taken. Send it in parts.`,
      { metadata: { bytes: String(bytes), limit: String(limit) } },
    );
    const refusal = toConnectError(error, randomUUID());
    // Read to its end, and thrown away: a client that is still sending would not look at the answer.
    request.resume();
    request.once("end", () => {
      response.writeHead(codeToHttpStatus(refusal.code), { "content-type": "application/json" });
      response.end(JSON.stringify(errorToJson(refusal, undefined)));
    });
  };
}
