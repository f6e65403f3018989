/** Commands over a connection, to their end. */
import { constants } from "node:os";
import type { ClientChannel } from "ssh2";
import { LoomError } from "../../../common/errors.js";
import { unreachable } from "./failures.js";
import type { Target } from "./settings.js";

/** How long output may still come after a command has ended: what it left behind may hold its pipes for ever. */
const DRAIN_MS = 500;

export interface Ended {
  /** 128 + signal number where a signal ended it. */
  readonly exitCode: number;
}

/**
 * Fulfilled when the command has ended and its output was read. Nobody waits for output of what it has left behind.
 *
 * @param isIdle whether no output came for a while and none is held back
 * @throws PROVIDER_UNREACHABLE where the connection was lost before
 */
function ended(target: Target, channel: ClientChannel, isIdle: () => boolean): Promise<Ended> {
  return new Promise((resolve, reject) => {
    let result: Ended | undefined;
    let timer: NodeJS.Timeout | undefined;
    channel.on("exit", (code: number | null, signal?: string) => {
      const number = constants.signals[`SIG${signal?.replace(/^SIG/, "") ?? ""}` as NodeJS.Signals] ?? 0;
      result = { exitCode: code ?? 128 + number };
      timer = setInterval(() => isIdle() && channel.close(), DRAIN_MS / 5);
    });
    channel.once("close", () => {
      clearInterval(timer);
      if (result !== undefined) resolve(result);
      else reject(unreachable(target, "the connection broke while a command ran"));
    });
  });
}

/** Hands on what comes, as fast as it is taken. */
export function follow(
  target: Target,
  channel: ClientChannel,
  onOutput: (stream: "stdout" | "stderr", bytes: Uint8Array) => Promise<void> | undefined | void,
): Promise<Ended> {
  let last = performance.now();
  let waiting = 0;
  const pass = (name: "stdout" | "stderr", stream: NodeJS.ReadableStream): void => {
    stream.on("data", (bytes: Buffer) => {
      last = performance.now();
      const wait = onOutput(name, bytes);
      if (!(wait instanceof Promise)) return;
      waiting += 1;
      stream.pause();
      void wait.then(() => {
        waiting -= 1;
        last = performance.now();
        stream.resume();
      });
    });
  };
  pass("stdout", channel);
  pass("stderr", channel.stderr);
  channel.on("error", () => undefined);
  channel.stderr.on("error", () => undefined);
  return ended(target, channel, () => waiting === 0 && performance.now() - last >= DRAIN_MS);
}

/**
 * Runs a command to its end. Where it is aborted nobody waits for it. Its host is asked to kill it, which sshd does for
 * users other than root and commands without input; scripts are ended by loom-run's rules anyway.
 *
 * @param input undefined: it has none and was started that way
 * @throws CANCELLED, PROVIDER_UNREACHABLE
 */
export async function toEnd(
  target: Target,
  channel: ClientChannel,
  input: string | undefined,
  signal: AbortSignal,
  onOutput: (stream: "stdout" | "stderr", bytes: Uint8Array) => void,
): Promise<Ended> {
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => {
      channel.signal("KILL");
      channel.close();
      reject(new LoomError("CANCELLED", "The command was ended.", { cause: signal.reason }));
    };
  });
  const over = follow(target, channel, (stream, bytes) => {
    if (!signal.aborted) onOutput(stream, bytes);
  });
  over.catch(() => undefined);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    // A command need not read its input.
    if (input !== undefined) channel.end(input);
    return await Promise.race([over, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
