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

export interface NodeChannel {
  /** Folder on the node where Loom keeps its own files, absolute. */
  readonly home: string;
  /** Runs a command as the node's user. Rejects only where the node cannot be reached. */
  run(argv: readonly string[], options: CommandOptions): Promise<CommandResult>;
}
