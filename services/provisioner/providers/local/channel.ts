/** Commands on a node of this machine: child processes with the node's environment, each in a group of its own. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import type { CommandOptions, CommandResult, NodeChannel } from "../../automators/channel.js";
import { openGuarded } from "../../sessions/guard.js";
import { sendKill } from "./processes.js";
import { spawnLocal } from "./spawn.js";

/**
 * @param home the node's folder
 * @param environment of every command
 * @param reachable throws where no command can run there
 */
export function createLocalChannel(
  home: string,
  environment: Readonly<Record<string, string>>,
  reachable: () => void,
): NodeChannel {
  return {
    home,
    async run(argv, options) {
      options.signal.throwIfAborted();
      reachable();
      return await runCommand(argv, home, { ...environment, ...options.env }, options);
    },
    async open(argv, options) {
      reachable();
      return await openGuarded((words, how) => spawnLocal(words, home, environment, how), argv, options);
    },
  };
}

function runCommand(
  argv: readonly string[],
  cwd: string,
  env: Record<string, string>,
  options: CommandOptions,
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(argv[0]!, argv.slice(1), { cwd, env, detached: true, stdio: ["pipe", "pipe", "pipe"] });
    const abort = () => {
      if (child.pid !== undefined) sendKill(-child.pid);
      // What left the group may hold the pipes open.
      child.stdout.destroy();
      child.stderr.destroy();
    };
    options.signal.addEventListener("abort", abort, { once: true });
    child.stdout.on("data", (bytes: Buffer) => options.onOutput("stdout", bytes));
    child.stderr.on("data", (bytes: Buffer) => options.onOutput("stderr", bytes));
    // A command need not read its input.
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");
    child.on("error", (error: NodeJS.ErrnoException) => {
      options.signal.removeEventListener("abort", abort);
      if (error.code === "ENOENT" || error.code === "EACCES")
        resolve({ exitCode: error.code === "ENOENT" ? 127 : 126 });
      else reject(error);
    });
    child.on("close", (code, signal) => {
      options.signal.removeEventListener("abort", abort);
      resolve({ exitCode: code ?? 128 + (signal === null ? 0 : constants.signals[signal]) });
    });
  });
}
