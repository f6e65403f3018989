/** How fast Loom and its command line start: the built program, on folders with nothing, little and much in them. */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { makeFolder, startBuiltLoom, type BuiltLoom } from "./built-loom.js";
import type { ManyClusters } from "./many-clusters.js";
import { percentile } from "./percentile.js";

export interface StartRow {
  readonly what: string;
  readonly runs: number;
  /** From the start of the process to "Loom is up". */
  readonly upMedianMs: number;
  readonly upMaxMs: number;
  /** From the start of the process to the answer to the first request, a list of clusters. */
  readonly answeredMedianMs: number;
  /** From Ctrl-C to the end of the process. */
  readonly stopMedianMs: number;
}

export interface CommandRow {
  readonly what: string;
  readonly runs: number;
  readonly wallMedianMs: number;
  readonly wallMaxMs: number;
  /** User and system time, mean. */
  readonly cpuMs: number;
}

export interface StartResult {
  readonly starts: readonly StartRow[];
  readonly commands: readonly CommandRow[];
}

const PROGRAM = fileURLToPath(new URL("../../bin/loom", import.meta.url));

/** @param folder of each run */
async function starts(
  what: string,
  runs: number,
  folder: () => string,
  after: (folder: string) => void,
): Promise<StartRow> {
  const [up, answered, stopped]: [number[], number[], number[]] = [[], [], []];
  for (let run = 0; run < runs; run += 1) {
    const place = folder();
    try {
      const started = performance.now();
      const loom = await startBuiltLoom({ folder: place, bare: true });
      await loom.client.clusters.listClusters({});
      answered.push(performance.now() - started);
      up.push(loom.upMs);
      const asked = performance.now();
      await loom.stop();
      stopped.push(performance.now() - asked);
    } finally {
      after(place);
    }
  }
  return {
    what,
    runs,
    upMedianMs: percentile(up, 50),
    upMaxMs: percentile(up, 100),
    answeredMedianMs: percentile(answered, 50),
    stopMedianMs: percentile(stopped, 50),
  };
}

/** Milliseconds of CPU that a shell's children used, from the second line of its `times`: `0m0.120s 0m0.030s`. */
function cpuOf(times: string): number {
  const fields = [
    ...times
      .trim()
      .split("\n")
      .at(-1)!
      .matchAll(/(\d+)m([\d.]+)s/g),
  ];
  return fields.reduce((sum, [, minutes, seconds]) => sum + (Number(minutes) * 60 + Number(seconds)) * 1000, 0);
}

function command(what: string, runs: number, args: readonly string[], env: NodeJS.ProcessEnv): CommandRow {
  const walls: number[] = [];
  let cpu = 0;
  for (let run = 0; run < runs; run += 1) {
    const start = performance.now();
    const done = spawnSync("sh", ["-c", '"$@" >/dev/null && times', "sh", PROGRAM, ...args], { env, encoding: "utf8" });
    walls.push(performance.now() - start);
    if (done.status !== 0) throw new Error(`loom ${args.join(" ")}: ${done.stderr}`);
    cpu += cpuOf(done.stdout);
  }
  return { what, runs, wallMedianMs: percentile(walls, 50), wallMaxMs: percentile(walls, 100), cpuMs: cpu / runs };
}

function commands(loom: BuiltLoom, clusters: number, runs: number): CommandRow[] {
  const env = { ...process.env, LOOM_URL: loom.url, LOOM_TOKEN: loom.token };
  return [
    command("loom version", runs, ["version"], env),
    command(`loom list, ${clusters.toLocaleString("en")} clusters`, runs, ["list"], env),
    command("loom describe c-1 -o json", runs, ["describe", "c-1", "-o", "json"], env),
  ];
}

export async function run(say: (line: string) => void, quick: boolean, many: ManyClusters): Promise<StartResult> {
  const runs = quick ? 2 : 7;
  const remove = (folder: string): void => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  const keep = (): void => undefined;
  const empty = makeFolder();
  const rows: StartRow[] = [];
  try {
    rows.push(await starts("a new folder", runs, makeFolder, remove));
    await (await startBuiltLoom({ folder: empty, bare: true })).stop();
    rows.push(await starts("a folder without clusters", runs, () => empty, keep));
    rows.push(
      await starts(`a folder with ${many.clusters.toLocaleString("en")} clusters`, runs, () => many.folder, keep),
    );
  } finally {
    remove(empty);
  }
  for (const row of rows) {
    say(
      `${row.what}: up after ${row.upMedianMs.toFixed(0)} ms (max ${row.upMaxMs.toFixed(0)}), answers after ${row.answeredMedianMs.toFixed(0)}, stops in ${row.stopMedianMs.toFixed(0)}`,
    );
  }
  const loom = await startBuiltLoom({ folder: many.folder, bare: true });
  try {
    const found = commands(loom, many.clusters, quick ? 3 : 20);
    for (const row of found) {
      say(
        `${row.what}: ${row.wallMedianMs.toFixed(0)} ms (max ${row.wallMaxMs.toFixed(0)}), CPU ${row.cpuMs.toFixed(0)} ms`,
      );
    }
    return { starts: rows, commands: found };
  } finally {
    await loom.stop();
  }
}
