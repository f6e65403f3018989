/**
 * Errors on their way out. Whatever is thrown becomes a new ConnectError here, once: one that came from upstream would
 * drag protocol headers of the other leg along, and what knows no reason gets one.
 */
import { fromBinary, type DescMessage } from "@bufbuild/protobuf";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { status, type ServiceError } from "@grpc/grpc-js";
import type { Logger } from "pino";
import { BadRequestSchema, ErrorInfoSchema, RequestInfoSchema } from "../gen/web/google/rpc/error_details_pb.js";
import { StatusSchema } from "../gen/web/google/rpc/status_pb.js";
import { REQUEST_ID_KEY } from "../services/common/caller-metadata.js";
import { LoomError, type ErrorCode, type Reason } from "../services/common/errors.js";
import { REQUEST_ID } from "./call-context.js";
import { isServiceError } from "./upstream.js";

type Details = ConnectError["details"];

const CODES: Readonly<Record<ErrorCode, Code>> = {
  INVALID_ARGUMENT: Code.InvalidArgument,
  NOT_FOUND: Code.NotFound,
  ALREADY_EXISTS: Code.AlreadyExists,
  FAILED_PRECONDITION: Code.FailedPrecondition,
  ABORTED: Code.Aborted,
  UNAUTHENTICATED: Code.Unauthenticated,
  PERMISSION_DENIED: Code.PermissionDenied,
  RESOURCE_EXHAUSTED: Code.ResourceExhausted,
  UNAVAILABLE: Code.Unavailable,
  DEADLINE_EXCEEDED: Code.DeadlineExceeded,
  CANCELLED: Code.Canceled,
  UNIMPLEMENTED: Code.Unimplemented,
  INTERNAL: Code.Internal,
};

/** Details that the Connect protocol shows as JSON beside their bytes, for people with curl. */
const SHOWN: readonly DescMessage[] = [ErrorInfoSchema, BadRequestSchema, RequestInfoSchema];

/** The outermost interceptor. */
export function rewrapErrors(log: Logger): Interceptor {
  return (next) => async (request) => {
    const requestId = request.contextValues.get(REQUEST_ID);
    const rewrap = (thrown: unknown): ConnectError => {
      const error = toConnectError(thrown, requestId);
      if (error.code === Code.Internal && !isServiceError(thrown))
        log.error({ requestId, err: thrown }, "gateway failed");
      return error;
    };
    try {
      const response = await next(request);
      response.header.set(REQUEST_ID_KEY, requestId);
      return response.stream ? { ...response, message: rewrapping(response.message, rewrap) } : response;
    } catch (thrown) {
      throw rewrap(thrown);
    }
  };
}

async function* rewrapping<Element>(
  messages: AsyncIterable<Element>,
  rewrap: (thrown: unknown) => ConnectError,
): AsyncGenerator<Element> {
  try {
    yield* messages;
  } catch (thrown) {
    throw rewrap(thrown);
  }
}

/** A ConnectError that carries ErrorInfo and RequestInfo, and nothing of how the gateway got it. */
export function toConnectError(thrown: unknown, requestId: string): ConnectError {
  const headers = { [REQUEST_ID_KEY]: requestId };
  if (isServiceError(thrown)) {
    const known = knownDetails(thrown);
    // The numbers of Connect's codes are those of gRPC.
    if (known.length > 0) {
      const error = new ConnectError(thrown.details, thrown.code as number as Code, headers);
      error.details = known;
      return error;
    }
    return toConnectError(withoutDetails(thrown), requestId);
  }
  const error = thrown instanceof ConnectError ? fromFramework(thrown) : LoomError.from(thrown);
  return new ConnectError(error.message, CODES[error.code], headers, [
    { desc: ErrorInfoSchema, value: { reason: error.reason, domain: "loom", metadata: { ...error.metadata } } },
    ...(error.violations.length > 0
      ? [
          {
            desc: BadRequestSchema,
            value: { fieldViolations: error.violations.map((violation) => ({ ...violation })) },
          },
        ]
      : []),
    { desc: RequestInfoSchema, value: { requestId } },
  ]);
}

function knownDetails(error: ServiceError): Details {
  const bytes = error.metadata.get("grpc-status-details-bin")[0];
  if (!Buffer.isBuffer(bytes)) return [];
  try {
    return fromBinary(StatusSchema, bytes).details.map(({ typeUrl, value }) => {
      const type = typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
      const desc = SHOWN.find(({ typeName }) => typeName === type);
      return desc === undefined ? { type, value } : { desc, value: fromBinary(desc, value) };
    });
  } catch {
    return [];
  }
}

/** Errors of grpc-js itself: the server had no part in them. */
function withoutDetails(error: ServiceError): LoomError {
  switch (error.code) {
    case status.UNAVAILABLE:
      return new LoomError(
        "UNREACHABLE",
        "The gateway cannot reach Loom's server: it is starting, stopping or gone. Try again in a moment.",
        { cause: error },
      );
    case status.DEADLINE_EXCEEDED:
      return new LoomError(
        "TIMED_OUT",
        "The call took longer than its deadline. It may have been carried out: repeat it with the same request id.",
        { cause: error },
      );
    case status.CANCELLED:
      return new LoomError("CANCELLED", "The call was cancelled.", { cause: error });
    case status.RESOURCE_EXHAUSTED:
      return new LoomError("MESSAGE_TOO_LARGE", "The message is larger than the server takes. Send it in parts.", {
        cause: error,
      });
    case status.UNIMPLEMENTED:
      return new LoomError(
        "UNIMPLEMENTED",
        "The server behind this gateway does not know this call. They are of different versions.",
        { cause: error },
      );
    default:
      return LoomError.from(error);
  }
}

const REASONS_OF_CONNECT: Readonly<Partial<Record<Code, Reason>>> = {
  [Code.Canceled]: "CANCELLED",
  [Code.DeadlineExceeded]: "TIMED_OUT",
  [Code.InvalidArgument]: "INVALID_FIELD",
  [Code.ResourceExhausted]: "MESSAGE_TOO_LARGE",
  [Code.Unimplemented]: "UNIMPLEMENTED",
  [Code.Aborted]: "CANCELLED",
};

/** Errors of the Connect library about what the client sent. */
function fromFramework(error: ConnectError): LoomError {
  const reason = REASONS_OF_CONNECT[error.code];
  return reason === undefined ? LoomError.from(error) : new LoomError(reason, error.rawMessage, { cause: error });
}
