/** The Docker daemon of a test run: the one that answers, or one that is started for the run and stopped after it. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

const SCRIPT = "tools/docker/ensure-docker.sh";

export interface Docker {
  /** Undefined where a daemon answers, otherwise why not. */
  readonly missing: string | undefined;
  /**
   * Containers and networks that were not there at the start. Always empty where the daemon was there before: others
   * may be using it.
   */
  leftovers(): string[];
  stop(): void;
}

/** @param folder keeps the daemon's pid, log and state */
export function ensureDocker(folder: string): Docker {
  const start = spawnSync("sh", [SCRIPT, "start", folder], { encoding: "utf8", stdio: ["ignore", "inherit", "pipe"] });
  process.stderr.write(start.stderr);
  if (start.status !== 0) {
    const reason =
      start.stderr
        .trim()
        .split("\n")
        .at(-1)
        ?.replace(/^docker: /, "") ?? "";
    return { missing: reason || "no Docker daemon answers", leftovers: () => [], stop: () => {} };
  }
  const ours = existsSync(join(folder, "dockerd.pid"));
  const before = new Set(inventory());
  return {
    missing: undefined,
    leftovers: () => (ours ? inventory().filter((line) => !before.has(line)) : []),
    stop: () => {
      if (ours) spawnSync("sh", [SCRIPT, "stop", folder], { stdio: "inherit" });
    },
  };
}

function inventory(): string[] {
  const containers = spawnSync("docker", ["ps", "--all", "--format", "container {{.Names}}"], { encoding: "utf8" });
  const networks = spawnSync("docker", ["network", "ls", "--format", "network {{.Name}}"], { encoding: "utf8" });
  return `${containers.stdout ?? ""}${networks.stdout ?? ""}`.split("\n").filter((line) => line !== "");
}
