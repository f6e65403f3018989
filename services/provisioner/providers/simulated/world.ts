/**
 * The simulated world of one journal: what machines there are, what ran on them and which faults struck, rebuilt from
 * the journal whenever a process begins and kept up with what other processes append. Lines are gathered for one turn of
 * the loop and written by one write; whoever waits for {@link World.written} hears only after that.
 */
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, readSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { isOlder, parseJournal, type JournalKind, type JournalLine, type JournalRun } from "./journal.js";
import { matches, parseRules, ruleKey, strikes, type FaultRule, type RuleUse } from "./rules.js";

/** What is known of one task key on one machine. */
export interface TaskState {
  attempt: number;
  killed: number;
  succeeded: boolean;
}

export interface SimulatedMachine {
  readonly token: string;
  /** The cluster's UUID. */
  readonly cluster: string;
  readonly node: number;
  readonly address: string;
  running: boolean;
  bootstrapped: boolean;
  fence: Partial<JournalRun> | undefined;
  readonly tasks: Map<string, TaskState>;
}

export interface World {
  readonly machines: ReadonlyMap<string, SimulatedMachine>;
  /** Takes in what others appended and what changed in the rules. */
  refresh(rules: { readonly inline: unknown; readonly file: string | undefined }): void;
  /** Appends a line and applies it; a line about a machine needs no more than its token and kind. */
  write(kind: JournalKind, line: Omit<JournalLine, "kind" | "at" | "pid">): void;
  /** Fulfilled when every line so far is in the file. */
  written(): Promise<void>;
  /** The rule that strikes this call, which `write` has counted, if any; it is noted in the journal. */
  fault(call: Omit<JournalLine, "kind" | "at" | "pid">): FaultRule | undefined;
  /** Does something later: `land` writes the effect's line. Survives this process. */
  later(lateMs: number, line: Omit<JournalLine, "kind" | "at" | "pid">): void;
  /** An address nobody has. */
  nextAddress(): string;
}

/** Carries out an effect that was put off, when it is due. */
export type Lander = (world: World, line: JournalLine, landed: number) => void;

export function openWorld(path: string, land: Lander): World {
  mkdirSync(dirname(path), { recursive: true });
  const machines = new Map<string, SimulatedMachine>();
  const uses = new Map<string, RuleUse>();
  const putOff: (JournalLine | undefined)[] = [];
  let created = 0;
  let offset = 0;
  let active: FaultRule[] = [];
  let rulesSeen = "";
  let queue: string[] = [];
  let flushed: Promise<void> | undefined;
  let descriptor = open();

  function open(): number {
    return openSync(path, "a+", 0o600);
  }

  function apply(line: JournalLine): void {
    const machine = machines.get(line.token ?? "");
    switch (line.kind) {
      case "call":
        for (const use of uses.values()) if (matches(use.rule, line)) use.calls += 1;
        return;
      case "rule":
        if (!uses.has(line.rule!))
          uses.set(line.rule!, { rule: line.body as FaultRule, calls: 0, strikes: 0, firstAt: undefined });
        return;
      case "fault": {
        const use = uses.get(line.rule!);
        if (use === undefined) return;
        use.strikes += 1;
        use.firstAt ??= line.at;
        return;
      }
      case "later":
        putOff.push(line);
        schedule(line, putOff.length - 1);
        return;
      case "create":
        created += 1;
        landed(line);
        machines.set(line.token!, {
          token: line.token!,
          cluster: line.cluster ?? "",
          node: line.node ?? 0,
          address: line.address ?? "",
          running: true,
          bootstrapped: false,
          fence: undefined,
          tasks: new Map(),
        });
        return;
      case "delete":
        landed(line);
        machines.delete(line.token!);
        return;
      case "start":
      case "stop":
        landed(line);
        if (machine !== undefined) machine.running = line.kind === "start";
        return;
      case "begin":
      case "run":
      case "replay":
      case "kill":
        landed(line);
        if (machine !== undefined) applyRun(machine, line);
        return;
      default:
        landed(line);
    }
  }

  function applyRun(machine: SimulatedMachine, line: JournalLine): void {
    if (line.action === "BOOTSTRAP") {
      machine.bootstrapped = true;
      return;
    }
    if (line.kind !== "kill" && (machine.fence === undefined || isOlder(machine.fence, line))) machine.fence = line;
    let task = machine.tasks.get(line.taskKey!);
    if (task === undefined) machine.tasks.set(line.taskKey!, (task = { attempt: 0, killed: 0, succeeded: false }));
    if (line.kind === "kill") task.killed = Math.max(task.killed, line.attempt ?? 0);
    else task.attempt = Math.max(task.attempt, line.attempt ?? 0);
    if (line.kind === "run") task.succeeded = true;
  }

  function landed(line: JournalLine): void {
    if (line.landed !== undefined) putOff[line.landed] = undefined;
  }

  function schedule(line: JournalLine, index: number): void {
    const timer = setTimeout(
      () => {
        ingestQuiet();
        // While the process that put it off still runs, it is that one's to do.
        if (putOff[index] !== undefined && (line.pid === process.pid || !runs(line.pid))) land(world, line, index);
      },
      Math.max(0, line.due! - Date.now()),
    );
    timer.unref();
  }

  /** Reads what is in the file beyond what this process knows. */
  function ingest(): void {
    const { size } = fstatSync(descriptor);
    if (size === offset) return;
    const bytes = Buffer.alloc(size - offset);
    readSync(descriptor, bytes, 0, bytes.length, offset);
    const end = bytes.lastIndexOf(10) + 1;
    for (const line of parseJournal(bytes.toString("utf8", 0, end))) apply(line);
    offset += end;
  }

  function flush(): void {
    flushed = undefined;
    const lines = queue;
    queue = [];
    ingest();
    // A piece that a kill cut off gets its end, so that it spoils no line of ours.
    const torn = fstatSync(descriptor).size > offset ? "\n" : "";
    const bytes = Buffer.from(`${torn}${lines.join("\n")}\n`);
    for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at);
    offset = fstatSync(descriptor).size;
  }

  function loadRules(inline: unknown, file: string | undefined): void {
    let text = "";
    if (file !== undefined) {
      try {
        const { mtimeMs, size, ino } = statSync(file);
        text = `${ino}/${mtimeMs}/${size}`;
      } catch {
        text = "none";
      }
    }
    const seen = `${text}${inline === undefined ? "" : JSON.stringify(inline)}`;
    if (seen === rulesSeen) return;
    const fromFile = file === undefined || text === "none" ? [] : parseRules(JSON.parse(readFileSync(file, "utf8")));
    active = [...parseRules(inline), ...fromFile];
    rulesSeen = seen;
    for (const rule of active) {
      if (!uses.has(ruleKey(rule))) world.write("rule", { rule: ruleKey(rule), body: rule });
    }
  }

  const world: World = {
    machines,
    refresh({ inline, file }) {
      ingestQuiet();
      loadRules(inline, file);
    },
    write(kind, rest) {
      const line: JournalLine = { kind, at: Date.now(), pid: process.pid, ...rest };
      queue.push(JSON.stringify(line));
      apply(line);
      if (flushed === undefined) {
        flushed = new Promise((resolve, reject) => {
          setImmediate(() => {
            try {
              flush();
              resolve();
            } catch (error) {
              reload();
              reject(error);
            }
          });
        });
        // Whoever waits hears of it; nobody has to.
        flushed.catch(() => {});
      }
    },
    written: () => flushed ?? Promise.resolve(),
    fault(call) {
      const now = Date.now();
      const rule = active.find((each) => {
        const use = uses.get(ruleKey(each));
        return use !== undefined && matches(each, call) && strikes(use, now);
      });
      if (rule !== undefined) world.write("fault", { ...call, rule: ruleKey(rule) });
      return rule;
    },
    later(lateMs, line) {
      world.write("later", { ...line, due: Date.now() + lateMs });
    },
    nextAddress() {
      // 198.18.0.0/15 is set aside for benchmarks (RFC 2544); nothing of this machine is there.
      const n = created + 1;
      return `198.${18 + ((n >>> 16) & 1)}.${(n >>> 8) & 255}.${n & 255}`;
    },
  };

  /** What this process has queued is known already and not in the file yet, so only whole foreign lines are new. */
  function ingestQuiet(): void {
    if (queue.length === 0) ingest();
  }

  /** After a failed write the file is the truth. */
  function reload(): void {
    closeSync(descriptor);
    descriptor = open();
    machines.clear();
    uses.clear();
    putOff.fill(undefined);
    putOff.length = 0;
    created = 0;
    offset = 0;
    rulesSeen = "";
    ingest();
  }

  ingest();
  return world;
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
