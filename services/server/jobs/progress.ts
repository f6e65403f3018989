/**
 * How far a job is: its task graph and the state of every task, in memory. Pure: no clock, no database; the runner
 * tells it what happened, asks what can be done next and stores what changed (run.ts).
 *
 * Rules: a task may start when everything it depends on is done and no other task of its node is READY, RUNNING or
 * RETRYING. Done is what is COMPLETE, and what is SKIPPED or a join vertex once everything it depends on is done. After
 * a task has failed for good nothing new starts, unless the job goes on as far as it can (`keepGoing`, for deletes).
 */
import { ACTIONS, type ActionName, type TaskGraph } from "../plan/types.js";
import { createNumberHeap } from "./heap.js";
import { checkTaskMove, type TaskState } from "./states.js";
import { createWaits, type Waits } from "./waits.js";

export interface ProgressLimits {
  /** Tries that may fail before a task fails for good. */
  readonly maxFailures: number;
  /** Workers that may be lost under a task before that counts as a failure. */
  readonly maxLosses: number;
  /** At most so many tasks READY at once, so that one job does not bury the others. */
  readonly window: number;
  /** Milliseconds to wait after the n-th failure, n from 1. */
  backoffMs(failures: number): number;
  /** Go on with what does not depend on a failed task. */
  readonly keepGoing: boolean;
}

/** A task as stored. Times are milliseconds since 1970. */
export interface StoredTask {
  readonly number: number;
  readonly state: TaskState;
  readonly attempt: number;
  readonly failures: number;
  readonly readyAt: number | undefined;
  /** Of FAILED: why. */
  readonly reason?: string;
}

/** What a task looks like now; what is to be stored of a changed one. */
export interface TaskNow extends StoredTask {
  readonly worker: string;
  readonly reason: string;
  readonly message: string;
  readonly startedAt: number | undefined;
  readonly endedAt: number | undefined;
}

/** What is known of a task beyond its state, kept only for tasks that were ever started or skipped. */
interface Detail {
  worker: string;
  reason: string;
  message: string;
  startedAt: number | undefined;
  endedAt: number | undefined;
  losses: number;
}

const NOTHING: Readonly<Detail> = {
  worker: "",
  reason: "",
  message: "",
  startedAt: undefined,
  endedAt: undefined,
  losses: 0,
};

/** State machine of one job. Not safe to use from two places at once; one runner owns it. */
export class JobProgress {
  readonly #graph: TaskGraph;
  readonly #limits: ProgressLimits;
  readonly #states: TaskState[];
  readonly #attempts: Uint32Array;
  readonly #failures: Uint32Array;
  readonly #retryAt = new Map<number, number>();
  readonly #details = new Map<number, Detail>();
  readonly #waits: Waits;
  readonly #counts = new Map<TaskState, number>();
  /** Node number -> the task that occupies it. */
  readonly #occupied = new Map<number, number>();
  /** Node number -> tasks that could start but for their node. */
  readonly #parked = new Map<number, number[]>();
  /** Tasks in WAITING that wait for nothing any more; entries may be stale and are checked when they come out. */
  readonly #eligible = createNumberHeap();
  /** Tasks in READY to be handed out, each once; entries may be stale like those above. */
  readonly #ready = createNumberHeap();
  readonly #isInReady: Uint8Array;
  readonly #changed = new Set<number>();
  #cancelled = false;
  /** FAILED tasks that nobody has answered with a retry or a skip yet; told apart in storage by `failures` above 0. */
  #unanswered = 0;
  /** Node number -> its CREATE task; made when it is first needed. */
  #creates: Map<number, number> | undefined;

  /** @param stored tasks as stored, all of them or none; missing ones are WAITING */
  constructor(graph: TaskGraph, limits: ProgressLimits, stored: readonly StoredTask[] = []) {
    this.#graph = graph;
    this.#limits = limits;
    this.#states = new Array<TaskState>(graph.taskCount).fill("WAITING");
    this.#attempts = new Uint32Array(graph.taskCount);
    this.#failures = new Uint32Array(graph.taskCount);
    this.#isInReady = new Uint8Array(graph.taskCount);
    for (const task of stored) {
      this.#states[task.number] = task.state;
      this.#attempts[task.number] = task.attempt;
      this.#failures[task.number] = task.failures;
      if (task.state === "RETRYING") this.#retryAt.set(task.number, task.readyAt ?? 0);
      if (task.state === "FAILED" && task.failures > 0) this.#unanswered += 1;
      if (task.state === "FAILED") this.#detail(task.number).reason = task.reason ?? "";
    }
    for (const state of this.#states) this.#counts.set(state, this.count(state) + 1);
    this.#waits = createWaits(
      graph,
      (task) => this.#states[task] === "SKIPPED",
      (task) => this.#states[task] === "WAITING" && this.#eligible.push(task),
    );
    for (let task = 0; task < graph.taskCount; task += 1) {
      const state = this.#states[task]!;
      if (state === "COMPLETE" || (state === "SKIPPED" && this.#waits.isFree(task))) this.#waits.release(task);
      if (state === "READY" || state === "RUNNING" || state === "RETRYING") this.#occupied.set(this.nodeOf(task), task);
      if (state === "READY") this.#handOut(task);
    }
    for (let task = 0; task < graph.taskCount; task += 1) this.#offer(task);
  }

  get taskCount(): number {
    return this.#graph.taskCount;
  }

  count(state: TaskState): number {
    return this.#counts.get(state) ?? 0;
  }

  stateOf(task: number): TaskState {
    return this.#states[task]!;
  }

  attemptOf(task: number): number {
    return this.#attempts[task]!;
  }

  nodeOf(task: number): number {
    return this.#graph.node[task]!;
  }

  actionOf(task: number): ActionName {
    return ACTIONS[this.#graph.action[task]!]!;
  }

  serviceOf(task: number): string {
    return this.#graph.serviceNames[this.#graph.service[task]!]!;
  }

  /** Every task is COMPLETE or SKIPPED. */
  get complete(): boolean {
    return this.count("COMPLETE") + this.count("SKIPPED") === this.taskCount;
  }

  /** Nothing more will start by itself: the job has failed or was cancelled. */
  get stuck(): boolean {
    if (this.complete || this.count("RUNNING") > 0) return false;
    if (this.#cancelled || this.#halted) return true;
    this.#promote();
    return this.count("READY") === 0 && this.count("RETRYING") === 0;
  }

  get #halted(): boolean {
    return !this.#limits.keepGoing && this.#unanswered > 0;
  }

  /** Takes tasks that can start; `start` or `putBack` each of them. */
  takeReady(most: number): number[] {
    if (this.#cancelled || this.#halted) return [];
    this.#promote();
    const taken: number[] = [];
    while (taken.length < most) {
      const task = this.#ready.pop();
      if (task === undefined) break;
      this.#isInReady[task] = 0;
      if (this.#states[task] === "READY") taken.push(task);
    }
    return taken;
  }

  /** How many tasks could start now. */
  get readyCount(): number {
    if (this.#cancelled || this.#halted) return 0;
    this.#promote();
    return this.count("READY");
  }

  putBack(task: number): void {
    this.#handOut(task);
  }

  start(task: number, worker: string, now: number): void {
    this.#move(task, "RUNNING");
    this.#attempts[task]! += 1;
    Object.assign(this.#detail(task), { worker, reason: "", message: "", startedAt: now, endedAt: undefined });
  }

  succeed(task: number, now: number): void {
    this.#finish(task, "COMPLETE", "", "", now);
    this.#failures[task] = 0;
    this.#waits.release(task);
    this.#vacate(task);
  }

  /** A try failed. Another follows unless the failure is permanent or was the last one allowed. */
  fail(task: number, why: { reason: string; message: string; permanent: boolean }, now: number): void {
    this.#failures[task]! += 1;
    if (this.#cancelled) return this.#end(task, "CANCELLED", why, now);
    if (why.permanent || this.#failures[task]! >= this.#limits.maxFailures) return this.#end(task, "FAILED", why, now);
    this.#wait(task, why, now, this.#limits.backoffMs(this.#failures[task]!));
  }

  /** A try ended without a word on what it did: another one follows and this one is not counted, up to a limit. */
  lose(task: number, why: { reason: string; message: string }, now: number): void {
    if (this.#cancelled) return this.#end(task, "CANCELLED", why, now);
    const detail = this.#detail(task);
    detail.losses += 1;
    if (detail.losses > this.#limits.maxLosses) return this.fail(task, { ...why, permanent: false }, now);
    this.#wait(task, why, now, 0);
  }

  /** What the task needs cannot be reached: it waits, however long, and no try is counted. */
  defer(task: number, why: { reason: string; message: string }, now: number, delayMs: number): void {
    if (this.#cancelled) return this.#end(task, "CANCELLED", why, now);
    this.#wait(task, why, now, delayMs);
  }

  /** Tasks in RETRYING whose time has come can start. */
  wake(now: number): void {
    for (const [task, at] of this.#retryAt) {
      if (at > now) continue;
      this.#retryAt.delete(task);
      this.#move(task, "READY");
      this.#handOut(task);
    }
  }

  /** When `wake` has something to do next; undefined for never. */
  get nextWake(): number | undefined {
    let earliest: number | undefined;
    for (const at of this.#retryAt.values()) if (earliest === undefined || at < earliest) earliest = at;
    return earliest;
  }

  /** Somebody saw the failed tasks and wants the rest to go on: they stop nothing any more. */
  forgive(): void {
    for (const task of this.tasksIn("FAILED")) {
      if (this.#failures[task] === 0) continue;
      this.#failures[task] = 0;
      this.#changed.add(task);
    }
    this.#unanswered = 0;
  }

  /** Nothing more starts; what has not run is CANCELLED, what runs ends as it ends. */
  cancel(now: number): void {
    this.#cancelled = true;
    for (let task = 0; task < this.taskCount; task += 1) {
      const state = this.#states[task]!;
      if (state === "WAITING" || state === "READY" || state === "RETRYING") {
        this.#end(task, "CANCELLED", { reason: "CANCELLED", message: "The job was cancelled." }, now);
      }
    }
  }

  /** Failed and cancelled tasks may run again, with all their tries. */
  retryAll(): void {
    this.#cancelled = false;
    this.forgive();
    for (let task = 0; task < this.taskCount; task += 1) this.#restart(task);
  }

  /** One failed or cancelled task may run again, with all its tries. Other states stay. */
  retry(task: number): void {
    this.#cancelled = false;
    this.forgive();
    this.#restart(task);
  }

  /** A task that is not running and not COMPLETE counts as done as soon as everything it depends on is done. */
  skip(task: number, reason: string, now: number): boolean {
    const state = this.#states[task]!;
    if (state === "RUNNING" || state === "COMPLETE" || state === "SKIPPED") return false;
    this.forgive();
    this.#retryAt.delete(task);
    const occupies = this.#occupied.get(this.nodeOf(task)) === task;
    this.#finish(task, "SKIPPED", "", reason, now);
    if (this.#waits.isFree(task)) this.#waits.release(task);
    if (occupies) this.#vacate(task);
    return true;
  }

  /**
   * The machine of a node is to be made again: its CREATE runs once more, then its CONFIRM. Nothing behind CONFIRM can
   * have run yet, so no other task is touched. False where it is not, or not any more: then the CONFIRM has failed.
   */
  recreate(confirm: number, why: { reason: string; message: string }, now: number): boolean {
    const node = this.nodeOf(confirm);
    const create = this.#createOf(node);
    // A machine that this job did not make it does not make again.
    if (create === undefined || this.#states[create] !== "COMPLETE") {
      this.fail(confirm, { ...why, permanent: create !== undefined }, now);
      return false;
    }
    this.#failures[confirm]! += 1;
    if (this.#cancelled || this.#failures[confirm]! >= this.#limits.maxFailures) {
      this.#end(confirm, this.#cancelled ? "CANCELLED" : "FAILED", why, now);
      return false;
    }
    this.#finish(confirm, "WAITING", why.reason, why.message, now);
    this.#move(create, "WAITING");
    this.#waits.hold(create);
    this.#vacate(confirm);
    this.#offer(create);
    return true;
  }

  /**
   * The machine of a node is gone: everything that was done on it, and everything that rests on that, is to be done
   * again. False, and nothing changed, where this job did not make the machine, or something of it runs now.
   */
  rebuild(node: number): boolean {
    const create = this.#createOf(node);
    if (create === undefined || this.count("RUNNING") > 0) return false;
    const held = this.#waits.holdAllBehind(create);
    for (const task of held) {
      if (this.#states[task] === "WAITING") continue;
      if (this.#states[task] === "FAILED" && this.#failures[task]! > 0) this.#unanswered -= 1;
      this.#retryAt.delete(task);
      if (this.#occupied.get(this.nodeOf(task)) === task) this.#vacate(task);
      this.#failures[task] = 0;
      this.#move(task, "WAITING");
    }
    for (const task of held) this.#offer(task);
    return true;
  }

  /** What changed since the last call, in number order. */
  takeChanges(): TaskNow[] {
    const changes = [...this.#changed].sort((a, b) => a - b).map((task) => this.now(task));
    this.#changed.clear();
    return changes;
  }

  /** Something changed since the last `takeChanges`. */
  get hasChanges(): boolean {
    return this.#changed.size > 0;
  }

  now(task: number): TaskNow {
    const { worker, reason, message, startedAt, endedAt } = this.#details.get(task) ?? NOTHING;
    return {
      number: task,
      state: this.#states[task]!,
      attempt: this.#attempts[task]!,
      failures: this.#failures[task]!,
      readyAt: this.#retryAt.get(task),
      worker,
      reason,
      message,
      startedAt,
      endedAt,
    };
  }

  /** Numbers of tasks in a state; walks all tasks. */
  tasksIn(state: TaskState): number[] {
    const found: number[] = [];
    for (let task = 0; task < this.taskCount; task += 1) if (this.#states[task] === state) found.push(task);
    return found;
  }

  #restart(task: number): void {
    const state = this.#states[task]!;
    if (state === "RETRYING") this.#retryAt.set(task, 0);
    if (state !== "FAILED" && state !== "CANCELLED") return;
    this.#failures[task] = 0;
    this.#move(task, "WAITING");
    this.#offer(task);
  }

  #createOf(node: number): number | undefined {
    if (this.#creates === undefined) {
      this.#creates = new Map();
      for (let task = 0; task < this.taskCount; task += 1)
        if (this.actionOf(task) === "CREATE") this.#creates.set(this.nodeOf(task), task);
    }
    return this.#creates.get(node);
  }

  #detail(task: number): Detail {
    let detail = this.#details.get(task);
    if (detail === undefined) this.#details.set(task, (detail = { ...NOTHING }));
    return detail;
  }

  #move(task: number, to: TaskState): void {
    const from = this.#states[task]!;
    checkTaskMove(from, to);
    this.#counts.set(from, this.count(from) - 1);
    this.#counts.set(to, this.count(to) + 1);
    this.#states[task] = to;
    this.#changed.add(task);
  }

  #finish(task: number, state: TaskState, reason: string, message: string, now: number): void {
    this.#move(task, state);
    Object.assign(this.#detail(task), { reason, message, endedAt: now });
  }

  /** A try is over and no other follows. */
  #end(task: number, state: "FAILED" | "CANCELLED", why: { reason: string; message: string }, now: number): void {
    const occupies = this.#occupied.get(this.nodeOf(task)) === task;
    this.#retryAt.delete(task);
    this.#finish(task, state, why.reason, why.message, now);
    if (state === "FAILED") this.#unanswered += 1;
    if (occupies) this.#vacate(task);
  }

  #wait(task: number, why: { reason: string; message: string }, now: number, delayMs: number): void {
    this.#finish(task, "RETRYING", why.reason, why.message, now);
    this.#retryAt.set(task, now + delayMs);
  }

  /** Its node is free again. */
  #vacate(task: number): void {
    const node = this.nodeOf(task);
    this.#occupied.delete(node);
    for (const other of this.#parked.get(node) ?? []) this.#eligible.push(other);
    this.#parked.delete(node);
  }

  #offer(task: number): void {
    if (this.#states[task] === "WAITING" && this.#waits.isFree(task)) this.#eligible.push(task);
  }

  #promote(): void {
    while (this.count("READY") < this.#limits.window) {
      const task = this.#eligible.pop();
      if (task === undefined) return;
      if (this.#states[task] !== "WAITING" || !this.#waits.isFree(task)) continue;
      const node = this.nodeOf(task);
      if (this.#occupied.has(node)) {
        const parked = this.#parked.get(node);
        if (parked === undefined) this.#parked.set(node, [task]);
        else parked.push(task);
        continue;
      }
      this.#occupied.set(node, task);
      this.#move(task, "READY");
      this.#handOut(task);
    }
  }

  #handOut(task: number): void {
    if (this.#isInReady[task] === 1) return;
    this.#isInReady[task] = 1;
    this.#ready.push(task);
  }
}
