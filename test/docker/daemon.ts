/**
 * A Docker daemon with the Debian image for tests. Where none answers one is started and stopped again at the end;
 * where none can be started the tests say why they are skipped.
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { skipBecause } from "../../tools/mocha-summary/skip.js";

const TOOLS = fileURLToPath(new URL("../../tools/docker/", import.meta.url));

/** The image the tests make machines from. */
export const IMAGE = "loom-debian:12";

/** Runs a tool to its end; what it prints on stderr is shown as it comes. Answers its last words where it failed. */
function tool(name: string, ...args: string[]): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const child = spawn(join(TOOLS, name), args, { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (bytes: Buffer) => {
      said += bytes.toString();
      process.stderr.write(bytes);
    });
    child.once("error", reject);
    child.once("close", (code) => resolve(code === 0 ? undefined : said.trim().split("\n").at(-1)));
  });
}

let started: string | undefined;
let outcome: Promise<string | undefined> | undefined;

/** Undefined where a daemon with the image is there now, otherwise why not. */
function ensureDocker(): Promise<string | undefined> {
  outcome ??= (async () => {
    if ((await tool("ensure-docker.sh", "status")) !== undefined) {
      started = await mkdtemp(join(tmpdir(), "loom-docker-"));
      const failed = await tool("ensure-docker.sh", "start", started);
      if (failed !== undefined) return failed;
    }
    return tool("debian-image.sh");
  })();
  return outcome;
}

// A hook of the root suite: it runs once, when the last test of the run is done.
after(async function () {
  this.timeout(120_000);
  if (started === undefined) return;
  await tool("ensure-docker.sh", "stop", started);
  await rm(started, { recursive: true, force: true });
});

/** To be called in a `describe`: its tests run with a daemon, or are skipped and say why. */
export function needsDocker(): void {
  before(async function () {
    this.timeout(600_000);
    const failed = await ensureDocker();
    if (failed === undefined) return;
    skipBecause(this, failed);
  });
}
