/**
 * Processes of this machine, found by what /proc says of them. A process of a node carries the node's token in its
 * environment, so it is found wherever it went.
 */
import { readFileSync, readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** The variable that every process of a node carries. */
export const TOKEN_VARIABLE = "LOOM_NODE_TOKEN";

const MARK = Buffer.from(`${TOKEN_VARIABLE}=`);

/** When the process began, in clock ticks since boot, and its state; undefined where there is none. */
export function statusOf(pid: number): { readonly start: string; readonly state: string } | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined;
  }
  // The name before the last ")" may hold anything.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0]!, start: fields[19]! };
}

/** Whether this very process still runs. */
export function isAlive(pid: number, start: string): boolean {
  const status = statusOf(pid);
  return status !== undefined && status.start === start && status.state !== "Z" && status.state !== "X";
}

let scanning: Promise<Map<string, number[]>> | undefined;

/**
 * Every process that carries a token, by token. Calls that wait for the same turn of the loop share one look, which
 * begins after all of them: deleting a hundred nodes at once looks at /proc once.
 */
export function processesByToken(): Promise<Map<string, number[]>> {
  scanning ??= new Promise((resolve) => {
    setImmediate(() => {
      scanning = undefined;
      resolve(scan());
    });
  });
  return scanning;
}

function scan(): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const token = tokenOf(pid);
    if (token === undefined) continue;
    const pids = found.get(token);
    if (pids === undefined) found.set(token, [pid]);
    else pids.push(pid);
  }
  return found;
}

function tokenOf(pid: number): string | undefined {
  let environment: Buffer;
  try {
    environment = readFileSync(`/proc/${pid}/environ`);
  } catch {
    // It ended, or belongs to somebody else.
    return undefined;
  }
  let at = environment.indexOf(MARK);
  while (at > 0 && environment[at - 1] !== 0) at = environment.indexOf(MARK, at + 1);
  if (at < 0) return undefined;
  const end = environment.indexOf(0, at);
  return environment.toString("latin1", at + MARK.length, end < 0 ? undefined : end);
}

/** Kills every process that carries the token, and what those start meanwhile, until none is left. */
export async function killByToken(token: string, signal: AbortSignal): Promise<void> {
  for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
    const pids = (await processesByToken()).get(token) ?? [];
    if (pids.length === 0) return;
    signal.throwIfAborted();
    for (const pid of pids) sendKill(pid);
    await sleep(pause);
  }
}

/** SIGKILL to a process, or to a group where negative; one that is gone already is fine. */
export function sendKill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended first.
  }
}
