/** The program `loom`. */
import { runCommandLine } from "./program.js";
import { SHOW_CURSOR } from "./render/live.js";
import { processTerminal } from "./terminal.js";

// The reader of a pipe may leave early, as `head` does. That is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
process.stderr.on("error", () => process.exit(1));

// The first Ctrl-C ends the command in order; a second one ends it at once.
let interrupts = 0;
process.on("SIGINT", () => {
  if (++interrupts < 2) return;
  if (process.stderr.isTTY) process.stderr.write(SHOW_CURSOR);
  process.exit(130);
});

const code = await runCommandLine(process.argv.slice(2), processTerminal());
// Connections that are kept open must not keep the program: it ends when what it printed is written.
const flushed = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((resolve) => stream.write("", () => resolve()));
await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
process.exit(code);
