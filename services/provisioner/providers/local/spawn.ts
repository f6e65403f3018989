/** Processes of commands that are talked to, on a node of this machine. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import type { Readable } from "node:stream";
import { LoomError } from "../../../common/errors.js";
import type { SpawnOptions, Spawned } from "../../sessions/guard.js";
import { sendKill } from "./processes.js";

/** Makes a terminal; part of every Debian (package bsdutils) and most other systems. */
const SCRIPT = ["/usr/bin/script", "/bin/script"];

/** How long output may still come after a process has ended: what it left behind may hold its pipes for ever. */
const DRAIN_MS = 500;

/** A word as a shell reads it back. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** @throws UNIMPLEMENTED where this machine has no means to make a terminal */
function withTerminal(argv: readonly string[]): string[] {
  const script = SCRIPT.find((path) => existsSync(path));
  if (script === undefined) {
    throw new LoomError(
      "UNIMPLEMENTED",
      "This machine cannot make terminals: it has no program `script`. Install util-linux, or run commands without a terminal.",
    );
  }
  return [script, "--quiet", "--flush", "--return", "--command", `exec ${argv.map(quoted).join(" ")}`, "/dev/null"];
}

/** Hands on what a pipe gives, as fast as it is taken. @returns false where nothing came of it for a while */
function pass(pipe: Readable, take: (bytes: Uint8Array) => Promise<void> | undefined): { isIdle(): boolean } {
  let paused = false;
  let last = performance.now();
  pipe.on("data", (bytes: Buffer) => {
    last = performance.now();
    const wait = take(bytes);
    if (wait === undefined) return;
    paused = true;
    pipe.pause();
    void wait.then(() => {
      last = performance.now();
      paused = false;
      pipe.resume();
    });
  });
  // What left the process may be read until this side lets go.
  pipe.on("error", () => undefined);
  return { isIdle: () => !paused && performance.now() - last >= DRAIN_MS };
}

async function endOf(child: ChildProcess, pipes: readonly { isIdle(): boolean }[]): Promise<number> {
  const closed = once(child, "close").catch(() => undefined);
  const exited = new Promise<void>((resolve, reject) => {
    child.once("exit", () => resolve());
    child.once("error", reject);
  });
  await exited;
  // Its output is read to the end, but for what others hold open.
  let timer: NodeJS.Timeout | undefined;
  const idle = new Promise<void>((resolve) => {
    timer = setInterval(() => pipes.every((pipe) => pipe.isIdle()) && resolve(), DRAIN_MS / 5);
  });
  await Promise.race([closed, idle]);
  clearInterval(timer);
  child.stdout?.destroy();
  child.stderr?.destroy();
  const { exitCode, signalCode } = child;
  return exitCode ?? 128 + (signalCode === null ? 0 : constants.signals[signalCode]);
}

/** @param environment of every process of the node */
export async function spawnLocal(
  argv: readonly string[],
  cwd: string,
  environment: Readonly<Record<string, string>>,
  { env, terminal, onOutput }: SpawnOptions,
): Promise<Spawned> {
  const [program, ...args] = terminal ? withTerminal(argv) : argv;
  const child = spawn(program!, args, {
    cwd,
    // script starts its command by this shell.
    env: { ...environment, ...env, ...(terminal ? { SHELL: "/bin/sh" } : {}) },
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
  });
  const pipes = [
    pass(child.stdout, (bytes) => onOutput("stdout", bytes)),
    pass(child.stderr, (bytes) => onOutput("stderr", bytes)),
  ];
  // A command need not read its input.
  child.stdin.on("error", () => undefined);
  const ended = endOf(child, pipes);
  ended.catch(() => undefined);
  await once(child, "spawn");
  return {
    write: (bytes) =>
      new Promise((resolve) => {
        child.stdin.write(bytes, () => resolve());
      }),
    end: () => void child.stdin.end(),
    ended,
    destroy() {
      if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) sendKill(-child.pid);
      child.stdin.destroy();
    },
  };
}
