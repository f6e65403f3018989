/**
 * Errors as gRPC status, once, at the edge. The details follow AIP-193: `grpc-status-details-bin` is a
 * google.rpc.Status with ErrorInfo, BadRequest where fields are wrong, and RequestInfo.
 */
import { Metadata, status as GrpcStatus, type ServerErrorResponse } from "@grpc/grpc-js";
import { BadRequest, ErrorInfo, RequestInfo } from "../../../gen/services/google/rpc/error_details.js";
import { Status } from "../../../gen/services/google/rpc/status.js";
import type { Any } from "../../../gen/services/google/protobuf/any.js";
import type { ErrorCode, FieldViolation, LoomError } from "../../common/errors.js";

const CODES: Readonly<Record<ErrorCode, GrpcStatus>> = {
  INVALID_ARGUMENT: GrpcStatus.INVALID_ARGUMENT,
  NOT_FOUND: GrpcStatus.NOT_FOUND,
  ALREADY_EXISTS: GrpcStatus.ALREADY_EXISTS,
  FAILED_PRECONDITION: GrpcStatus.FAILED_PRECONDITION,
  ABORTED: GrpcStatus.ABORTED,
  UNAUTHENTICATED: GrpcStatus.UNAUTHENTICATED,
  PERMISSION_DENIED: GrpcStatus.PERMISSION_DENIED,
  RESOURCE_EXHAUSTED: GrpcStatus.RESOURCE_EXHAUSTED,
  UNAVAILABLE: GrpcStatus.UNAVAILABLE,
  DEADLINE_EXCEEDED: GrpcStatus.DEADLINE_EXCEEDED,
  CANCELLED: GrpcStatus.CANCELLED,
  UNIMPLEMENTED: GrpcStatus.UNIMPLEMENTED,
  INTERNAL: GrpcStatus.INTERNAL,
};

/** The details travel as an HTTP/2 trailer, and gRPC clients take 16 kB of trailers, base64 included. */
const MAX_DETAILS_BYTES = 6_000;
const MAX_TEXT_LENGTH = 1_000;

/** Shortens a text. Half a character, cut here or sent by the caller, becomes U+FFFD: it cannot be encoded. */
export function shorten(text: string, limit: number): string {
  return Buffer.from(text.length <= limit ? text : `${text.slice(0, limit)}...`).toString();
}

function any(typeName: string, value: Uint8Array): Any {
  return { typeUrl: `type.googleapis.com/${typeName}`, value: Buffer.from(value) };
}

/** As many violations as there is room for; the rest are counted in the metadata as `violationsOmitted`. */
function fitting(violations: readonly FieldViolation[], room: number): FieldViolation[] {
  const kept: FieldViolation[] = [];
  let used = 0;
  for (const { field, description } of violations) {
    const violation = { field: shorten(field, 300), description: shorten(description, MAX_TEXT_LENGTH) };
    used += Buffer.byteLength(violation.field) + Buffer.byteLength(violation.description) + 10;
    if (used > room) break;
    kept.push(violation);
  }
  return kept;
}

function fittingMetadata(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const kept: Record<string, string> = {};
  let used = 0;
  for (const [key, value] of Object.entries(metadata)) {
    const short = shorten(value, 300);
    used += Buffer.byteLength(key) + Buffer.byteLength(short) + 6;
    if (used > MAX_DETAILS_BYTES / 3) break;
    kept[key] = short;
  }
  return kept;
}

/** The google.rpc.Status of an error. Its cause is no part of it. */
export function toRpcStatus(error: LoomError, requestId: string): Status {
  const message = shorten(error.message, MAX_TEXT_LENGTH);
  const metadata = fittingMetadata(error.metadata);
  const info = (): Any =>
    any("google.rpc.ErrorInfo", ErrorInfo.encode({ reason: error.reason, domain: "loom", metadata }).finish());
  const room = MAX_DETAILS_BYTES - Buffer.byteLength(message) - info().value.length - requestId.length;
  const violations = fitting(error.violations, room);
  if (violations.length < error.violations.length) {
    metadata["violationsOmitted"] = String(error.violations.length - violations.length);
  }
  const details = [info()];
  if (violations.length > 0) {
    const fieldViolations = violations.map((violation) => ({ ...violation, reason: "", localizedMessage: undefined }));
    details.push(any("google.rpc.BadRequest", BadRequest.encode({ fieldViolations }).finish()));
  }
  details.push(any("google.rpc.RequestInfo", RequestInfo.encode({ requestId, servingData: "" }).finish()));
  return { code: CODES[error.code], message, details };
}

/** What grpc-js sends for an error. */
export function toGrpcError(error: LoomError, requestId: string): ServerErrorResponse {
  const rpcStatus = toRpcStatus(error, requestId);
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(Status.encode(rpcStatus).finish()));
  return Object.assign(new Error(rpcStatus.message), { code: rpcStatus.code, details: rpcStatus.message, metadata });
}
