/** What may happen to a job at random, and a simple reading of the rules of a job beside it. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  JobProgress,
  type ProgressLimits,
  type StoredTask,
  type TaskNow,
} from "../../services/server/jobs/progress.js";
import { TASK_STATES, type TaskState } from "../../services/server/jobs/states.js";
import { ACTIONS, type TaskGraph } from "../../services/server/plan/types.js";
import { anyGraph, predecessorsIn } from "./job-graphs.js";

export const WHY = { reason: "TASK_FAILED", message: "it broke" };

export const limitsOf = (more: Partial<ProgressLimits> = {}): ProgressLimits => ({
  maxFailures: 3,
  maxLosses: 2,
  window: 1000,
  backoffMs: (failures) => failures * 100,
  keepGoing: false,
  ...more,
});

type Step =
  | { readonly do: "take" | "wake" | "cancel" | "retryAll" | "restore" }
  | {
      readonly do: "succeed" | "fail" | "break" | "lose" | "defer" | "recreate" | "retry" | "skip" | "rebuild";
      readonly which: number;
    };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: fc.constant<Step>({ do: "take" }), weight: 6 },
  { arbitrary: fc.record({ do: fc.constant("succeed" as const), which: fc.nat() }), weight: 6 },
  {
    arbitrary: fc.record({
      do: fc.constantFrom("fail" as const, "lose" as const, "defer" as const, "recreate" as const),
      which: fc.nat(),
    }),
    weight: 4,
  },
  {
    arbitrary: fc.record({
      do: fc.constantFrom("break" as const, "retry" as const, "skip" as const, "rebuild" as const),
      which: fc.nat(),
    }),
    weight: 3,
  },
  { arbitrary: fc.constantFrom<Step>({ do: "wake" }, { do: "restore" }, { do: "retryAll" }), weight: 4 },
  { arbitrary: fc.constant<Step>({ do: "cancel" }), weight: 1 },
);

/** A job under test beside what is stored of it and what a simple reading of the rules says. */
export class JobModel {
  progress: JobProgress;
  readonly graph: TaskGraph;
  readonly limits: ProgressLimits;
  readonly stored = new Map<number, TaskNow>();
  readonly #before: readonly (readonly number[])[];
  isCancelled = false;
  /** Failed tasks that nobody has answered. */
  unanswered = new Set<number>();
  now = 1000;

  constructor(graph: TaskGraph, limits: ProgressLimits) {
    this.graph = graph;
    this.limits = limits;
    this.progress = new JobProgress(graph, limits);
    this.#before = predecessorsIn(graph);
  }

  tasks(state: TaskState): number[] {
    return Array.from({ length: this.graph.taskCount }, (_, task) => task).filter(
      (task) => this.progress.stateOf(task) === state,
    );
  }

  isDone(task: number): boolean {
    const state = this.progress.stateOf(task);
    return state === "COMPLETE" || (state === "SKIPPED" && this.#before[task]!.every((before) => this.isDone(before)));
  }

  get isHalted(): boolean {
    return this.isCancelled || (!this.limits.keepGoing && this.unanswered.size > 0);
  }

  /** Tasks that may be started now or as soon as one before them on their node has been. */
  startable(): number[] {
    const busy = new Set(
      ["READY", "RUNNING", "RETRYING"].flatMap((state) =>
        this.tasks(state as TaskState).map((task) => this.graph.node[task]!),
      ),
    );
    return [
      ...this.tasks("READY"),
      ...this.tasks("WAITING").filter(
        (task) => !busy.has(this.graph.node[task]!) && this.#before[task]!.every((before) => this.isDone(before)),
      ),
    ];
  }

  take(most: number): number[] {
    const could = this.startable();
    const taken = this.progress.takeReady(most);
    assert.equal(new Set(taken).size, taken.length, "a task is handed out twice");
    if (this.isHalted) assert.deepEqual(taken, [], "something starts though the job has stopped");
    else if (could.length > 0 && most > 0) assert.ok(taken.length > 0, "something could start and does not");
    for (const task of taken) {
      assert.equal(this.progress.stateOf(task), "READY");
      for (const before of this.#before[task]!)
        assert.ok(this.isDone(before), `task ${task} starts before ${before} is done`);
      const attempt = this.progress.attemptOf(task);
      this.progress.start(task, "w", this.now);
      assert.equal(this.progress.attemptOf(task), attempt + 1);
    }
    return taken;
  }

  /** One after the other, the states of what was stored and of what is in memory; and what must hold at any time. */
  check(): void {
    for (const task of this.progress.takeChanges()) this.stored.set(task.number, task);
    const nodes = new Set<number>();
    const counts = new Map<TaskState, number>();
    for (let task = 0; task < this.graph.taskCount; task += 1) {
      const state = this.progress.stateOf(task);
      assert.equal(
        this.stored.get(task)?.state ?? "WAITING",
        state,
        `what is stored of task ${task} is not what it is`,
      );
      assert.equal(this.stored.get(task)?.attempt ?? 0, this.progress.attemptOf(task));
      counts.set(state, (counts.get(state) ?? 0) + 1);
      if (state === "RETRYING") assert.ok(this.progress.nextWake !== undefined);
      if (state !== "READY" && state !== "RUNNING" && state !== "RETRYING") continue;
      assert.ok(!nodes.has(this.graph.node[task]!), `two tasks at once on node ${this.graph.node[task]}`);
      nodes.add(this.graph.node[task]!);
    }
    for (const state of TASK_STATES) assert.equal(this.progress.count(state), counts.get(state) ?? 0);
    const { progress } = this;
    assert.equal(
      progress.complete,
      this.tasks("COMPLETE").length + this.tasks("SKIPPED").length === this.graph.taskCount,
    );
    const isStill = progress.count("RUNNING") === 0;
    assert.equal(
      progress.stuck,
      !progress.complete &&
        isStill &&
        (this.isHalted || (this.startable().length === 0 && this.tasks("RETRYING").length === 0)),
    );
    for (const task of this.progress.takeChanges()) this.stored.set(task.number, task);
  }

  /** A new runner reads what is stored; what ran is lost, as nobody will tell how it ended. */
  restored(): JobProgress {
    const stored = [...this.stored.values()].map(
      ({ number, state, attempt, failures, readyAt, reason }): StoredTask => ({
        number,
        state,
        attempt,
        failures,
        readyAt,
        reason,
      }),
    );
    return new JobProgress(this.graph, this.limits, stored);
  }

  loseAll(progress: JobProgress): void {
    for (const task of progress.tasksIn("RUNNING")) progress.lose(task, WHY, this.now);
    if (this.isCancelled) progress.cancel(this.now);
  }

  noteFailed(task: number): void {
    if (this.progress.stateOf(task) === "FAILED") this.unanswered.add(task);
  }

  step(step: Step): void {
    this.now += 50;
    const { progress, now } = this;
    const pick = (tasks: readonly number[]): number | undefined =>
      "which" in step && tasks.length > 0 ? tasks[step.which % tasks.length] : undefined;
    const running = pick(this.tasks("RUNNING"));
    const any = pick(Array.from({ length: this.graph.taskCount }, (_, task) => task))!;
    switch (step.do) {
      case "take":
        this.take(2);
        break;
      case "wake":
        this.now = Math.max(now, progress.nextWake ?? 0);
        progress.wake(this.now);
        break;
      case "cancel":
        progress.cancel(now);
        this.isCancelled = true;
        break;
      case "retryAll":
        progress.retryAll();
        this.isCancelled = false;
        this.unanswered.clear();
        assert.deepEqual([...this.tasks("FAILED"), ...this.tasks("CANCELLED")], []);
        break;
      case "retry":
        progress.retry(any);
        this.isCancelled = false;
        this.unanswered.clear();
        break;
      case "skip":
        if (progress.skip(any, "not needed", now)) this.unanswered.clear();
        break;
      case "rebuild": {
        const node = this.graph.node[any]!;
        const wasRunning = progress.count("RUNNING") > 0;
        assert.equal(progress.rebuild(node), !wasRunning);
        if (wasRunning) break;
        for (let task = 0; task < this.graph.taskCount; task += 1)
          if (this.graph.node[task] === node) assert.equal(progress.stateOf(task), "WAITING");
        for (const task of this.unanswered) if (progress.stateOf(task) !== "FAILED") this.unanswered.delete(task);
        break;
      }
      case "restore": {
        const wereRunning = this.tasks("RUNNING");
        this.progress = this.restored();
        this.loseAll(this.progress);
        for (const task of wereRunning) this.noteFailed(task);
        break;
      }
      case "succeed":
        if (running !== undefined) progress.succeed(running, now);
        break;
      case "fail":
        if (running !== undefined) progress.fail(running, { ...WHY, permanent: false }, now);
        break;
      case "break":
        if (running !== undefined) progress.fail(running, { ...WHY, permanent: true }, now);
        break;
      case "lose":
        if (running !== undefined) progress.lose(running, WHY, now);
        break;
      case "defer":
        if (running !== undefined) progress.defer(running, WHY, now, 500);
        break;
      case "recreate": {
        const confirm = pick(this.tasks("RUNNING").filter((task) => ACTIONS[this.graph.action[task]!] === "CONFIRM"));
        if (confirm !== undefined) progress.recreate(confirm, WHY, now);
        if (confirm !== undefined) this.noteFailed(confirm);
      }
    }
    if (running !== undefined) this.noteFailed(running);
    this.check();
  }
}

/** Goes on without any failure until nothing more starts. */
export function drain(progress: JobProgress): void {
  for (let round = 0; ; round += 1) {
    assert.ok(round < 1000, "the job goes on for ever");
    progress.wake(Number.MAX_SAFE_INTEGER);
    const taken = progress.takeReady(1000);
    for (const task of taken) progress.start(task, "w", 0);
    const running = progress.tasksIn("RUNNING");
    for (const task of running) progress.succeed(task, 0);
    if (running.length === 0) break;
  }
  assert.ok(progress.complete || progress.stuck, "the job neither ends nor goes on");
}

export const anyRun = fc.record({
  graph: anyGraph,
  limits: fc
    .record({
      maxFailures: fc.integer({ min: 1, max: 3 }),
      maxLosses: fc.integer({ min: 0, max: 2 }),
      window: fc.constantFrom(1, 2, 1000),
      keepGoing: fc.boolean(),
    })
    .map((limits) => limitsOf(limits)),
  steps: fc.array(anyStep, { maxLength: 60, size: "max" }),
});
