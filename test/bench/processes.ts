/** What processes use, from /proc. Linux only. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

/** Clock ticks a second in /proc; the same on every Linux that Node runs on. */
const TICKS = 100;

/** Fields of /proc/PID/stat after the name, which may hold anything. */
function stat(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

/** A process and everything below it. */
export function processTree(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const parent = Number(stat(Number(name))?.[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const tree = [pid];
  for (const each of tree) tree.push(...(children.get(each) ?? []));
  return tree;
}

/** Sum of the fields of stat that hold CPU time, of the process itself or also of its children that have ended. */
function ticks(pid: number, withEnded: boolean): number {
  return (stat(pid)?.slice(11, withEnded ? 15 : 13) ?? []).reduce((sum, field) => sum + Number(field), 0);
}

/** CPU time of one process with all its threads. Milliseconds, to 10. */
export const cpuMs = (pid: number): number => (ticks(pid, false) * 1000) / TICKS;

/** CPU time of a process and of everything it started, those that have ended included. Milliseconds, to 10. */
export function treeCpuMs(pid: number): number {
  const total = processTree(pid).reduce((sum, each) => sum + ticks(each, each === pid), 0);
  return (total * 1000) / TICKS;
}

function kilobytes(path: string, field: string): number {
  try {
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readFileSync(path, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** From here on peakRssMb() knows only what comes later. */
export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

/** Most memory that a process had in use since resetPeak(), as the kernel counted it. */
export const peakRssMb = (pid: number): number => kilobytes(`/proc/${pid}/status`, "VmHWM") / 1000;

/** Memory of several processes, what they share counted once. */
export const pssMb = (pid: number): number =>
  processTree(pid).reduce((sum, each) => sum + kilobytes(`/proc/${each}/smaps_rollup`, "Pss"), 0) / 1000;

/** Looks at the memory of a process and everything below it twice a second until told to stop; returns the most it saw. */
export function watchPss(pid: number): () => number {
  let most = pssMb(pid);
  const look = (): void => void (most = Math.max(most, pssMb(pid)));
  const timer = setInterval(look, 500);
  return () => {
    clearInterval(timer);
    look();
    return most;
  };
}
