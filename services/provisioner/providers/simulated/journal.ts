/**
 * The journal of simulated providers: one JSON object a line, appended before anybody hears of what it tells. It is the
 * whole state of the simulated world and the judge of tests: an effect counts when its line is there whole, and nothing
 * else does.
 */
import { readFileSync } from "node:fs";

/**
 * What a line tells.
 *
 * - `call`: somebody asked for something.
 * - `create`, `start`, `stop`, `delete`: effects on a machine. `adopt`: a create found the machine already there.
 * - `begin`: an action on a node was let in. `run`: it ran to its end with success. `replay`: a stored success was
 *   answered. `refuse`: it was fenced. `end`: it was ended by a newer one. `kill`: an attempt was cancelled.
 * - `rule`: a fault rule was seen for the first time. `fault`: a rule struck. `later`: an effect that lands when due.
 */
export type JournalKind =
  | "call"
  | "create"
  | "adopt"
  | "start"
  | "stop"
  | "delete"
  | "begin"
  | "run"
  | "replay"
  | "refuse"
  | "end"
  | "kill"
  | "rule"
  | "fault"
  | "later";

/** Which run of which action; on lines about actions on nodes. */
export interface JournalRun {
  readonly taskKey: string;
  /** In decimal: it may be larger than a JSON number holds. */
  readonly epoch: string;
  readonly job: number;
  readonly runner: number;
  readonly attempt: number;
}

export interface JournalLine extends Partial<JournalRun> {
  readonly kind: JournalKind;
  /** Wall clock, milliseconds since 1970; for people. The order of lines is the order of events. */
  readonly at: number;
  /** Process that wrote it. */
  readonly pid: number;
  /** CREATE, CONFIRM, DELETE, OBSERVE, INVENTORY, BOOTSTRAP or an action of a service. */
  readonly action?: string;
  readonly token?: string;
  /** The cluster's UUID. */
  readonly cluster?: string;
  readonly node?: number;
  readonly service?: string;
  /** Of `create`. */
  readonly address?: string;
  /** Of `rule`, `fault` and `later`: the rule's key. */
  readonly rule?: string;
  /** Of `rule`: the rule itself. */
  readonly body?: unknown;
  /** Of `later`: wall clock at which the effect lands. */
  readonly due?: number;
  /** Of an effect that was `later`: which one, its position among them from 0. */
  readonly landed?: number;
}

/** The lines of a journal's text; a last line without its end, and what a kill cut in two, does not count. */
export function parseJournal(text: string): JournalLine[] {
  const lines: JournalLine[] = [];
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  for (const line of whole.split("\n")) {
    if (line === "") continue;
    try {
      lines.push(JSON.parse(line) as JournalLine);
    } catch {
      // The piece that a kill left; whoever wrote next ended the line.
    }
  }
  return lines;
}

/** Every line of a journal, in order; none where there is no such file. */
export function readJournal(path: string): JournalLine[] {
  try {
    return parseJournal(readFileSync(path, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

export interface Judgement {
  /** Machines that exist at the end, by token. */
  readonly live: ReadonlyMap<string, { readonly cluster: string; readonly node: number; readonly running: boolean }>;
  /** Tokens that were created while their machine existed. */
  readonly doubleCreations: readonly string[];
  /** `cluster/node` of which more than one machine existed at the same time. */
  readonly crowdedNodes: readonly string[];
  /** How often each task key ran to its end with success. */
  readonly runs: ReadonlyMap<string, number>;
  /** Task keys that ran again after they had succeeded on the same machine. */
  readonly repeatedSuccesses: readonly string[];
  /** Runs that were let in although a newer (epoch, job, runner), or a newer attempt, had been there before. */
  readonly staleRuns: readonly JournalLine[];
  /** Runs on machines that did not exist or were off. */
  readonly lostRuns: readonly JournalLine[];
  /** Calls, by action. */
  readonly calls: ReadonlyMap<string, number>;
}

/** What a journal proves. */
export function judge(journal: readonly JournalLine[]): Judgement {
  const live = new Map<string, { cluster: string; node: number; running: boolean }>();
  const perNode = new Map<string, Set<string>>();
  const doubleCreations: string[] = [];
  const crowded = new Set<string>();
  const runs = new Map<string, number>();
  /** Of each machine, task keys that succeeded there. */
  const succeeded = new Map<string, Set<string>>();
  const repeated = new Set<string>();
  const staleRuns: JournalLine[] = [];
  const lostRuns: JournalLine[] = [];
  const calls = new Map<string, number>();
  const fences = new Map<string, JournalRun>();
  const attempts = new Map<string, number>();

  for (const line of journal) {
    const token = line.token ?? "";
    const machine = live.get(token);
    switch (line.kind) {
      case "call":
        calls.set(line.action ?? "", (calls.get(line.action ?? "") ?? 0) + 1);
        break;
      case "create": {
        if (machine !== undefined) doubleCreations.push(token);
        const place = { cluster: line.cluster ?? "", node: line.node ?? 0, running: true };
        live.set(token, place);
        const name = `${place.cluster}/${place.node}`;
        const tokens = perNode.get(name) ?? new Set();
        perNode.set(name, tokens.add(token));
        if (tokens.size > 1) crowded.add(name);
        break;
      }
      case "start":
      case "stop":
        if (machine !== undefined) machine.running = line.kind === "start";
        break;
      case "delete":
        if (machine !== undefined) perNode.get(`${machine.cluster}/${machine.node}`)?.delete(token);
        live.delete(token);
        fences.delete(token);
        succeeded.delete(token);
        break;
      case "begin":
      case "run": {
        const key = `${token}/${line.taskKey}`;
        if (machine?.running !== true) lostRuns.push(line);
        // A bootstrap may be repeated and has no fence.
        if (line.action === "BOOTSTRAP") break;
        const fence = fences.get(token);
        if (fence !== undefined && isOlder(line, fence)) staleRuns.push(line);
        else if ((line.attempt ?? 0) < (attempts.get(key) ?? 0)) staleRuns.push(line);
        else {
          fences.set(token, line as JournalRun);
          attempts.set(key, line.attempt ?? 0);
        }
        if (line.kind === "begin") break;
        runs.set(line.taskKey!, (runs.get(line.taskKey!) ?? 0) + 1);
        if (succeeded.get(token)?.has(line.taskKey!) === true) repeated.add(line.taskKey!);
        succeeded.set(token, (succeeded.get(token) ?? new Set()).add(line.taskKey!));
        break;
      }
      default:
        // The other lines change nothing of what is judged.
        break;
    }
  }
  return {
    live,
    doubleCreations,
    crowdedNodes: [...crowded],
    runs,
    repeatedSuccesses: [...repeated],
    staleRuns,
    lostRuns,
    calls,
  };
}

/** Whether (epoch, job, runner) of `a` is older than that of `b`. */
export function isOlder(a: Partial<JournalRun>, b: Partial<JournalRun>): boolean {
  const [epochA, epochB] = [BigInt(a.epoch ?? "0"), BigInt(b.epoch ?? "0")];
  if (epochA !== epochB) return epochA < epochB;
  if (a.job !== b.job) return (a.job ?? 0) < (b.job ?? 0);
  return (a.runner ?? 0) < (b.runner ?? 0);
}
