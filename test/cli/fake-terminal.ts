/** A terminal for tests: what is written is kept, time stands still, pauses are short. */
import { setTimeout as delay } from "node:timers/promises";
import type { Sink, Terminal } from "../../cli/terminal.js";

/** Saturday noon; fixed views are rendered as of this moment. */
export const NOW = Date.UTC(2026, 0, 10, 12, 0, 0);

export interface FakeTerminal extends Terminal {
  readonly out: string;
  readonly err: string;
  /** What raw mode was set to. */
  readonly raw: readonly boolean[];
  /** Ctrl-C. */
  interrupt(): void;
  /** The window has another size. */
  resize(columns: number, rows: number): void;
  /** Resolves when standard error or output matches; rejects after ten seconds. */
  until(pattern: RegExp): Promise<void>;
}

export interface FakeTerminalOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Standard output, error and input are a terminal. */
  readonly tty?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  /** What is typed or piped in. */
  readonly input?: string;
}

const DEADLINE_MS = 10_000;

export function fakeTerminal(options: FakeTerminalOptions = {}): FakeTerminal {
  const written = { out: "", err: "", raw: [] as boolean[] };
  const handlers = new Set<() => void>();
  const sizes = new Set<() => void>();
  let size = { columns: options.columns ?? 100, rows: options.rows ?? 30 };
  const waiting = new Set<() => void>();
  const sink = (name: "out" | "err"): Sink => ({
    write: (data, done) => {
      written[name] += typeof data === "string" ? data : Buffer.from(data).toString("utf8");
      done?.();
      for (const check of waiting) check();
    },
    isTTY: options.tty,
    get columns() {
      return options.tty === true ? size.columns : undefined;
    },
    get rows() {
      return options.tty === true ? size.rows : undefined;
    },
  });
  return {
    get out() {
      return written.out;
    },
    raw: written.raw,
    get err() {
      return written.err;
    },
    stdin: {
      isTTY: options.tty,
      setRawMode: () => undefined,
      async *[Symbol.asyncIterator]() {
        // A terminal that nobody types at says nothing; a pipe ends.
        if (options.input !== undefined) yield await Promise.resolve(options.input);
      },
    },
    stdout: sink("out"),
    stderr: sink("err"),
    env: { HOME: "/nonexistent", ...options.env },
    now: () => NOW,
    pause: (milliseconds, signal) =>
      delay(Math.min(milliseconds, 5), undefined, signal === undefined ? {} : { signal }),
    setRaw: (raw) => {
      written.raw.push(raw);
    },
    onResize: (handler) => {
      sizes.add(handler);
      return () => sizes.delete(handler);
    },
    onInterrupt: (handler) => {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    resize: (columns, rows) => {
      size = { columns, rows };
      for (const handler of sizes) handler();
    },
    interrupt: () => {
      for (const handler of handlers) handler();
    },
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          if (!pattern.test(written.out) && !pattern.test(written.err)) return;
          waiting.delete(check);
          clearTimeout(timer);
          resolve();
        };
        const timer = setTimeout(() => {
          waiting.delete(check);
          reject(new Error(`${String(pattern)} was never written.\nstdout: ${written.out}\nstderr: ${written.err}`));
        }, DEADLINE_MS);
        waiting.add(check);
        check();
      }),
  };
}
