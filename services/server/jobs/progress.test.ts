import assert from "node:assert/strict";
import fc from "fast-check";
import { JobModel, WHY, anyRun, drain, limitsOf } from "../../../test/support/job-model.js";
import { GraphBuilder } from "../plan/builder.js";
import type { TaskGraph } from "../plan/types.js";
import { JobProgress } from "./progress.js";

describe("JobProgress", () => {
  it("keeps every rule whatever happens in whatever order, and loses nothing", () => {
    let completed = 0;
    fc.assert(
      fc.property(anyRun, ({ graph, limits, steps }) => {
        const model = new JobModel(graph, limits);
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
        const model = new JobModel(graph, limits);
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
