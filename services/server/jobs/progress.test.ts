import assert from "node:assert/strict";
import fc from "fast-check";
import { GraphBuilder, type Vertex } from "../plan/builder.js";
import { ACTIONS, type TaskGraph } from "../plan/types.js";
import { JobProgress, type ProgressLimits, type StoredTask, type TaskNow } from "./progress.js";
import { TASK_STATES, type TaskState } from "./states.js";

const WHY = { reason: "TASK_FAILED", message: "it broke" };
const SERVICES = ["a", "b"];

const limitsOf = (more: Partial<ProgressLimits> = {}): ProgressLimits => ({
  maxFailures: 3,
  maxLosses: 2,
  window: 1000,
  backoffMs: (failures) => failures * 100,
  keepGoing: false,
  ...more,
});

/** For each task the tasks it waits for directly; joins are looked through. */
function predecessorsIn(graph: TaskGraph): number[][] {
  const before = Array.from({ length: graph.vertexCount }, (): number[] => []);
  for (let vertex = 0; vertex < graph.vertexCount; vertex += 1) {
    for (let edge = graph.offset[vertex]!; edge < graph.offset[vertex + 1]!; edge += 1)
      before[graph.dependents[edge]!]!.push(vertex);
  }
  const through = (vertex: number): number[] =>
    vertex < graph.taskCount ? [vertex] : before[vertex]!.flatMap(through);
  return before.slice(0, graph.taskCount).map((vertices) => [...new Set(vertices.flatMap(through))]);
}

/** One to four machines, a few tasks on each, and dependencies between these in any direction that makes no cycle. */
const anyGraph: fc.Arbitrary<TaskGraph> = fc
  .record({
    perNode: fc.array(fc.subarray(["INSTALL a", "INSTALL b", "START a", "START b"] as const), {
      minLength: 1,
      maxLength: 4,
    }),
    edges: fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 8, size: "max" }),
    joins: fc.array(fc.tuple(fc.nat(), fc.nat({ max: 3 }), fc.nat({ max: 3 })), { maxLength: 2 }),
  })
  .map(({ perNode, edges, joins }) => {
    const builder = new GraphBuilder(SERVICES);
    const others: Vertex[] = [];
    for (const [index, tasks] of perNode.entries()) {
      const create = builder.task(1000 + index, "CREATE", "");
      const confirm = builder.task(1000 + index, "CONFIRM", "");
      builder.edge(create, confirm);
      for (const text of tasks) {
        const [action, service] = text.split(" ") as ["INSTALL" | "START", string];
        const task = builder.task(1000 + index, action, service);
        builder.edge(confirm, task);
        others.push(task);
      }
    }
    const seen = new Set<string>();
    for (const [one, other] of edges) {
      if (others.length < 2) break;
      const [from, to] = [one % others.length, other % others.length].sort((a, b) => a - b) as [number, number];
      if (from === to || seen.has(`${from} ${to}`)) continue;
      seen.add(`${from} ${to}`);
      builder.edge(others[from]!, others[to]!);
    }
    for (const [at, before, after] of joins) {
      if (others.length < 2) break;
      const split = 1 + (at % (others.length - 1));
      builder.edges(others.slice(Math.max(0, split - before - 1), split), others.slice(split, split + after + 1));
    }
    return builder.build();
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
class Model {
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
function drain(progress: JobProgress): void {
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

const anyRun = fc.record({
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

describe("JobProgress", () => {
  it("keeps every rule whatever happens in whatever order, and loses nothing", () => {
    let completed = 0;
    fc.assert(
      fc.property(anyRun, ({ graph, limits, steps }) => {
        const model = new Model(graph, limits);
        model.check();
        for (const step of steps) model.step(step);
        drain(model.progress);
        if (model.progress.complete) completed += 1;
        // What has stopped can be taken up again, and then ends.
        model.progress.retryAll();
        drain(model.progress);
        assert.ok(model.progress.complete, "a retried job without failures does not end");
      }),
      { numRuns: 2000 },
    );
    assert.ok(completed > 200, `only ${completed} jobs completed by themselves`);
  });

  it("comes to the same end from what is stored as from memory, at any moment", () => {
    fc.assert(
      fc.property(anyRun, ({ graph, limits, steps }) => {
        const model = new Model(graph, limits);
        for (const step of steps) model.step(step);
        const again = model.restored();
        for (const progress of [model.progress, again]) model.loseAll(progress);
        // A loss may be the last one allowed only in memory, where losses are counted.
        fc.pre(model.progress.tasksIn("FAILED").length === again.tasksIn("FAILED").length);
        for (const progress of [model.progress, again]) drain(progress);
        const ends = [model.progress, again].map((progress) =>
          Array.from({ length: graph.taskCount }, (_, task) => progress.stateOf(task)),
        );
        assert.deepEqual(ends[1], ends[0]);
      }),
      { numRuns: 2000 },
    );
  });

  /** One machine: CREATE 0, CONFIRM 1, INSTALL a 2. */
  const graph = ((): TaskGraph => {
    const builder = new GraphBuilder(["a"]);
    const tasks = [
      builder.task(1000, "CREATE", ""),
      builder.task(1000, "CONFIRM", ""),
      builder.task(1000, "INSTALL", "a"),
    ];
    builder.edge(tasks[0]!, tasks[1]!);
    builder.edge(tasks[1]!, tasks[2]!);
    return builder.build();
  })();

  function start(progress: JobProgress, now = 0): number {
    const [task] = progress.takeReady(1);
    assert.notEqual(task, undefined);
    progress.start(task!, "w", now);
    return task!;
  }

  it("tries again with growing pauses, then fails and starts nothing more", () => {
    const progress = new JobProgress(graph, limitsOf());
    for (const [failure, pause] of [100, 200].entries()) {
      progress.fail(start(progress, 1000), { ...WHY, permanent: false }, 1000);
      assert.equal(progress.stateOf(0), "RETRYING");
      assert.equal(progress.nextWake, 1000 + pause);
      progress.wake(999 + pause);
      assert.equal(progress.stateOf(0), "RETRYING");
      progress.wake(1000 + pause);
      assert.deepEqual([progress.stateOf(0), progress.now(0).failures], ["READY", failure + 1]);
    }
    progress.fail(start(progress), { ...WHY, permanent: false }, 5000);
    assert.deepEqual([progress.stateOf(0), progress.stuck, progress.attemptOf(0)], ["FAILED", true, 3]);
    const { state, reason, message, endedAt } = progress.now(0);
    assert.deepEqual({ state, reason, message, endedAt }, { state: "FAILED", ...WHY, endedAt: 5000 });
    progress.retryAll();
    assert.deepEqual([progress.stuck, progress.now(0).failures], [false, 0]);
  });

  it("counts a lost worker only where it happens too often, and waiting for a provider never", () => {
    const progress = new JobProgress(graph, limitsOf());
    for (let time = 0; time < 2; time += 1) {
      progress.lose(start(progress), WHY, 0);
      progress.wake(0);
    }
    assert.equal(progress.now(0).failures, 0);
    progress.lose(start(progress), WHY, 0);
    assert.equal(progress.now(0).failures, 1);
    progress.wake(100);
    for (let time = 0; time < 20; time += 1) {
      progress.defer(start(progress), WHY, 0, 5);
      progress.wake(5);
    }
    assert.deepEqual([progress.now(0).failures, progress.stateOf(0)], [1, "READY"]);
  });

  it("makes a machine again that was not confirmed, and gives up after as many failures as any task", () => {
    const progress = new JobProgress(graph, limitsOf());
    for (let time = 1; time <= 3; time += 1) {
      progress.succeed(start(progress), 0);
      assert.equal(start(progress), 1);
      progress.recreate(1, WHY, 0);
      assert.deepEqual(
        [progress.stateOf(0), progress.stateOf(1)],
        time < 3 ? ["WAITING", "WAITING"] : ["COMPLETE", "FAILED"],
      );
    }
    assert.equal(progress.attemptOf(0), 3);
  });

  it("does not make a machine again that somebody else made", () => {
    const progress = new JobProgress(graph, limitsOf());
    assert.ok(progress.skip(0, "made by hand", 0));
    assert.equal(start(progress), 1);
    progress.recreate(1, WHY, 0);
    assert.deepEqual([progress.stateOf(0), progress.stateOf(1)], ["SKIPPED", "FAILED"]);
  });

  it("lets nothing pass a skipped task that what is before it has not passed", () => {
    const progress = new JobProgress(graph, limitsOf());
    assert.ok(progress.skip(1, "no need", 0));
    assert.equal(start(progress), 0);
    assert.deepEqual(progress.takeReady(9), []);
    progress.succeed(0, 0);
    assert.equal(start(progress), 2);
    assert.equal(progress.skip(2, "runs", 0), false);
    progress.succeed(2, 0);
    assert.ok(progress.complete);
  });

  it("hands a task out once that was cancelled while it stood ready and then retried", () => {
    const progress = new JobProgress(graph, limitsOf());
    assert.equal(progress.readyCount, 1);
    progress.cancel(0);
    progress.retryAll();
    assert.equal(progress.readyCount, 1);
    assert.deepEqual(progress.takeReady(9), [0]);
  });

  it("gives out no more at once than its window", () => {
    const builder = new GraphBuilder([]);
    for (let node = 1000; node < 1010; node += 1) builder.task(node, "CREATE", "");
    const progress = new JobProgress(builder.build(), limitsOf({ window: 3 }));
    assert.equal(progress.readyCount, 3);
    assert.deepEqual(progress.takeReady(2), [0, 1]);
    progress.putBack(1);
    progress.start(0, "w", 0);
    assert.equal(progress.readyCount, 3);
    assert.deepEqual(progress.takeReady(9), [1, 2, 3]);
  });
});
