/** What an error of the database or its driver means. Codes: PostgreSQL manual, appendix A. */
import { LoomError } from "../../common/errors.js";

interface SqlError extends Error {
  readonly code?: string;
  readonly severity?: string;
  readonly syscall?: string;
  readonly constraint?: string;
}

/** Undone by the database, and worth another try: serialization failure, deadlock, lock_timeout. */
const CONFLICTS = new Set(["40001", "40P01", "55P03"]);

/** The session ended: idle_session_timeout, idle_in_transaction_session_timeout, shutdown, crash. */
const SESSION_ENDED = new Set(["57P05", "25P03", "57P01", "57P02"]);

/** The server is there and takes no sessions or no writes now. */
const NOT_NOW = new Set(["57P03", "53300", "25006"]);

/** System errors of a socket that was open. */
const SOCKET_LOST = new Set(["ECONNRESET", "EPIPE", "ETIMEDOUT", "ENETRESET", "ECONNABORTED"]);

/** System errors of a socket that could not be opened. */
const SOCKET_REFUSED = new Set([
  "ECONNREFUSED",
  "ENOENT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EACCES",
  "EAGAIN",
]);

/** Values that the database cannot take: NUL in a text or in JSON, a number out of range, a text that is no number or time. */
const BAD_VALUE = new Set(["22021", "22P05", "22003", "22007", "22008", "22P02"]);

/** Texts of the driver's own errors, which have no code. */
const DRIVER_LOST =
  /^(Connection terminated|Client has encountered a connection error|Query read timeout|Connection ended unexpectedly|timeout expired)/;
const DRIVER_NO_CONNECTION =
  /^(timeout exceeded when trying to connect|Connection terminated due to connection timeout)/;

/** True where the database has undone the transaction because of another one. */
export function isConflict(thrown: unknown): boolean {
  return CONFLICTS.has((thrown as SqlError).code ?? "");
}

/** True where the connection is gone, whatever has become of the statement that ran on it. */
export function isConnectionLost(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  const { code, severity } = thrown as SqlError;
  if (code === undefined) return DRIVER_LOST.test(thrown.message);
  if (isAccessRefused(code)) return false;
  return (
    SOCKET_LOST.has(code) ||
    SESSION_ENDED.has(code) ||
    (code.startsWith("08") && code.length === 5) ||
    severity === "FATAL" ||
    severity === "PANIC"
  );
}

/** True where no connection could be had. */
export function isConnectionRefused(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  const { code, syscall } = thrown as SqlError;
  if (code === undefined) return DRIVER_NO_CONNECTION.test(thrown.message);
  return ((syscall === "connect" || syscall === "getaddrinfo") && SOCKET_REFUSED.has(code)) || NOT_NOW.has(code);
}

/** True where the database will not let Loom in however often it asks: wrong user or password, no such database. */
function isAccessRefused(code: string): boolean {
  return code === "28P01" || code === "28000" || code === "3D000";
}

/** True where the database itself cannot tell whether the statement took effect. */
export function isOutcomeUnknown(thrown: unknown): boolean {
  return (thrown as SqlError).code === "40003";
}

/** True where a row with this key is there already. */
export function isUniqueViolation(thrown: unknown, constraint?: string): boolean {
  const error = (thrown instanceof LoomError ? thrown.cause : thrown) as SqlError | undefined;
  return error?.code === "23505" && (constraint === undefined || error.constraint === constraint);
}

/** Turns what the driver throws into a LoomError; what is one already stays itself. */
export function mapSqlError(thrown: unknown): LoomError {
  if (thrown instanceof LoomError) return thrown;
  const code = (thrown as SqlError | undefined)?.code ?? "";
  if (code === "53100") {
    return new LoomError(
      "DISK_FULL",
      "The disk of the database is full. Make room on it and repeat the request; nothing was changed.",
      { cause: thrown },
    );
  }
  if (isOutcomeUnknown(thrown)) return outcomeUnknown(thrown);
  if (code === "57014") {
    return new LoomError(
      "TIMED_OUT",
      "The database took too long to answer. Repeat the request; if it goes on, look at the load of the database.",
      { cause: thrown },
    );
  }
  if (isConflict(thrown)) {
    return new LoomError(
      "DATABASE_UNAVAILABLE",
      "Too many requests change the same data at once. Repeat the request in a moment.",
      { cause: thrown },
    );
  }
  if (isAccessRefused(code)) {
    return new LoomError(
      "DATABASE_UNAVAILABLE",
      "The database does not let Loom in: wrong user, password or database name. Check the connection settings.",
      { cause: thrown },
    );
  }
  if (isConnectionRefused(thrown) || isConnectionLost(thrown) || code === "53200") {
    return new LoomError(
      "DATABASE_UNAVAILABLE",
      "The database cannot be reached. Loom goes on as soon as it answers again; look at its log if it does not.",
      { cause: thrown },
    );
  }
  if (BAD_VALUE.has(code)) {
    return new LoomError(
      "INVALID_FIELD",
      "The request holds a value that cannot be stored or looked for: a text with the character NUL, a number out of range, or a token that Loom did not make. Nothing was changed.",
      { cause: thrown },
    );
  }
  return LoomError.from(thrown);
}

/** The error of a commit whose answer got lost. */
export function outcomeUnknown(cause: unknown): LoomError {
  return new LoomError(
    "OUTCOME_UNKNOWN",
    "The connection to the database was lost while it stored the change, which may have taken effect or not. Repeat the request with the same request id to find out.",
    { cause },
  );
}
