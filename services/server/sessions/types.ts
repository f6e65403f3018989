/** Commands on nodes, as the server passes them on: from a caller to a provisioner, and what they print back. */
import type { JsonObject } from "../catalog/types.js";
import type { Assignment } from "../workers/types.js";

/** In characters. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** What is asked for. */
export interface SessionRequest {
  /** Without `clusters/`. */
  readonly cluster: string;
  readonly node: number;
  /** Empty: a shell. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Undefined: without a terminal. */
  readonly terminal: { readonly size: TerminalSize; readonly type: string } | undefined;
}

/** What goes to a command. */
export type SessionInput =
  | { readonly kind: "stdin"; readonly bytes: Uint8Array }
  | { readonly kind: "inputEnd" }
  | { readonly kind: "resize"; readonly size: TerminalSize }
  | { readonly kind: "signal"; readonly name: string };

/** What comes from a command; nothing comes after `end`. */
export type SessionOutput =
  | { readonly kind: "started" }
  | { readonly kind: "stdout" | "stderr"; readonly bytes: Uint8Array }
  | { readonly kind: "end"; readonly exitCode: number };

/** A command and the machine to run it on; field for field the message SessionStart of worker.proto. */
export interface SessionStart extends Pick<
  Assignment,
  "clusterUid" | "clusterName" | "tenant" | "node" | "providerType"
> {
  readonly providerFields: JsonObject;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly terminal: TerminalSize | undefined;
}

/** A command at a provisioner. */
export interface SessionPipe {
  /** Fulfilled when more may be sent. */
  send(input: SessionInput): Promise<void>;
  /** Throws where the command could not be started, or is lost. */
  readonly output: AsyncIterable<SessionOutput>;
  /** The command ends, if it has not yet. */
  close(): void;
}

/** A provisioner that waits for a command. Good for one. */
export interface SessionOffer {
  readonly provisioner: string;
  /** Providers it serves (`servedBy`). */
  readonly serves: ReadonlySet<string>;
  start(start: SessionStart): SessionPipe;
}
