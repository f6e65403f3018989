/** Runs command lines against a fake Loom. */
import { once } from "node:events";
import type { HandlerContext } from "@connectrpc/connect";
import { startFakeLoom, type FakeLoom, type FakeServices } from "./fake-loom.js";
import { fakeTerminal, type FakeTerminal, type FakeTerminalOptions } from "./fake-terminal.js";

export interface Ran {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

/** Runs one command line to its end; `terminal` is there before, for what happens meanwhile. */
export function start(
  argv: readonly string[],
  options: FakeTerminalOptions = {},
): { readonly terminal: FakeTerminal; readonly ended: Promise<Ran> } {
  const terminal = fakeTerminal(options);
  // Imported here, not above: mocha requires test files, and what is required and what commands import when they run
  // would be two copies of the same modules.
  const ended = import("../../cli/program.js")
    .then(({ runCommandLine }) => runCommandLine(argv, terminal))
    .then((exit) => ({ exit, out: terminal.out, err: terminal.err }));
  return { terminal, ended };
}

/** Runs one command line with LOOM_URL set, and stops the fake Loom after it. */
export async function runWith(
  services: FakeServices,
  argv: readonly string[],
  options: FakeTerminalOptions = {},
): Promise<Ran> {
  return withLoom(
    services,
    (loom) => start(argv, { ...options, env: { LOOM_URL: loom.url, LOOM_TOKEN: "t0ken", ...options.env } }).ended,
  );
}

export async function withLoom<T>(
  services: FakeServices,
  use: (loom: FakeLoom) => Promise<T>,
  before?: Parameters<typeof startFakeLoom>[1],
): Promise<T> {
  const loom = await startFakeLoom(services, before);
  try {
    return await use(loom);
  } finally {
    await loom.close();
  }
}

/** Stays open until the caller goes away, as a stream without news does. */
export async function silence(context: HandlerContext): Promise<void> {
  if (!context.signal.aborted) await once(context.signal, "abort");
}
