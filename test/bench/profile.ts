/** Where the time goes while one large cluster is made: a CPU profile of Loom's main thread, summed up by its parts. */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ask, makeFolder, startBuiltLoom, type BuiltLoom } from "./built-loom.js";
import { create, remove } from "./create.js";
import { treeCpuMs } from "./processes.js";

export interface ProfileSummary {
  readonly nodes: number;
  readonly tasks: number;
  readonly wallMs: number;
  /** Shares of the wall time, largest first; together 1. */
  readonly main: readonly { readonly part: string; readonly share: number }[];
  /** The functions with the largest shares of their own. */
  readonly functions: readonly { readonly name: string; readonly share: number }[];
  /** CPU time of PostgreSQL as a share of the wall time; above 1 where several of its processes work. */
  readonly databaseCpu: number;
  /** Statements under way at the same time, on average. */
  readonly statementsUnderWay: number;
  readonly commitsPerTask: number;
}

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    readonly children?: readonly number[];
  }[];
  /** Microseconds of the monotonic clock. */
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const WAITS = "waits";
const OTHER = "node itself";
/** First match counts. What matches nothing counts as part of what called it. */
const PARTS: readonly (readonly [RegExp, string])[] = [
  [/\/node_modules\/(pg|pg-[a-z-]+|postgres-[a-z-]+)\//, "database client"],
  [/\/services\/server\/store\//, "store"],
  [/\/services\/server\/(jobs|workers|plan|layout|clusters)\//, "job engine"],
  [/\/services\/provisioner\/providers\/simulated\//, "simulated machines"],
  [/\/services\/provisioner\//, "provisioner"],
  [/\/gen\/services\/|\/services\/server\/rpc\/wire\//, "codecs"],
  [/\/services\/server\/rpc\//, "rpc"],
  [/\/node_modules\/@grpc\/|^node:(internal\/)?http2/, "grpc"],
  [/\/gateway\/|\/node_modules\/@connectrpc\/|\/gen\/web\//, "gateway"],
  [/\/node_modules\/@bufbuild\//, "codecs"],
];

const partOf = (url: string): string | undefined => PARTS.find(([pattern]) => pattern.test(url))?.[1];

/** Microseconds of the monotonic clock, which the profiler uses too. */
const monotonic = (): number => Number(process.hrtime.bigint() / 1000n);

/** Sums a profile up from one moment to another. Pure. */
export function summarize(profile: Profile, from: number, to: number): Pick<ProfileSummary, "main" | "functions"> {
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const parent = new Map<number, number>();
  for (const node of profile.nodes) for (const child of node.children ?? []) parent.set(child, node.id);
  const known = new Map<number, string>();
  const part = (id: number): string => {
    const cached = known.get(id);
    if (cached !== undefined) return cached;
    const { functionName, url } = byId.get(id)!.callFrame;
    const above = parent.get(id);
    const found =
      functionName === "(garbage collector)"
        ? "garbage collection"
        : functionName === "(idle)"
          ? WAITS
          : (partOf(url) ?? (above === undefined ? OTHER : part(above)));
    known.set(id, found);
    return found;
  };
  const parts = new Map<string, number>();
  const functions = new Map<string, number>();
  let total = 0;
  let at = profile.startTime;
  for (const [index, id] of profile.samples.entries()) {
    // A sample stands for the time until the next one.
    at += profile.timeDeltas[index]!;
    const took = profile.timeDeltas[index + 1] ?? 0;
    if (at < from || at > to) continue;
    total += took;
    parts.set(part(id), (parts.get(part(id)) ?? 0) + took);
    const { functionName, url, lineNumber } = byId.get(id)!.callFrame;
    if (functionName === "(idle)") continue;
    const place = url === "" ? "" : ` ${url.replace(/^.*\/(build|node_modules)\//, "")}:${lineNumber + 1}`;
    const name = `${functionName === "" ? "(anonymous)" : functionName}${place}`;
    functions.set(name, (functions.get(name) ?? 0) + took);
  }
  const shares = (of: Map<string, number>): [string, number][] =>
    [...of].map(([name, took]): [string, number] => [name, took / total]).toSorted((a, b) => b[1] - a[1]);
  return {
    main: shares(parts).map(([name, share]) => ({ part: name, share })),
    functions: shares(functions)
      .slice(0, 12)
      .map(([name, share]) => ({ name, share })),
  };
}

const ACTIVITY =
  "SELECT active_time::float8 AS ms, xact_commit::float8 AS commits FROM pg_stat_database WHERE datname = 'loom'";
/** Idle sessions tell of what they did after so many milliseconds at the latest (pgstat.c). */
const TOLD_MS = 10_500;

async function activity(loom: BuiltLoom): Promise<{ ms: number; commits: number }> {
  await new Promise((resolve) => setTimeout(resolve, TOLD_MS));
  return (await ask<{ ms: number; commits: number }>(loom, ACTIVITY))[0]!;
}

/** Makes one cluster in a Loom under the profiler, which slows it down a little. */
export async function profileCreate(nodes: number): Promise<ProfileSummary> {
  const folder = makeFolder();
  const profiles = join(folder, "profiles");
  try {
    const loom = await startBuiltLoom({
      folder,
      node: ["--cpu-prof", `--cpu-prof-dir=${profiles}`, "--cpu-prof-interval=500"],
    });
    const measured = await (async () => {
      try {
        await remove(loom.client, (await create(loom.client, "warm", Math.min(nodes, 200))).cluster);
        const before = await activity(loom);
        const databaseBefore = treeCpuMs(loom.databasePid);
        const from = monotonic();
        const { tasks, endedMs } = await create(loom.client, "profiled", nodes);
        const databaseMs = treeCpuMs(loom.databasePid) - databaseBefore;
        const after = await activity(loom);
        return {
          tasks,
          endedMs,
          from,
          databaseMs,
          activeMs: after.ms - before.ms,
          commits: after.commits - before.commits,
        };
      } finally {
        await loom.stop();
      }
    })();
    const { tasks, endedMs, from } = measured;
    // The profile of a worker thread stands beside it and is smaller.
    const read = readdirSync(profiles).map((name) => readFileSync(join(profiles, name), "utf8"));
    const text = read.toSorted((a, b) => b.length - a.length)[0]!;
    return {
      nodes,
      tasks,
      wallMs: endedMs,
      ...summarize(JSON.parse(text) as Profile, from, from + endedMs * 1000),
      databaseCpu: measured.databaseMs / endedMs,
      statementsUnderWay: measured.activeMs / endedMs,
      commitsPerTask: measured.commits / tasks,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
