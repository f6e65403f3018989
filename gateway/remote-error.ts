/** Turns what a Connect client throws back into the error that the server threw. */
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RequestInfoSchema } from "../gen/web/google/rpc/error_details_pb.js";
import { isReason, LoomError, type LoomErrorOptions, type Reason } from "../services/common/errors.js";

/** An error that came over the wire, or that kept a call from getting there (reason UNREACHABLE). */
export class RemoteError extends LoomError {
  /** The server's name for the request, to be found in its log; empty where the server was not reached. */
  readonly requestId: string;

  constructor(reason: Reason, message: string, requestId: string, options: LoomErrorOptions = {}) {
    super(reason, message, options);
    this.requestId = requestId;
  }
}

/**
 * @param thrown what a client of @connectrpc/connect threw
 * @param url the address that was called, for the message where nobody answers there
 */
export function remoteErrorFrom(thrown: unknown, url: string): RemoteError {
  if (thrown instanceof RemoteError) return thrown;
  const error = ConnectError.from(thrown);
  const info = error.findDetails(ErrorInfoSchema)[0];
  const requestId = error.findDetails(RequestInfoSchema)[0]?.requestId ?? error.metadata.get("loom-request-id") ?? "";
  if (info === undefined || info.domain !== "loom") return withoutReason(error, requestId, url);
  const violations = error.findDetails(BadRequestSchema).flatMap((detail) => detail.fieldViolations);
  return new RemoteError(
    // A newer server may know reasons that this client does not.
    isReason(info.reason) ? info.reason : (REASON_OF_CODE[error.code] ?? "INTERNAL"),
    error.rawMessage,
    requestId,
    {
      metadata: info.metadata,
      violations: violations.map(({ field, description }) => ({ field, description })),
      cause: thrown,
    },
  );
}

/** For errors that are not Loom's own: the connection, the client itself, something between it and the server. */
const REASON_OF_CODE: Readonly<Partial<Record<Code, Reason>>> = {
  [Code.Canceled]: "CANCELLED",
  [Code.DeadlineExceeded]: "TIMED_OUT",
  [Code.InvalidArgument]: "INVALID_FIELD",
  [Code.ResourceExhausted]: "MESSAGE_TOO_LARGE",
  [Code.Unauthenticated]: "UNAUTHENTICATED",
  [Code.PermissionDenied]: "PERMISSION_DENIED",
  [Code.Unimplemented]: "UNIMPLEMENTED",
  [Code.Unavailable]: "UNREACHABLE",
  // connect-node gives ABORTED where the connection broke.
  [Code.Aborted]: "UNREACHABLE",
};

/** What Node says of a certificate that it does not trust. */
const UNTRUSTED = /self.signed certificate|unable to (?:verify|get).* certificate|certificate has expired|altnames/i;

/** What this side found out by itself and the transport has wrapped. */
function ownError(thrown: unknown): LoomError | undefined {
  for (let at = thrown; at instanceof Error; at = at.cause) if (at instanceof LoomError) return at;
  return undefined;
}

function withoutReason(error: ConnectError, requestId: string, url: string): RemoteError {
  const own = ownError(error);
  if (own !== undefined)
    return new RemoteError(own.reason, own.message, requestId, { metadata: own.metadata, cause: error });
  const broken =
    UNTRUSTED.test(error.rawMessage) ||
    /missing EndStreamResponse|premature|socket hang up|ECONNRESET|EPIPE/i.test(error.rawMessage);
  const reason = broken ? "UNREACHABLE" : (REASON_OF_CODE[error.code] ?? "INTERNAL");
  return new RemoteError(reason, sentence(reason, error, url), requestId, { metadata: { url }, cause: error });
}

function sentence(reason: Reason, error: ConnectError, url: string): string {
  switch (reason) {
    case "UNREACHABLE":
      if (UNTRUSTED.test(error.rawMessage))
        return `The certificate of Loom at ${url} is not known to this machine (${error.rawMessage}). Trust it by the fingerprint that Loom prints at its start: loom login ${url} --fingerprint sha256:...`;
      return `Loom cannot be reached at ${url} (${error.rawMessage}). Start it with \`make run\`, or name another address.`;
    case "UNIMPLEMENTED":
      return `What answers at ${url} does not know this call (${error.rawMessage}). It is not Loom, or another version of it.`;
    case "TIMED_OUT":
      return `Loom at ${url} did not answer in time.`;
    case "CANCELLED":
      return "The call was cancelled.";
    case "MESSAGE_TOO_LARGE":
      return `The message is larger than Loom at ${url} takes. Send it in parts.`;
    default:
      return error.rawMessage;
  }
}
