/** `bin/loom provisioner` as a process of its own, on this machine or in a network namespace. */
import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { LoomProcess } from "./loom-process.js";
import { until } from "./wait.js";

const LOOM = join(fileURLToPath(new URL("../..", import.meta.url)), "bin", "loom");

export class FarProvisioner {
  /** Everything it has printed since it was started last. */
  said = "";
  readonly #loom: LoomProcess;
  readonly #folder: string;
  readonly #prefix: readonly string[];
  #child: ChildProcess | undefined;
  #ended: Promise<number | null> = Promise.resolve(null);

  /** @param prefix what the command is run with, such as `ip netns exec NAME` */
  constructor(loom: LoomProcess, folder: string, prefix: readonly string[] = []) {
    this.#loom = loom;
    this.#folder = folder;
    this.#prefix = prefix;
  }

  /** Starts it; what it says and when it ends is to be waited for. */
  start(env: Readonly<Record<string, string>>, ...flags: string[]): void {
    const [program, ...args] = [...this.#prefix, LOOM, "provisioner", "--dir", this.#folder, ...flags];
    this.said = "";
    const child = spawn(program!, args, {
      env: { ...this.#loom.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (this.said += text));
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once("close", (code) => resolve(code)));
  }

  /** Resolves with the exit code. */
  get ended(): Promise<number | null> {
    return this.#ended;
  }

  async connected(): Promise<void> {
    await until(
      `the provisioner is connected; it says: ${this.said}`,
      () => this.said.includes("connected to"),
      30_000,
    );
  }

  async signal(name: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return this.#ended;
    // The whole group: what runs it, such as `ip`, passes nothing on.
    process.kill(-child.pid, name);
    return this.#ended;
  }
}
