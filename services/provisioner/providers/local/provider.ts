/**
 * The provider `local`: every node is a folder, a process group and an address of 127.0.0.0/8 on this machine. For a
 * first look without Docker; nodes are not shut off from each other or from this machine.
 *
 * <folder>/<token>/             a node, home of Loom's files there: bin, run, services, log, node.json
 * <folder>/.new-<token>-<x>/    one that is being made; becomes the above by rename
 * <folder>/.gone-<token>-<x>/   one that is being deleted
 * <folder>/addresses/           reservations (addresses.ts)
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { accessSync, constants, existsSync, openSync, closeSync, readFileSync, readdirSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { delimiter, dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LoomError } from "../../../common/errors.js";
import { nodeFiles } from "../../node/files.js";
import type { CallContext, Fields, MachineReport, MachineRequest, ObservedMachine, Provider } from "../provider.js";
import { DEFAULT_RANGE, parseRange, releaseAddresses, reserveAddress } from "./addresses.js";
import { createLocalChannel } from "./channel.js";
import { isAlive, killByToken, sendKill, TOKEN_VARIABLE } from "./processes.js";

/** How long a node's first process may take to be ready. */
const START_MS = 20_000;
const TOKEN = /^[a-z2-7]{52}$/;
const TOOLS = ["sh", "flock", "setsid"];

export interface LocalProvider extends Provider {
  /**
   * Switches on every node in the default folder that is off, as Docker does with its containers when a machine has
   * started again. To be called before anybody else uses the nodes.
   *
   * @param onFailure told of nodes that cannot be switched on; they stay as they are
   * @returns how many were switched on
   */
  switchOnAll(signal: AbortSignal, onFailure: (error: unknown) => void): Promise<number>;
}

/** @param defaults.folder where nodes live unless the provider document names a folder; absolute */
export function createLocalProvider(defaults: { readonly folder: string }): LocalProvider {
  const rootOf = (fields: Fields) =>
    resolve(typeof fields["folder"] === "string" && fields["folder"] !== "" ? fields["folder"] : defaults.folder);
  const placeOf = (request: MachineRequest): Place => ({ root: rootOf(request.fields), token: request.token });
  return {
    type: "local",
    description: "Processes of this machine: every node a folder, a process group and an address of 127.0.0.0/8.",
    fields: [
      {
        name: "folder",
        type: "string",
        description: "Where the nodes' folders are; a folder beside Loom's data where nothing is said.",
      },
      {
        name: "addressRange",
        type: "string",
        description: `Network of 127.0.0.0/8 that nodes get their addresses from; ${DEFAULT_RANGE} where nothing is said.`,
      },
    ],
    unavailable: async () => missingTools(),
    async create(request, context) {
      const place = placeOf(request);
      checkToken(request.token);
      context.signal.throwIfAborted();
      if (!existsSync(homeOf(place))) await makeFolder(place, request, context);
      await switchOn(place, context.signal);
      return report(place);
    },
    async confirm(request, context) {
      const place = placeOf(request);
      if (!existsSync(homeOf(place))) throw missing(request);
      if (!isRunning(place)) context.log(`node ${request.nodeNumber} is off: switching it on`);
      await switchOn(place, context.signal);
      return report(place);
    },
    async delete(request, context) {
      checkToken(request.token);
      await remove(placeOf(request), context.signal);
    },
    async observe(request) {
      const place = placeOf(request);
      return existsSync(homeOf(place)) ? observed(place) : undefined;
    },
    async inventory(fields) {
      const root = rootOf(fields);
      return tokensIn(root).flatMap((token) => observed({ root, token }) ?? []);
    },
    async switchOnAll(signal, onFailure) {
      const places = tokensIn(defaults.folder).map((token) => ({ root: defaults.folder, token }));
      let count = 0;
      for (const place of places.filter((one) => !isRunning(one))) {
        try {
          await switchOn(place, signal);
          count += 1;
        } catch (thrown) {
          onFailure(thrown);
        }
      }
      return count;
    },
    channel(request) {
      const place = placeOf(request);
      return createLocalChannel(homeOf(place), environmentOf(place), () => {
        if (!existsSync(homeOf(place))) throw missing(request);
        if (!isRunning(place)) {
          throw new LoomError(
            "MACHINE_MISSING",
            `Node ${request.nodeNumber} is off: its processes are not there. Retry the job; it switches the node on.`,
          );
        }
      });
    },
  };
}

/** Which node is meant. */
interface Place {
  readonly root: string;
  readonly token: string;
}

function homeOf(place: Place): string {
  return join(place.root, place.token);
}

async function makeFolder(place: Place, request: MachineRequest, context: CallContext): Promise<void> {
  const range = parseRange(
    typeof request.fields["addressRange"] === "string" ? request.fields["addressRange"] : DEFAULT_RANGE,
  );
  await mkdir(place.root, { recursive: true, mode: 0o700 });
  // Made before the address is reserved: a reservation without any folder is always a left-over.
  const folder = await mkdtemp(join(place.root, `.new-${place.token}-`));
  const address = await reserveAddress(
    join(place.root, "addresses"),
    place.token,
    range,
    async (token) => !hasFolder(place.root, token),
  );
  await mkdir(join(folder, "bin"));
  for (const { name, text } of nodeFiles().files) {
    await writeFile(join(folder, "bin", name), text);
    await chmod(join(folder, "bin", name), 0o755);
  }
  await writeFile(join(folder, "bin", ".version"), `${nodeFiles().version}\n`);
  await writeFile(
    join(folder, "node.json"),
    `${JSON.stringify(
      {
        token: place.token,
        cluster: request.clusterName,
        clusterUid: request.clusterUid,
        node: request.nodeNumber,
        hostname: request.hostname,
        address,
      },
      undefined,
      2,
    )}\n`,
  );
  try {
    context.signal.throwIfAborted();
    await rename(folder, homeOf(place));
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    // Somebody else made the same node meanwhile, on the same address.
    if (!["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

/** Starts loom-init where it does not run and waits until it takes requests. */
async function switchOn(place: Place, signal: AbortSignal): Promise<void> {
  if (isRunning(place)) return;
  signal.throwIfAborted();
  const home = homeOf(place);
  // Ends what outlived the last time, such as a script that ran when the group was killed.
  await killByToken(place.token, signal);
  await mkdir(join(home, "log"), { recursive: true });
  const log = openSync(join(home, "log", "loom-init.log"), "a");
  // Detached: leads a session and a group of its own, so that it outlives Loom.
  const child = spawn(join(home, "bin", "loom-init"), [], {
    cwd: home,
    env: environmentOf(place),
    detached: true,
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  child.unref();
  let failure: Error | undefined;
  child.once("error", (error) => (failure = error));
  const deadline = performance.now() + START_MS;
  while (!isRunning(place)) {
    if (failure !== undefined) throw failure;
    signal.throwIfAborted();
    if (performance.now() > deadline) {
      throw new LoomError(
        "PROVIDER_ERROR",
        `The node's first process did not start within ${START_MS / 1000} s; ${join(home, "log", "loom-init.log")} may say why.`,
      );
    }
    await sleep(5);
  }
}

async function remove(place: Place, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const init = initOf(place);
  if (init !== undefined && isAlive(init.pid, init.start)) sendKill(-init.pid);
  await killByToken(place.token, signal);
  const home = homeOf(place);
  if (existsSync(home)) {
    const gone = join(place.root, `.gone-${place.token}-${randomBytes(4).toString("hex")}`);
    await rename(home, gone).catch(ignoreMissing);
    // A command that came in between.
    await killByToken(place.token, signal);
  }
  for (const name of await readdir(place.root).catch(() => [])) {
    if (!name.startsWith(`.gone-${place.token}-`) && !name.startsWith(`.new-${place.token}-`)) continue;
    await rm(join(place.root, name), { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
  }
  // Last, so that a crash before leaves something to find by the token.
  await releaseAddresses(join(place.root, "addresses"), place.token);
}

function report(place: Place): MachineReport {
  const { address } = JSON.parse(readFileSync(join(homeOf(place), "node.json"), "utf8")) as { address: string };
  return { machine: homeOf(place), addresses: { internal: address, external: address }, results: {} };
}

/** Undefined where the node went while it was looked at. */
function observed(place: Place): ObservedMachine | undefined {
  let made: { readonly clusterUid?: string; readonly node?: number };
  try {
    made = JSON.parse(readFileSync(join(homeOf(place), "node.json"), "utf8")) as typeof made;
  } catch {
    if (!existsSync(homeOf(place))) return undefined;
    // One file that somebody spoiled must not hide all the other nodes.
    made = {};
  }
  return {
    token: place.token,
    machine: homeOf(place),
    running: isRunning(place),
    ...(made.clusterUid === undefined ? {} : { clusterUid: made.clusterUid }),
    ...(made.node === undefined ? {} : { nodeNumber: made.node }),
  };
}

/** The node's first process as it wrote itself down. */
function initOf(place: Place): { readonly pid: number; readonly start: string } | undefined {
  try {
    const [pid, start] = readFileSync(join(homeOf(place), "run", "init"), "latin1")
      .trim()
      .split(" ");
    return pid === undefined || start === undefined ? undefined : { pid: Number(pid), start };
  } catch {
    return undefined;
  }
}

function isRunning(place: Place): boolean {
  const init = initOf(place);
  return init !== undefined && isAlive(init.pid, init.start);
}

function environmentOf(place: Place): Record<string, string> {
  const home = homeOf(place);
  const system = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
  // The node that runs Loom comes first: scripts of nodes use it, wherever it was installed.
  const path = [...new Set([join(home, "bin"), dirname(process.execPath), ...system])].join(delimiter);
  return { PATH: path, HOME: home, LANG: "C.UTF-8", LOOM_HOME: home, [TOKEN_VARIABLE]: place.token };
}

/** Tokens of the nodes that are there whole. */
function tokensIn(root: string): string[] {
  try {
    return readdirSync(root).filter((name) => TOKEN.test(name));
  } catch (error) {
    ignoreMissing(error);
    return [];
  }
}

/** Whether there is a node, or a piece of one, with the token. */
function hasFolder(root: string, token: string): boolean {
  return readdirSync(root).some(
    (name) => name === token || name.startsWith(`.new-${token}-`) || name.startsWith(`.gone-${token}-`),
  );
}

function checkToken(token: string): void {
  if (!TOKEN.test(token)) throw new LoomError("INTERNAL", `"${token}" is no token of a machine.`);
}

function missing(request: MachineRequest): LoomError {
  return new LoomError(
    "MACHINE_MISSING",
    `The folder of node ${request.nodeNumber} is not there. Retry the job to make the node again.`,
  );
}

function missingTools(): string | undefined {
  if (process.platform !== "linux") return "Nodes on this machine need Linux. Use the provider docker instead.";
  const folders = (process.env["PATH"] ?? "/usr/bin:/bin").split(delimiter);
  const found = (tool: string) =>
    folders.some((folder) => {
      try {
        accessSync(join(folder, tool), constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
  const missing = TOOLS.filter((tool) => !found(tool));
  return missing.length === 0
    ? undefined
    : `Nodes on this machine need ${missing.join(" and ")} on PATH; Debian has them in util-linux.`;
}

function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
}
