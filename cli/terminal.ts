/** What a command sees of the terminal it runs in. Tests give one of their own. */
import { spawnSync } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";

/** Where text goes. */
export interface Sink {
  /** Calls `written` when more may be written. */
  write(data: string | Uint8Array, written?: () => void): unknown;
  readonly isTTY?: boolean | undefined;
  /** Width in characters; absent where it is no terminal. */
  readonly columns?: number | undefined;
  /** Height in lines; absent where it is no terminal. */
  readonly rows?: number | undefined;
}

/** Where answers come from. */
export interface Source extends AsyncIterable<string | Uint8Array> {
  readonly isTTY?: boolean | undefined;
  setRawMode?(raw: boolean): unknown;
  pause?(): unknown;
}

export interface Terminal {
  readonly stdin: Source;
  /** Data. */
  readonly stdout: Sink;
  /** Talk: progress, hints, errors. */
  readonly stderr: Sink;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds since 1970. */
  now(): number;
  /** Resolves after so many milliseconds; rejects when the signal fires. */
  pause(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** Calls the handler at Ctrl-C instead of ending the process. Returns what undoes it. */
  onInterrupt(handler: () => void): () => void;
  /**
   * Whether the terminal hands on every key and shows every byte as it is, for a terminal elsewhere. Does nothing where
   * there is none.
   */
  setRaw(raw: boolean): void;
  /** Calls the handler when the terminal has another size. Returns what undoes it. */
  onResize(handler: () => void): () => void;
}

const CTRL_C = "\u0003";
const CTRL_D = "\u0004";

/** The terminal this process runs in. */
export function processTerminal(): Terminal {
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    now: Date.now,
    pause: async (milliseconds, signal) => {
      await delay(milliseconds, undefined, signal === undefined ? {} : { signal });
    },
    setRaw: (raw) => {
      if (!process.stdin.isTTY) return;
      process.stdin.setRawMode(raw);
      // Node leaves line ends to the terminal; a program elsewhere that moves the cursor has sent its own already.
      if (raw) spawnSync("stty", ["-opost"], { stdio: ["inherit", "ignore", "ignore"] });
    },
    onResize: (handler) => {
      process.stdout.on("resize", handler);
      return () => process.stdout.off("resize", handler);
    },
    onInterrupt: (handler) => {
      process.on("SIGINT", handler);
      process.on("SIGTERM", handler);
      return () => {
        process.off("SIGINT", handler);
        process.off("SIGTERM", handler);
      };
    },
  };
}

/**
 * Asks for a line. With `hidden` nothing of the answer is shown, where the input is a terminal.
 * Undefined where the input ended or Ctrl-C was pressed.
 *
 * @param signal ends the question, as Ctrl-C does
 */
export async function ask(
  terminal: Terminal,
  question: string,
  options: { readonly hidden?: boolean; readonly signal?: AbortSignal } = {},
): Promise<string | undefined> {
  const { stdin, stderr } = terminal;
  const raw = options.hidden === true && stdin.isTTY === true && stdin.setRawMode !== undefined;
  stderr.write(question);
  if (raw) stdin.setRawMode!(true);
  let stop: () => void = () => undefined;
  const stopped = new Promise<undefined>((resolve) => {
    stop = () => resolve(undefined);
    options.signal?.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([readLine(stdin), stopped]);
  } finally {
    options.signal?.removeEventListener("abort", stop);
    if (raw) stdin.setRawMode!(false);
    if (raw || options.signal?.aborted === true) stderr.write("\n");
    stdin.pause?.();
  }
}

async function readLine(stdin: Source): Promise<string | undefined> {
  let answer = "";
  for await (const chunk of stdin) {
    for (const character of typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8")) {
      if (character === "\n" || character === "\r") return answer;
      if (character === CTRL_C) return undefined;
      if (character === CTRL_D) return answer === "" ? undefined : answer;
      if (character === "\u007f" || character === "\b") answer = answer.slice(0, -1);
      else answer += character;
    }
  }
  return answer === "" ? undefined : answer;
}

/** Everything the input holds. */
export async function readAll(stdin: Source): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(typeof chunk === "string" ? Buffer.from(chunk) : Buffer.from(chunk));
  return Buffer.concat(chunks).toString("utf8");
}
