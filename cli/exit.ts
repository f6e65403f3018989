/** Exit codes of the command line and the error that carries one (docs/reference/cli.md, "Exit codes"). */
import type { FieldViolation } from "../services/common/errors.js";

export const EXIT = {
  done: 0,
  failed: 1,
  badInput: 2,
  noLayout: 3,
  changes: 4,
  unreachable: 5,
  timedOut: 6,
  /** What timeout(1) gives: a command on a node took too long. */
  commandTimedOut: 124,
  /** What ssh(1) gives: a command on a node was not run, or was lost. Its own exit codes are passed on. */
  lost: 255,
  /** What a shell gives for a command stopped with Ctrl-C. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export interface CliErrorOptions {
  /** What to do about it, one line each. */
  readonly advice?: readonly string[];
  readonly reason?: string;
  readonly requestId?: string;
  readonly violations?: readonly FieldViolation[];
  readonly cause?: unknown;
}

/** A failure that is told to the person at the terminal and ends the command with an exit code. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exit: ExitCode;
  readonly advice: readonly string[];
  readonly reason: string;
  readonly requestId: string;
  readonly violations: readonly FieldViolation[];

  constructor(exit: ExitCode, message: string, options: CliErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exit = exit;
    this.advice = options.advice ?? [];
    this.reason = options.reason ?? "";
    this.requestId = options.requestId ?? "";
    this.violations = options.violations ?? [];
  }
}

/** Shorthand for what the person typed wrong. */
export function badInput(message: string, ...advice: string[]): CliError {
  return new CliError(EXIT.badInput, message, { advice });
}
