/**
 * Whether the first cluster can be made on Docker: a daemon that answers is not enough. Its containers must be reachable
 * from this machine and able to install packages, and it needs the image, which is made here where it is missing.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import { LoomError } from "../common/errors.js";
import { createEngine, messageOf, statusOf, type Engine } from "../provisioner/providers/docker/engine.js";
import { checkRange } from "../provisioner/providers/docker/networks.js";
import { defaultHost, proxies, readSettings } from "../provisioner/providers/docker/settings.js";

/** What the shipped image type `debian` names. */
export const IMAGE = "loom-debian:12";

/** The script that makes it, below the folder of this program. */
const SCRIPT = join("tools", "docker", "debian-image.sh");

/** Milliseconds a container may take to fetch the lists of packages. */
const PACKAGES_MS = 60_000;

/** A container exits with this where the packages cannot be fetched. */
const NO_PACKAGES = 9;

/** The first line is what a package manager says first, which is what matters. */
const FETCH = `out=$(apt-get -qq --error-on=any -o Acquire::Retries=0 update 2>&1) || { echo "$out" | head -n 1; exit ${NO_PACKAGES}; }`;

export interface DockerOptions {
  /** Told of each step that takes a while, and of what the making of the image says. */
  readonly progress: (step: string) => void;
  /** Ends the making of the image. */
  readonly signal: AbortSignal;
  /** Makes the image; the shipped script unless told otherwise. */
  readonly script?: string;
  /** As DOCKER_HOST, which it is unless told otherwise. */
  readonly host?: string;
}

/**
 * Sees to it that web farms can be made on the Docker of this machine.
 *
 * @returns undefined where they can, otherwise why not and what to do about it
 */
export async function prepareDocker(options: DockerOptions): Promise<string | undefined> {
  const host = options.host ?? defaultHost();
  try {
    const engine = createEngine(host);
    const why = await unreachable(engine);
    if (why !== undefined) return why;
    await checkRange(engine, readSettings({ host }));
    return (await ensureImage(engine, options)) ?? (await withoutPackages(engine, options));
  } catch (thrown) {
    if (!(thrown instanceof LoomError)) return `Docker does not work here: ${messageOf(thrown)}.`;
    const { code } = (thrown.cause ?? {}) as NodeJS.ErrnoException;
    return code === "ENOENT" || code === "ECONNREFUSED" ? `No Docker daemon answers at ${host}.` : thrown.message;
  }
}

/** Why this machine could not open the addresses of containers. */
async function unreachable(engine: Engine): Promise<string | undefined> {
  const info = (await engine.call(() => engine.docker.info(), undefined, 5_000)) as {
    readonly OSType?: string;
    readonly OperatingSystem?: string;
    readonly SecurityOptions?: readonly string[];
  };
  if (info.OSType !== undefined && info.OSType !== "linux")
    return `The Docker daemon at ${engine.host} runs ${info.OSType} containers; Loom's machines are Linux.`;
  if (!engine.host.startsWith("unix://"))
    return `The Docker daemon at ${engine.host} is on another machine, so its containers cannot be reached from here.`;
  if (info.OperatingSystem === "Docker Desktop" || info.SecurityOptions?.some((option) => option.includes("rootless")))
    return "This Docker keeps its containers in a network of their own (Docker Desktop, rootless mode), so they cannot be reached from here.";
  return undefined;
}

/** Makes the image where it is missing. Returns why that did not work. */
async function ensureImage(engine: Engine, options: DockerOptions): Promise<string | undefined> {
  const { progress } = options;
  if (await isThere(engine)) return undefined;
  const script = options.script ?? shippedScript();
  if (script === undefined) return `The image ${IMAGE} is missing. Load it with "docker load".`;
  progress(`making the Docker image ${IMAGE}, once`);
  const failure = await run(script, engine.host, options);
  if (failure === undefined && (await isThere(engine))) return undefined;
  return `The image ${IMAGE} is missing and could not be made: ${failure ?? "it is still not there."} Once it is there, "loom create --provider docker" works.`;
}

async function isThere(engine: Engine): Promise<boolean> {
  try {
    await engine.call(() => engine.docker.getImage(IMAGE).inspect());
    return true;
  } catch (thrown) {
    if (statusOf(thrown) === 404) return false;
    throw thrown;
  }
}

/** Undefined in an installation that was shipped without it. */
function shippedScript(): string | undefined {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, SCRIPT))) return join(folder, SCRIPT);
    if (folder === dirname(folder)) return undefined;
  }
}

/** Runs the script and hands on what it says. Returns its last words where it failed. */
function run(script: string, host: string, { progress, signal }: DockerOptions): Promise<string | undefined> {
  return new Promise((resolve) => {
    // A group of its own, so that it ends with everything it has started.
    const child = spawn("sh", [script], {
      stdio: ["ignore", "ignore", "pipe"],
      detached: true,
      env: { ...process.env, DOCKER_HOST: host },
    });
    const end = (): void => {
      try {
        process.kill(-child.pid!, "SIGTERM");
      } catch {
        // It has ended already.
      }
    };
    signal.addEventListener("abort", end, { once: true });
    let last = "";
    createInterface({ input: child.stderr }).on("line", (line) => {
      const text = line.replace(/^debian-image: /, "");
      if (text.trim() !== "") last = text.trim();
      if (text !== line) progress(text);
    });
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code) => {
      signal.removeEventListener("abort", end);
      resolve(code === 0 ? undefined : signal.aborted ? "it was interrupted." : last || `it ended with ${code}.`);
    });
  });
}

/** Why containers cannot fetch the packages that the shipped services are installed from. */
async function withoutPackages(engine: Engine, { progress }: DockerOptions): Promise<string | undefined> {
  progress("looking whether containers can fetch packages");
  const said = new PassThrough();
  const words: Buffer[] = [];
  said.on("data", (bytes: Buffer) => words.push(bytes));
  const settings = {
    Tty: true,
    Env: Object.entries(proxies(process.env)).map(([name, value]) => `${name}=${value}`),
    HostConfig: { AutoRemove: true },
  };
  const [{ StatusCode }] = await engine.call(
    () =>
      engine.docker.run(IMAGE, ["/bin/sh", "-c", FETCH], said, settings) as Promise<[{ readonly StatusCode: number }]>,
    undefined,
    PACKAGES_MS,
  );
  if (StatusCode === 0) return undefined;
  const why = Buffer.concat(words)
    .toString("utf8")
    .trim()
    .split(/[\r\n]/)[0];
  return `Containers cannot fetch Debian packages here: ${why || `the container ended with ${StatusCode}`}. Look with "docker run --rm ${IMAGE} apt-get update".`;
}
