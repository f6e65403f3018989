/** The process that PostgreSQL leaves its id of in the data directory: is it alive, is it ours, and how to end it. */
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { argumentsOf, childrenOf, isRunning, signal, waitForEnd } from "./process.js";

/** postmaster.pid, line by line (src/include/utils/pidfile.h). */
export interface Postmaster {
  readonly pid: number;
  /** Folder of its socket; empty until it listens. */
  readonly sockets: string;
  readonly status: "starting" | "ready" | "stopping" | "standby" | "";
}

/**
 * The live postmaster of a data directory. The file alone proves nothing: after a crash it stays, and its process id
 * may belong to anything by now.
 */
export function findPostmaster(data: string): Postmaster | undefined {
  let lines: string[];
  try {
    lines = readFileSync(join(data, "postmaster.pid"), "utf8").split("\n");
  } catch {
    return undefined;
  }
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 1 || !isRunning(pid)) return undefined;
  const [program, ...rest] = argumentsOf(pid);
  if (basename(program ?? "") !== "postgres" || rest[rest.indexOf("-D") + 1] !== data) return undefined;
  return { pid, sockets: (lines[4] ?? "").trim(), status: (lines[7] ?? "").trim() as Postmaster["status"] };
}

/** How long each way of stopping gets, in milliseconds. */
export interface StopDeadlines {
  readonly fast: number;
  readonly immediate: number;
}

export const STOP_DEADLINES: StopDeadlines = { fast: 30_000, immediate: 10_000 };

/**
 * Ends a postmaster and everything it started: fast shutdown, then immediate shutdown, then by force. Nothing that was
 * committed is lost by any of them; the next start only takes longer after the last two.
 */
export async function stopPostmaster(pid: number, deadlines: StopDeadlines = STOP_DEADLINES): Promise<void> {
  const children = childrenOf(pid);
  // One that was stopped by SIGSTOP sees no other signal before this one.
  signal(pid, "SIGCONT");
  signal(pid, "SIGINT");
  if (!(await waitForEnd([pid], deadlines.fast))) {
    children.push(...childrenOf(pid));
    signal(pid, "SIGQUIT");
    if (!(await waitForEnd([pid], deadlines.immediate))) {
      signal(pid, "SIGKILL");
      await waitForEnd([pid], deadlines.immediate);
    }
  }
  // Children notice by themselves that the postmaster is gone, unless they are stuck.
  if (!(await waitForEnd(children, 2000))) {
    for (const child of children)
      if (basename(argumentsOf(child)[0] ?? "").startsWith("postgres")) signal(child, "SIGKILL");
    await waitForEnd(children, deadlines.immediate);
  }
}
