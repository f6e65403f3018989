/** What a failure looks like at the terminal, and the exit code it ends the command with. */
import { CommanderError } from "commander";
import { LoomError, type Reason } from "../services/common/errors.js";
import { CliError, EXIT, type ExitCode } from "./exit.js";
import type { Palette } from "./render/colour.js";
import { wrap } from "./render/text.js";

/** Reasons whose exit code is not that of their kind. */
const EXIT_OF_REASON: Readonly<Partial<Record<Reason, ExitCode>>> = {
  NO_LAYOUT: EXIT.noLayout,
  LAYOUT_TOO_HARD: EXIT.noLayout,
  MESSAGE_TOO_LARGE: EXIT.badInput,
  UNAUTHENTICATED: EXIT.badInput,
  JOIN_TOKEN_INVALID: EXIT.badInput,
  FINGERPRINT_MISMATCH: EXIT.badInput,
  INCOMPATIBLE: EXIT.badInput,
  MISSING_DEPENDENCIES: EXIT.badInput,
  CONFLICTING_SERVICES: EXIT.badInput,
  DEPENDENCY_CYCLE: EXIT.badInput,
  TEMPLATE_UNUSABLE: EXIT.badInput,
  PLUGIN_TYPE_UNKNOWN: EXIT.badInput,
  REQUEST_ID_REUSED: EXIT.badInput,
  UNREACHABLE: EXIT.unreachable,
  TIMED_OUT: EXIT.unreachable,
  PROVIDER_UNREACHABLE: EXIT.failed,
  WORKER_LOST: EXIT.failed,
};

/** What Loom answers when somebody else cannot be reached: it was asked, and asking again at once helps nobody. */
const OTHERS_UNREACHABLE: ReadonlySet<Reason> = new Set(["PROVIDER_UNREACHABLE", "WORKER_LOST"]);

/** The exit code for an error of Loom: by its reason, else by its kind. */
export function exitOf(error: LoomError): ExitCode {
  const special = EXIT_OF_REASON[error.reason];
  if (special !== undefined) return special;
  if (error.code === "INVALID_ARGUMENT" || error.code === "NOT_FOUND") return EXIT.badInput;
  return error.code === "UNAVAILABLE" ? EXIT.unreachable : EXIT.failed;
}

/** True where asking again may help: nobody answered, or somebody who is about to stop. */
export function isTransient(thrown: unknown): boolean {
  return (
    thrown instanceof LoomError &&
    !OTHERS_UNREACHABLE.has(thrown.reason) &&
    (thrown.code === "UNAVAILABLE" || thrown.reason === "TIMED_OUT" || thrown.reason === "FENCED")
  );
}

/** True where the request cannot have arrived, since nobody listens at the address. */
export function isRefused(thrown: unknown): boolean {
  for (let cause = thrown; cause instanceof Error; cause = cause.cause) {
    if (/ECONNREFUSED|ENOTFOUND|EAI_AGAIN/.test(`${(cause as NodeJS.ErrnoException).code ?? ""} ${cause.message}`))
      return true;
  }
  return false;
}

const ADVICE: Readonly<Partial<Record<Reason, string>>> = {
  UNAUTHENTICATED: "Sign in: loom login URL",
  ETAG_MISMATCH: "Look at it again, then repeat the command.",
  CLUSTER_BUSY: "See what is at work with: loom jobs CLUSTER",
};

/** Everything that is said about a failure. */
export interface Failure {
  readonly message: string;
  readonly advice: readonly string[];
  readonly reason: string;
  readonly requestId: string;
  readonly violations: readonly { readonly field: string; readonly description: string }[];
  readonly exit: ExitCode;
}

export function failureOf(thrown: unknown): Failure {
  if (thrown instanceof CliError) return thrown;
  if (thrown instanceof LoomError) {
    const advice = ADVICE[thrown.reason];
    const requestId = "requestId" in thrown && typeof thrown.requestId === "string" ? thrown.requestId : "";
    return {
      message: thrown.message,
      advice: advice === undefined ? [] : [advice],
      reason: thrown.reason,
      requestId,
      violations: thrown.violations,
      exit: exitOf(thrown),
    };
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return {
    message: `The command met an error it does not know: ${message}`,
    advice: ["Run it again with --debug to see where."],
    reason: "INTERNAL",
    requestId: "",
    violations: [],
    exit: EXIT.failed,
  };
}

/** The lines that tell a person about a failure: what happened, which fields, what to do, and what to quote. */
export function failureLines(thrown: unknown, palette: Palette, width: number, debug: boolean): string[] {
  const failure = failureOf(thrown);
  const [first = "", ...rest] = failure.message.split("\n").flatMap((line) => wrap(line, Math.max(40, width - 7)));
  // Stopping a command is no error of anybody's.
  const label = failure.exit === EXIT.interrupted ? "" : `${palette.red(palette.bold("error:"))} `;
  const lines = [`${label}${first}`, ...rest.map((line) => (label === "" ? line : `       ${line}`))];
  for (const { field, description } of failure.violations) lines.push(`  ${palette.bold(field)}: ${description}`);
  lines.push(...failure.advice.map((line) => `  ${line}`));
  const quoted = [
    failure.reason === "" ? "" : `reason ${failure.reason}`,
    failure.requestId === "" ? "" : `request ${failure.requestId}`,
  ].filter((text) => text !== "");
  if (quoted.length > 0) lines.push(`  ${palette.dim(quoted.join(", "))}`);
  if (debug) {
    for (let cause: unknown = thrown; cause instanceof Error; cause = cause.cause)
      lines.push(palette.dim(cause.stack ?? cause.message));
  }
  return lines;
}

/** The exit code of anything thrown. Commander has said its own errors already. */
export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.done : EXIT.badInput;
  return failureOf(thrown).exit;
}
