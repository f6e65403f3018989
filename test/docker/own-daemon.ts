/**
 * A second Docker daemon that a test may stop and start as it likes: in a network namespace of its own, so that its
 * bridges and firewall rules are nobody else's, with its own data. Machines are reached by `docker exec` alone.
 */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, openSync, closeSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { until } from "../support/wait.js";
import { IMAGE } from "./daemon.js";

const run = promisify(execFile);

export interface OwnDaemon {
  /** As DOCKER_HOST. */
  readonly host: string;
  docker(...args: string[]): Promise<string>;
  start(): Promise<void>;
  /** As a shutdown of the machine does: it ends its containers and itself. */
  stop(): Promise<void>;
  /** Stops it and removes all that it has. */
  destroy(): Promise<void>;
}

/** Undefined where this machine cannot run one, for want of root or of the programs. */
export async function whyNoOwnDaemon(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return "a daemon of the test's own needs root";
  try {
    await run("unshare", ["--net", "sh", "-c", "ip link set lo up && command -v dockerd"], {
      env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` },
    });
    return undefined;
  } catch {
    return "a daemon of the test's own needs dockerd, ip and network namespaces";
  }
}

/** Makes it, with the Debian image of the tests, which the other daemon hands over; not started yet. */
export function createOwnDaemon(): OwnDaemon {
  const folder = mkdtempSync(join(tmpdir(), "loom-dockerd-"));
  const host = `unix://${folder}/docker.sock`;
  const env = { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` };
  let child: ChildProcess | undefined;
  let ended: Promise<void> = Promise.resolve();
  let hasImage = false;

  const docker = async (...args: string[]): Promise<string> =>
    (await run("docker", ["--host", host, ...args], { env, maxBuffer: 16 * 1024 * 1024 })).stdout.trim();
  const answers = (): Promise<boolean> =>
    docker("version").then(
      () => true,
      () => false,
    );

  async function copyImage(): Promise<void> {
    const archive = join(folder, "image.tar");
    await run("docker", ["save", "--output", archive, IMAGE], { env });
    await docker("load", "--input", archive);
    await rm(archive);
    hasImage = true;
  }

  return {
    host,
    docker,
    async start() {
      const log = openSync(join(folder, "dockerd.log"), "a");
      child = spawn(
        "unshare",
        [
          "--net",
          "sh",
          "-c",
          `ip link set lo up && exec dockerd --host "$1" --data-root "$2/data" --exec-root "$2/exec" --pidfile "$2/dockerd.pid"`,
          "sh",
          host,
          folder,
        ],
        { stdio: ["ignore", log, log], env, detached: true },
      );
      closeSync(log);
      const started = child;
      ended = new Promise((resolve) => started.once("close", () => resolve()));
      await until(
        "the daemon answers",
        async () => {
          if (started.exitCode !== null)
            throw new Error(`dockerd ended:\n${readFileSync(join(folder, "dockerd.log"), "utf8").slice(-2000)}`);
          return answers();
        },
        60_000,
      );
      if (!hasImage) await copyImage();
    },
    async stop() {
      if (child === undefined) return;
      child.kill("SIGTERM");
      await ended;
      child = undefined;
    },
    async destroy() {
      await this.stop();
      await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
    },
  };
}
