/**
 * The one error type of Loom. It knows no transport: rpc/ turns it into a gRPC status once, at the edge.
 *
 * `message` is for the person: what happened and what to do. `cause` stays inside and is only logged.
 */

/** What kind of failure it is; the names and meanings of google.rpc.Code. */
export type ErrorCode =
  | "INVALID_ARGUMENT"
  | "NOT_FOUND"
  | "ALREADY_EXISTS"
  | "FAILED_PRECONDITION"
  | "ABORTED"
  | "UNAUTHENTICATED"
  | "PERMISSION_DENIED"
  | "RESOURCE_EXHAUSTED"
  | "UNAVAILABLE"
  | "DEADLINE_EXCEEDED"
  | "CANCELLED"
  | "UNIMPLEMENTED"
  | "INTERNAL";

/**
 * The closed list of reasons, each with the code it always comes with. A program may rely on a reason; so a reason is
 * only added where a program must tell it from the others.
 */
export const REASONS = {
  // What was asked for makes no sense by itself.
  INVALID_FIELD: "INVALID_ARGUMENT",
  INVALID_NAME: "INVALID_ARGUMENT",
  INVALID_REQUEST_ID: "INVALID_ARGUMENT",
  INVALID_PAGE_TOKEN: "INVALID_ARGUMENT",
  INVALID_RESUME_TOKEN: "INVALID_ARGUMENT",
  INVALID_CATALOG: "INVALID_ARGUMENT",
  INVALID_SIZE: "INVALID_ARGUMENT",
  INVALID_LEASE: "INVALID_ARGUMENT",
  INVALID_CONFIG: "INVALID_ARGUMENT",
  MACRO_ERROR: "INVALID_ARGUMENT",
  MESSAGE_TOO_LARGE: "RESOURCE_EXHAUSTED",
  // What was asked for names something that is not there.
  CLUSTER_NOT_FOUND: "NOT_FOUND",
  JOB_NOT_FOUND: "NOT_FOUND",
  TASK_NOT_FOUND: "NOT_FOUND",
  NODE_NOT_FOUND: "NOT_FOUND",
  DOCUMENT_NOT_FOUND: "NOT_FOUND",
  TEMPLATE_NOT_FOUND: "NOT_FOUND",
  PROVIDER_NOT_FOUND: "NOT_FOUND",
  SERVICE_NOT_FOUND: "NOT_FOUND",
  PROVISIONER_NOT_FOUND: "NOT_FOUND",
  // The layout or the plan cannot be made.
  INCOMPATIBLE: "FAILED_PRECONDITION",
  MISSING_DEPENDENCIES: "FAILED_PRECONDITION",
  CONFLICTING_SERVICES: "FAILED_PRECONDITION",
  DEPENDENCY_CYCLE: "FAILED_PRECONDITION",
  NO_LAYOUT: "FAILED_PRECONDITION",
  LAYOUT_TOO_HARD: "FAILED_PRECONDITION",
  NOTHING_TO_DO: "FAILED_PRECONDITION",
  ALREADY_PRESENT: "ALREADY_EXISTS",
  TEMPLATE_UNUSABLE: "FAILED_PRECONDITION",
  PLUGIN_TYPE_UNKNOWN: "FAILED_PRECONDITION",
  // The state of things does not allow it now.
  QUOTA_EXCEEDED: "RESOURCE_EXHAUSTED",
  CLUSTER_BUSY: "ABORTED",
  CLUSTER_STATE: "FAILED_PRECONDITION",
  JOB_STATE: "FAILED_PRECONDITION",
  TASK_STATE: "FAILED_PRECONDITION",
  NODE_STATE: "FAILED_PRECONDITION",
  TOO_MANY_SESSIONS: "RESOURCE_EXHAUSTED",
  ETAG_MISMATCH: "ABORTED",
  REQUEST_ID_REUSED: "ALREADY_EXISTS",
  FENCED: "ABORTED",
  NOT_OWNER: "UNAVAILABLE",
  // Who asks.
  UNAUTHENTICATED: "UNAUTHENTICATED",
  PERMISSION_DENIED: "PERMISSION_DENIED",
  JOIN_TOKEN_INVALID: "UNAUTHENTICATED",
  PROVISIONER_REVOKED: "PERMISSION_DENIED",
  FINGERPRINT_MISMATCH: "UNAUTHENTICATED",
  // Loom itself, or what it stands on.
  UNREACHABLE: "UNAVAILABLE",
  DATABASE_UNAVAILABLE: "UNAVAILABLE",
  OUTCOME_UNKNOWN: "UNAVAILABLE",
  DISK_FULL: "RESOURCE_EXHAUSTED",
  FOLDER_IN_USE: "FAILED_PRECONDITION",
  FOLDER_UNUSABLE: "FAILED_PRECONDITION",
  ADDRESS_IN_USE: "FAILED_PRECONDITION",
  TLS_REQUIRED: "FAILED_PRECONDITION",
  NO_WORKER_ADDRESS: "FAILED_PRECONDITION",
  UNSAFE_DATABASE: "FAILED_PRECONDITION",
  SCHEMA_MISMATCH: "FAILED_PRECONDITION",
  SECRET_UNREADABLE: "FAILED_PRECONDITION",
  SHUTTING_DOWN: "UNAVAILABLE",
  CANCELLED: "CANCELLED",
  TIMED_OUT: "DEADLINE_EXCEEDED",
  UNIMPLEMENTED: "UNIMPLEMENTED",
  INTERNAL: "INTERNAL",
  // Why a task failed.
  TASK_FAILED: "FAILED_PRECONDITION",
  SCRIPT_FAILED: "FAILED_PRECONDITION",
  TASK_TIMED_OUT: "DEADLINE_EXCEEDED",
  WORKER_LOST: "UNAVAILABLE",
  PROVIDER_ERROR: "FAILED_PRECONDITION",
  PROVIDER_UNREACHABLE: "UNAVAILABLE",
  IMAGE_NOT_FOUND: "FAILED_PRECONDITION",
  MACHINE_MISSING: "FAILED_PRECONDITION",
  CHECK_FAILED: "FAILED_PRECONDITION",
} as const satisfies Record<string, ErrorCode>;

/** A name of {@link REASONS}. */
export type Reason = keyof typeof REASONS;

/** True where the text names a reason. */
export function isReason(text: string): text is Reason {
  return Object.hasOwn(REASONS, text);
}

/** One field of a request that is wrong. */
export interface FieldViolation {
  /** Path in the request, for example `node_count` or `config.web.port`. */
  readonly field: string;
  /** What is wrong with it and what would be right. */
  readonly description: string;
}

export interface LoomErrorOptions {
  /** Every variable of the message, for programs. Never a secret. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** What is wrong, field by field. */
  readonly violations?: readonly FieldViolation[];
  /** What happened underneath. Logged, never sent. */
  readonly cause?: unknown;
}

/** An error with a reason a program can rely on and a sentence that tells a person what to do. */
export class LoomError extends Error {
  override readonly name = "LoomError";
  readonly reason: Reason;
  readonly code: ErrorCode;
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly FieldViolation[];

  constructor(reason: Reason, message: string, options: LoomErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.reason = reason;
    this.code = REASONS[reason];
    this.metadata = options.metadata ?? {};
    this.violations = options.violations ?? [];
  }

  /** Turns anything thrown into a LoomError; what is not one already becomes INTERNAL with its text kept inside. */
  static from(thrown: unknown): LoomError {
    if (thrown instanceof LoomError) return thrown;
    return new LoomError("INTERNAL", "Loom met an error it does not know; its log holds the details.", {
      cause: thrown,
    });
  }
}
