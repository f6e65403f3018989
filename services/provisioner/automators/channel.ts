/** A way to run commands on a node; each provider has its own (docker exec, a local process, later SSH). */

export interface CommandResult {
  /** What the command ended with; 128 + signal number where a signal ended it. */
  readonly exitCode: number;
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Sent to the command's standard input, which is then closed. */
  readonly input?: string;
  /** Kills the command on this side; the one on the node is ended by loom-run's own rules. */
  readonly signal: AbortSignal;
  onOutput(stream: "stdout" | "stderr", bytes: Uint8Array): void;
}

/** In characters. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export interface OpenOptions {
  readonly env: Readonly<Record<string, string>>;
  /** With a terminal of this size, whose output is all standard output. */
  readonly terminal: TerminalSize | undefined;
  /** Ends the command on the node, and what it has started unless that has left its session. */
  readonly signal: AbortSignal;
  /** Gets what is printed, in order. Where it answers with a promise, nothing more is given before that is fulfilled. */
  onOutput(stream: "stdout" | "stderr", bytes: Uint8Array): Promise<void> | undefined;
}

/** A command that runs and is talked to. */
export interface OpenCommand {
  /** For its standard input. Fulfilled when more may be written. */
  write(bytes: Uint8Array): Promise<void>;
  /** Its standard input ends here. */
  end(): void;
  resize(size: TerminalSize): void;
  /** A signal for it and what it has started, for example `INT`. */
  kill(signal: string): void;
  /** Fulfilled when it has ended and its output was handed on. Rejects where the node was lost. */
  readonly ended: Promise<CommandResult>;
}

export interface NodeChannel {
  /** Folder on the node where Loom keeps its own files, absolute. */
  readonly home: string;
  /** Runs a command as the node's user. Rejects only where the node cannot be reached. */
  run(argv: readonly string[], options: CommandOptions): Promise<CommandResult>;
  /**
   * Starts a command to be talked to, as the node's user; with no words a shell. It ends with its caller, also where
   * this process is killed. Rejects where the node cannot be reached.
   */
  open(argv: readonly string[], options: OpenOptions): Promise<OpenCommand>;
}
