/** Streams that survive a lost connection: opened again from the last message received. */
import { LoomError } from "../services/common/errors.js";
import { isTransient } from "./errors.js";
import { CliError, EXIT } from "./exit.js";
import type { Session } from "./session.js";

export interface FollowOptions<M> {
  /** Opens the stream after the message that carried the token; an empty token begins anew. */
  open(resumeToken: string, signal: AbortSignal): AsyncIterable<M>;
  /** The token of a message, to go on after it. */
  tokenOf(message: M): string;
  /** Ends when the signal fires. */
  readonly signal: AbortSignal;
  /** True after a message that is the last one: the end of the stream is then no loss. */
  isLast(message: M): boolean;
  /** Called when the connection is lost, and with false when a message came again. */
  onReconnecting?(reconnecting: boolean): void;
  /** After so many milliseconds without anything the connection counts as lost; {@link SILENCE_MS} where not given. */
  readonly silenceMs?: number;
}

/** Heartbeats come every 5 seconds; after so long without anything the connection counts as lost. */
export const SILENCE_MS = 20_000;
/** After so long without a connection the command gives up. */
export const GIVE_UP_MS = 120_000;
const LONGEST_PAUSE = 5000;

/**
 * Yields messages and heartbeats until the last one, the signal, or an error that a new connection does not mend.
 *
 * @throws CliError (exit 5) where Loom stays away for {@link GIVE_UP_MS}
 */
export async function* follow<M>(session: Session, options: FollowOptions<M>): AsyncGenerator<M> {
  let token = "";
  let lostSince: number | undefined;
  let pause = 250;
  while (!options.signal.aborted) {
    const attempt = new AbortController();
    const stop = (): void => attempt.abort();
    options.signal.addEventListener("abort", stop, { once: true });
    let silence: NodeJS.Timeout | undefined;
    const hear = (): void => {
      clearTimeout(silence);
      silence = setTimeout(stop, options.silenceMs ?? SILENCE_MS);
    };
    try {
      hear();
      for await (const message of options.open(token, attempt.signal)) {
        hear();
        token = options.tokenOf(message) || token;
        if (lostSince !== undefined) options.onReconnecting?.(false);
        lostSince = undefined;
        pause = 250;
        yield message;
        if (options.isLast(message)) return;
      }
    } catch (thrown) {
      if (options.signal.aborted) return;
      if (thrown instanceof LoomError && thrown.reason === "INVALID_RESUME_TOKEN" && token !== "") {
        // The server no longer knows what came after that message: begin anew.
        token = "";
      } else if (!attempt.signal.aborted && !isTransient(thrown)) throw thrown;
    } finally {
      clearTimeout(silence);
      options.signal.removeEventListener("abort", stop);
      attempt.abort();
    }
    if (options.signal.aborted) return;
    const now = session.terminal.now();
    if (lostSince === undefined) {
      lostSince = now;
      options.onReconnecting?.(true);
    } else if (now - lostSince > GIVE_UP_MS) {
      throw new CliError(EXIT.unreachable, `Loom at ${session.target().url} cannot be reached.`, {
        reason: "UNREACHABLE",
      });
    }
    try {
      await session.terminal.pause(pause, options.signal);
    } catch {
      return;
    }
    pause = Math.min(pause * 2, LONGEST_PAUSE);
  }
}
