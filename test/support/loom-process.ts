/** The built Loom as a process of its own, with its command line: what a person starts and types. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findPostmaster, stopPostmaster } from "../../services/standalone/postgres/postmaster.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const MAIN = join(ROOT, "build", "services", "standalone", "main.js");

/** What a command printed, and how it ended. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface LoomProcessOptions {
  /** Flags of the standalone beside the data folder. Port 0 unless they say another one. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The data folder; a new one, which goes with the tests, unless given. */
  readonly folder?: string;
}

/** One life of a Loom. */
interface Life {
  readonly process: ChildProcess;
  readonly ended: Promise<number | null>;
}

/** A folder for data, a home for the command line, and one Loom after the other on it. */
export class LoomProcess {
  readonly folder: string;
  readonly home: string;
  /** Everything it has printed since it was started last. */
  said = "";
  url = "";
  readonly #options: LoomProcessOptions;
  #life: Life | undefined;

  constructor(options: LoomProcessOptions = {}) {
    this.#options = options;
    this.home = mkdtempSync(join(tmpdir(), "loom-home-"));
    this.folder = options.folder ?? mkdtempSync(join(tmpdir(), "loom-data-"));
    // The database runs as another user where the tests run as root, and goes through folders around it.
    chmodSync(this.folder, 0o711);
  }

  get env(): NodeJS.ProcessEnv {
    const inherited = { ...process.env, HOME: this.home, XDG_CONFIG_HOME: join(this.home, "config") };
    for (const name of Object.keys(inherited))
      if (name.startsWith("LOOM_")) delete inherited[name as keyof typeof inherited];
    return { ...inherited, NO_COLOR: "1", ...this.#options.env };
  }

  get pid(): number {
    return this.#life!.process.pid!;
  }

  /** The administrator's token. */
  get token(): string {
    return readFileSync(join(this.folder, "admin-token"), "utf8").trim();
  }

  /** Starts it; resolves with its exit code where it ends before it is up, with undefined when it is up. */
  async start(...flags: string[]): Promise<number | undefined> {
    const port = flags.includes("--port") ? [] : ["--port", "0"];
    const args = [MAIN, "--data", this.folder, ...port, ...(this.#options.flags ?? []), ...flags];
    this.said = "";
    const child = spawn("node", args, { cwd: ROOT, env: this.env, stdio: ["ignore", "pipe", "pipe"] });
    const ended = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
    this.#life = { process: child, ended };
    const up = new Promise<undefined>((resolve) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (text: string) => {
          this.said += text;
          const api = /^api: (\S+)$/m.exec(this.said);
          if (api === null) return;
          this.url = api[1]!;
          // Addresses and talk come by different pipes, in any order.
          if (this.said.includes("Serving until")) resolve(undefined);
        });
      }
    });
    return Promise.race([up, ended.then((code) => code ?? -1)]);
  }

  /** Starts it and fails where it does not come up. */
  async up(...flags: string[]): Promise<void> {
    const code = await this.start(...flags);
    if (code !== undefined) throw new Error(`Loom ended with ${code}:\n${this.said}`);
  }

  /** Resolves with the exit code when it has ended by itself. */
  get ended(): Promise<number | null> {
    return this.#life!.ended;
  }

  async signal(name: NodeJS.Signals): Promise<number | null> {
    const life = this.#life!;
    life.process.kill(name);
    return life.ended;
  }

  /** Runs bin/loom. */
  loom(...args: string[]): Promise<Ran> {
    return this.loomWith({}, ...args);
  }

  loomWith(
    more: { readonly input?: string; readonly env?: Readonly<Record<string, string>> },
    ...args: string[]
  ): Promise<Ran> {
    return new Promise((resolve, reject) => {
      const child = spawn(join(ROOT, "bin", "loom"), args, { env: { ...this.env, ...more.env }, stdio: "pipe" });
      let [out, err] = ["", ""];
      child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
      child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
      child.once("error", reject);
      child.once("close", (code) => resolve({ code: code ?? -1, out, err }));
      child.stdin.end(more.input ?? "");
    });
  }

  /** Runs bin/loom and fails where it does. Returns its standard output. */
  async must(...args: string[]): Promise<string> {
    const { code, out, err } = await this.loom(...args);
    if (code !== 0) throw new Error(`loom ${args.join(" ")} ended with ${code}:\n${out}${err}`);
    return out;
  }

  /** Runs bin/loom -o json. */
  async json<T = unknown>(...args: string[]): Promise<T> {
    return JSON.parse(await this.must(...args, "-o", "json")) as T;
  }

  /** Writes files below the home folder and applies them to the catalog. */
  async apply(files: Readonly<Record<string, string>>): Promise<Ran> {
    const folder = mkdtempSync(join(this.home, "catalog-"));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    return this.loom("catalog", "apply", folder);
  }

  /** Removes the home folder of one that has ended; its data are another's. */
  leave(): void {
    rmSync(this.home, { recursive: true, force: true });
  }

  /** Ends it and its database, and removes its folders. Clusters are to be deleted before. */
  async destroy(): Promise<void> {
    const life = this.#life;
    if (life !== undefined && life.process.exitCode === null && life.process.signalCode === null) {
      const late = setTimeout(() => life.process.kill("SIGKILL"), 60_000);
      await this.signal("SIGTERM");
      clearTimeout(late);
    }
    const postmaster = findPostmaster(join(this.folder, "postgres", "data"));
    if (postmaster !== undefined) await stopPostmaster(postmaster.pid);
    rmSync(this.home, { recursive: true, force: true });
    if (this.#options.folder === undefined) rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A small file system in memory, mounted; undefined where this user may not mount. */
export function mountSmall(bytes: number): { readonly folder: string; unmount(): void } | undefined {
  const folder = mkdtempSync(join(tmpdir(), "loom-small-"));
  mkdirSync(folder, { recursive: true });
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${bytes},mode=0711`, "tmpfs", folder], {
    stdio: "ignore",
  });
  if (mounted.status !== 0) {
    rmSync(folder, { recursive: true });
    return undefined;
  }
  return {
    folder,
    unmount() {
      spawnSync("umount", [folder], { stdio: "ignore" });
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
