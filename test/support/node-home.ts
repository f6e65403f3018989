/** A folder with Loom's shell files as on a node, and commands in it. */
import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { nodeFiles } from "../../services/provisioner/node/files.js";
import {
  killByToken,
  processesByToken,
  statusOf,
  TOKEN_VARIABLE,
} from "../../services/provisioner/providers/local/processes.js";

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

export interface NodeHome {
  readonly home: string;
  /** Starts a file of bin; its group is its own. */
  start(
    name: string,
    args: readonly (string | number)[],
    options?: { readonly input?: string; readonly env?: Readonly<Record<string, string>> },
  ): Started;
  run(
    name: string,
    args: readonly (string | number)[],
    options?: { readonly input?: string; readonly env?: Readonly<Record<string, string>> },
  ): Promise<Ended>;
  /** The text of a file below the home, empty where it is not there. */
  read(path: string): string;
  /** Processes that were started here, directly or not. */
  pids(): Promise<readonly number[]>;
  /** Kills everything and removes the folder. */
  dispose(): Promise<void>;
}

export function createNodeHome(): NodeHome {
  const home = mkdtempSync(join(tmpdir(), "loom-node-"));
  const token = home.slice(-6);
  mkdirSync(join(home, "bin"));
  for (const { name, text } of nodeFiles().files) {
    writeFileSync(join(home, "bin", name), text);
    chmodSync(join(home, "bin", name), 0o755);
  }
  const node: NodeHome = {
    home,
    start(name, args, { input = "", env = {} } = {}) {
      const child = spawn(join(home, "bin", name), args.map(String), {
        cwd: home,
        detached: true,
        stdio: ["pipe", "pipe", "pipe"],
        env: { PATH: process.env["PATH"], [TOKEN_VARIABLE]: token, ...env },
      });
      const printed = { stdout: "", stderr: "" };
      child.stdout.on("data", (bytes: Buffer) => (printed.stdout += bytes.toString()));
      child.stderr.on("data", (bytes: Buffer) => (printed.stderr += bytes.toString()));
      child.stdin.on("error", () => {});
      child.stdin.end(input);
      const ended = new Promise<Ended>((resolve) => {
        child.on("close", (code, signal) => resolve({ code: code ?? 128 + constants.signals[signal!], ...printed }));
      });
      return { child, ended };
    },
    run: (name, args, options) => node.start(name, args, options).ended,
    read(path) {
      try {
        return readFileSync(join(home, path), "utf8");
      } catch {
        return "";
      }
    },
    pids: async () => (await processesByToken()).get(token) ?? [],
    async dispose() {
      await killByToken(token, new AbortController().signal);
      rmSync(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  return node;
}

/** Whether the process runs; a zombie does not. */
export function isRunning(pid: number): boolean {
  const state = statusOf(pid)?.state;
  return state !== undefined && state !== "Z" && state !== "X";
}
