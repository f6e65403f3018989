/** What a server said, out of what grpc-js throws. */
import { status, type ServiceError } from "@grpc/grpc-js";
import { ErrorInfo } from "../../../gen/services/google/rpc/error_details.js";
import { Status } from "../../../gen/services/google/rpc/status.js";
import { isReason, LoomError } from "../../common/errors.js";

/** Nobody answers, or not as a server of Loom does. */
export function unreachable(address: string, why: string, cause?: unknown): LoomError {
  return new LoomError(
    "UNREACHABLE",
    `Loom cannot be reached at ${address} (${why}). It listens there where it was started with --workers-listen.`,
    { metadata: { address }, cause },
  );
}

/** The server's own error, where there is one in it; UNREACHABLE otherwise. */
export function remoteError(error: ServiceError, address: string): LoomError {
  const bytes = error.metadata?.get("grpc-status-details-bin")[0];
  if (bytes instanceof Buffer) {
    try {
      const { message, details } = Status.decode(bytes);
      const info = details.find(({ typeUrl }) => typeUrl.endsWith("/google.rpc.ErrorInfo"));
      const { reason, metadata } = ErrorInfo.decode(info?.value ?? new Uint8Array());
      if (isReason(reason)) return new LoomError(reason, message, { metadata, cause: error });
    } catch {
      // Bytes that are no status are not of Loom; the code below says what is known.
    }
  }
  const detail = error.details === "" ? (status[error.code] ?? "no answer") : error.details;
  return unreachable(address, detail, error);
}
