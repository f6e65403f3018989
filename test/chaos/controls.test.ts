/** Commands to jobs, lost workers and late answers: what was told to a job is done, and what came too late is not. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createServer, connect, type Socket } from "node:net";
import { join } from "node:path";
import { LoomError, type Reason } from "../../services/common/errors.js";
import type { JournalLine } from "../../services/provisioner/providers/simulated/journal.js";
import type { Application } from "../../services/server/application.js";
import type { JobView, TaskView } from "../../services/server/views.js";
import { openHandWorker, type HandWorker } from "../support/hand-worker.js";
import { CALLER, mutation, useLoom } from "../support/loom.js";
import { deferred, until } from "../support/wait.js";
import { createWitness } from "../support/witness.js";
import { small } from "./operations.js";

const because =
  (reason: Reason) =>
  (thrown: unknown): boolean => {
    assert.ok(thrown instanceof LoomError, String(thrown));
    assert.equal(thrown.reason, reason, thrown.message);
    return true;
  };

describe("jobs under command", function () {
  this.timeout(60_000);
  const backoffs: number[] = [];
  const timing = { unreachableMs: 20, backoffMs: (failures: number) => (backoffs.push(failures), 5) };
  const loom = useLoom({ timing });
  const jobs = (): Application["jobs"] => loom.application.jobs;
  let cases = 0;

  const cutters: Cutter[] = [];

  beforeEach(async () => {
    loom.faults();
    if (loom.instance.isDead) await loom.restart();
    loom.instance.hooks = {};
  });
  afterEach(async () => {
    if (cutters.length === 0) return;
    await Promise.all(cutters.splice(0).map((cutter) => cutter.close()));
    await loom.restart();
  });

  /** From here on the provisioner reaches the server through something that can be cut. */
  async function cuttable(taskLeaseMs: number): Promise<Cutter> {
    await loom.restart({ provisioner: false, timing: { ...timing, taskLeaseMs } });
    const cutter = await startCutter(loom.instance.address, join(loom.folder, "cut"));
    cutters.push(cutter);
    loom.instance.provision("behind", cutter.address);
    await until("the provisioner is there", () => loom.server.hub.offers().length > 0);
    return cutter;
  }

  /** Asks for a cluster and does not wait for it. */
  async function create(): Promise<{ cluster: string; uid: string; displayName: string }> {
    const displayName = `k${(cases += 1)}`;
    const view = await loom.application.clusters.create(CALLER, small(displayName, randomUUID(), 2));
    return { cluster: view.name, uid: view.uid, displayName };
  }

  const tasksOf = async (cluster: string, job = 1): Promise<readonly TaskView[]> =>
    (await jobs().listTasks(CALLER, cluster, job, { pageSize: 1000, pageToken: "", states: [], node: 0 })).items;
  async function task(cluster: string, action: string, service = "", job = 1): Promise<TaskView> {
    return (await tasksOf(cluster, job)).find((each) => each.action === action && each.service === service)!;
  }
  const stateOf = async (cluster: string, job = 1): Promise<string> => (await jobs().get(CALLER, cluster, job)).state;
  const clusterState = async (cluster: string): Promise<string> =>
    (await loom.application.clusters.get(CALLER, cluster)).state;
  const lines = (uid: string, kind: JournalLine["kind"], action: string, service?: string): JournalLine[] =>
    loom
      .journal(uid)
      .filter(
        (line) => line.kind === kind && line.action === action && (service === undefined || line.service === service),
      );
  /** Orders to end INSTALL of `back`. */
  const kills = (uid: string): JournalLine[] =>
    loom.journal(uid).filter(({ kind, taskKey }) => kind === "kill" && taskKey?.includes(".back.install") === true);
  const struck = (uid: string, action: string): Promise<void> =>
    until(`a fault of ${action}`, () => lines(uid, "fault", action).length > 0);

  describe("pause and resume", () => {
    it("starts nothing while paused, keeps what ran, and goes on", async () => {
      loom.faults({ fault: "hang", action: "INSTALL", service: "back" });
      const { cluster, uid } = await create();
      await struck(uid, "INSTALL");
      const pauseId = randomUUID();
      assert.equal((await jobs().pause(CALLER, cluster, 1, mutation(pauseId))).state, "PAUSED");
      assert.equal((await jobs().pause(CALLER, cluster, 1, mutation(pauseId))).state, "PAUSED");
      await assert.rejects(jobs().pause(CALLER, cluster, 1, mutation()), because("JOB_STATE"));
      // The task that hung is lost with its worker and would run again at once.
      await loom.instance.replaceProvisioners();
      await until("the task waits", async () => {
        loom.server.hub.sweep();
        return (await jobs().get(CALLER, cluster, 1)).runningCount === 0;
      });
      const before = loom.journal(uid).length;
      await loom.restart();
      await until("another runner", async () => (await jobs().get(CALLER, cluster, 1)).runner === 2);
      assert.equal(await stateOf(cluster), "PAUSED");
      assert.equal(loom.journal(uid).length, before);
      assert.equal((await jobs().resume(CALLER, cluster, 1, mutation())).state, "RUNNING");
      assert.equal((await loom.ended(cluster, 1)).state, "COMPLETE");
      assert.equal(lines(uid, "run", "INSTALL").length, 2);
    });

    it("holds a job that is not planned yet", async () => {
      const planning = deferred();
      const goOn = deferred();
      loom.instance.hooks = {
        async beforeStatement(name, n) {
          if (name !== "take job" || n !== 1) return;
          planning.resolve();
          await goOn.promise;
        },
      };
      const { cluster, uid } = await create();
      await planning.promise;
      await jobs().pause(CALLER, cluster, 1, mutation());
      goOn.resolve();
      await jobs().resume(CALLER, cluster, 1, mutation());
      assert.equal((await loom.ended(cluster, 1)).state, "COMPLETE");
      assert.equal(loom.judge(uid).live.size, 2);
    });
  });

  describe("cancel", () => {
    it("kills the script on the node, keeps what was made, and a retry goes on", async () => {
      loom.faults({ fault: "hang", action: "INSTALL", service: "back" });
      const { cluster, uid } = await create();
      await struck(uid, "INSTALL");
      assert.equal((await jobs().cancel(CALLER, cluster, 1, mutation())).state, "CANCELLING");
      const ended = await loom.ended(cluster, 1);
      assert.equal(ended.state, "CANCELLED");
      assert.equal(ended.reason, "CANCELLED");
      assert.equal(kills(uid).length, 1);
      assert.equal(await clusterState(cluster), "INCOMPLETE");
      for (const { state } of await tasksOf(cluster)) assert.ok(state === "COMPLETE" || state === "CANCELLED", state);
      const attempts = await jobs().listAttempts(CALLER, cluster, 1, (await task(cluster, "INSTALL", "back")).number);
      assert.deepEqual(
        attempts.map(({ state }) => state),
        ["CANCELLED"],
      );
      await jobs().retry(CALLER, cluster, 1, mutation());
      assert.equal((await loom.ended(cluster, 1)).state, "COMPLETE");
      assert.deepEqual(
        [...loom.judge(uid).runs.values()].filter((runs) => runs !== 1),
        [],
      );
    });

    it("reaches a worker whose stream was broken when it was given", async () => {
      const proxy = await cuttable(20_000);
      loom.faults({ fault: "hang", action: "INSTALL", service: "back" });
      const { cluster, uid } = await create();
      await struck(uid, "INSTALL");
      await until("nothing else runs", async () => (await jobs().get(CALLER, cluster, 1)).runningCount === 1);
      proxy.cut();
      assert.equal((await jobs().cancel(CALLER, cluster, 1, mutation())).state, "CANCELLING");
      proxy.mend();
      assert.equal((await loom.ended(cluster, 1)).state, "CANCELLED");
      assert.ok(kills(uid).length > 0);
      assert.equal(lines(uid, "run", "INSTALL", "back").length, 0);
    });

    it("ends a job before its plan, and nothing was ever made", async () => {
      const planning = deferred();
      const goOn = deferred();
      loom.instance.hooks = {
        async beforeStatement(name, n) {
          if (name !== "append OpPlanned" || n !== 1) return;
          planning.resolve();
          await goOn.promise;
        },
      };
      const { cluster, uid } = await create();
      await planning.promise;
      await jobs().cancel(CALLER, cluster, 1, mutation());
      goOn.resolve();
      assert.equal((await loom.ended(cluster, 1)).state, "CANCELLED");
      assert.equal(await clusterState(cluster), "TERMINATED");
      assert.deepEqual(loom.journal(uid), []);
      await assert.rejects(jobs().retry(CALLER, cluster, 1, mutation()), because("CLUSTER_STATE"));
      assert.equal(await clusterState(cluster), "TERMINATED");
    });

    it("holds where Loom dies right after it said so", async () => {
      loom.faults({ fault: "hang", action: "INSTALL", service: "back" });
      const { cluster, uid } = await create();
      await struck(uid, "INSTALL");
      const dying = loom.instance;
      dying.hooks = { afterCommit: (name) => void (name === "cancel job" && dying.crash()) };
      const id = randomUUID();
      await assert.rejects(jobs().cancel(CALLER, cluster, 1, mutation(id)));
      await loom.restart();
      assert.match((await jobs().cancel(CALLER, cluster, 1, mutation(id))).state, /CANCELLING|CANCELLED/);
      assert.equal((await loom.ended(cluster, 1)).state, "CANCELLED");
      assert.ok(kills(uid).length > 0, "the script that ran when Loom died goes on");
      assert.equal(lines(uid, "run", "INSTALL", "back").length, 0);
      const attempts = await jobs().listAttempts(CALLER, cluster, 1, (await task(cluster, "INSTALL", "back")).number);
      assert.deepEqual(
        attempts.map(({ state }) => state),
        ["LOST"],
      );
    });

    it("ends the script of a worker that was lost before", async () => {
      loom.faults({ fault: "hang", action: "INSTALL", service: "back" });
      const { cluster, uid } = await create();
      await struck(uid, "INSTALL");
      await jobs().pause(CALLER, cluster, 1, mutation());
      await loom.instance.replaceProvisioners();
      await until("the task waits", async () => {
        loom.server.hub.sweep();
        return (await jobs().get(CALLER, cluster, 1)).runningCount === 0;
      });
      assert.equal(kills(uid).length, 0);
      await jobs().cancel(CALLER, cluster, 1, mutation());
      assert.equal((await loom.ended(cluster, 1)).state, "CANCELLED");
      assert.ok(kills(uid).length > 0);
    });
  });

  describe("failed jobs", () => {
    it("retry one task, with all its tries", async () => {
      backoffs.length = 0;
      loom.faults({ fault: "fail", action: "INSTALL", service: "back", times: "always" });
      const { cluster, uid } = await create();
      assert.equal((await loom.ended(cluster, 1)).state, "FAILED");
      assert.deepEqual(backoffs, [1, 2]);
      const failed = (await tasksOf(cluster)).filter(({ state }) => state === "FAILED");
      assert.deepEqual(
        failed.map(({ action }) => action),
        ["INSTALL"],
      );
      const created = await task(cluster, "CREATE");
      await assert.rejects(jobs().retryTask(CALLER, cluster, 1, created.number, mutation()), because("TASK_STATE"));
      await assert.rejects(jobs().retryTask(CALLER, cluster, 1, 4711, mutation()), because("TASK_NOT_FOUND"));
      loom.faults({ fault: "fail", action: "INSTALL", service: "back", times: 2 });
      assert.equal((await jobs().retryTask(CALLER, cluster, 1, failed[0]!.number, mutation())).state, "RUNNING");
      assert.equal((await loom.ended(cluster, 1)).state, "COMPLETE");
      assert.deepEqual(backoffs, [1, 2, 1, 2]);
      assert.equal(lines(uid, "run", "INSTALL", "back").length, 1);
    });

    it("skip one task with a reason, and what waits for it goes on", async () => {
      loom.faults({ fault: "fail", action: "CONFIGURE", service: "front", times: "always" });
      const { cluster, uid } = await create();
      assert.equal((await loom.ended(cluster, 1)).state, "FAILED");
      const { number } = await task(cluster, "CONFIGURE", "front");
      await assert.rejects(jobs().skipTask(CALLER, cluster, 1, 4711, "why not", mutation()), because("TASK_NOT_FOUND"));
      await jobs().skipTask(CALLER, cluster, 1, number, "configured by hand", mutation());
      assert.equal((await loom.ended(cluster, 1)).state, "COMPLETE");
      const skipped = await task(cluster, "CONFIGURE", "front");
      assert.deepEqual([skipped.state, skipped.message], ["SKIPPED", "configured by hand"]);
      assert.equal(await clusterState(cluster), "ACTIVE");
      assert.equal(lines(uid, "run", "START", "front").length, 1);
      assert.equal(lines(uid, "run", "CHECK").length, 1);
    });

    it("are deleted with everything they have made", async () => {
      loom.faults({ fault: "fail", action: "CONFIRM", node: 1000, times: "always", permanent: true });
      const { cluster, uid } = await create();
      assert.equal((await loom.ended(cluster, 1)).state, "FAILED");
      assert.notEqual(loom.judge(uid).live.size, 0);
      loom.faults();
      const { number } = await loom.application.clusters.delete(CALLER, cluster, mutation());
      assert.equal((await loom.ended(cluster, number)).state, "COMPLETE");
      assert.equal(loom.judge(uid).live.size, 0);
      await assert.rejects(jobs().retry(CALLER, cluster, 1, mutation()), because("CLUSTER_STATE"));
    });
  });

  describe("a provider out of reach", () => {
    it("makes the job wait with the reason, costs no try, and the job goes on by itself", async () => {
      loom.faults({ fault: "unreachable", action: "CREATE", times: "always" });
      const { cluster } = await create();
      let waiting: JobView | undefined;
      await until("the job waits", async () => (waiting = await jobs().get(CALLER, cluster, 1)).state === "WAITING");
      assert.match(waiting!.message, /cannot be reached/);
      const { number } = await task(cluster, "CREATE");
      await until("more tries than may fail", async () => (await task(cluster, "CREATE")).attempt > 4);
      // They are all the same, so one of them is kept.
      const failed = (await jobs().listAttempts(CALLER, cluster, 1, number)).filter(({ state }) => state === "FAILED");
      assert.deepEqual(
        failed.map((attempt) => [attempt.number, attempt.reason]),
        [[1, "PROVIDER_UNREACHABLE"]],
      );
      // A worse error afterwards still has all its tries, and the job does not say any more that it waits.
      loom.faults({ fault: "fail", action: "CREATE", node: 1000, times: 2 });
      assert.equal((await loom.ended(cluster, 1)).state, "COMPLETE");
    });

    it("is no reason any more once it was reached", async () => {
      loom.faults({ fault: "unreachable", action: "CREATE" }, { fault: "fail", action: "INSTALL", times: "always" });
      const { cluster, displayName } = await create();
      const witness = createWitness(loom.database, displayName);
      const seen: [string, string][] = [];
      loom.instance.hooks = {
        async afterCommit() {
          const sight = await witness.look();
          if (sight?.tasks.every(({ action, state }) => action !== "CREATE" || state === "COMPLETE"))
            seen.push([sight.jobs[0]!.state, sight.jobs[0]!.message]);
        },
      };
      await loom.ended(cluster, 1);
      assert.ok(seen.length > 0);
      assert.deepEqual(
        seen.filter(([state]) => state === "WAITING"),
        [],
      );
    });
  });

  describe("a lost worker", () => {
    it("is told from a failure: its task is handed out again and no try is counted", async () => {
      loom.faults({ fault: "hang", action: "INSTALL", service: "back" });
      const { cluster, uid } = await create();
      await struck(uid, "INSTALL");
      await loom.instance.replaceProvisioners();
      assert.equal((await loom.ended(cluster, 1)).state, "COMPLETE");
      const attempts = await jobs().listAttempts(CALLER, cluster, 1, (await task(cluster, "INSTALL", "back")).number);
      assert.deepEqual(
        attempts.map(({ state, reason }) => [state, reason]),
        [
          ["LOST", "WORKER_LOST"],
          ["COMPLETE", ""],
        ],
      );
    });

    it("comes back with its task where only its stream was cut", async () => {
      const proxy = await cuttable(20_000);
      loom.faults({ fault: "hang", action: "INSTALL", service: "back" });
      const { cluster, uid } = await create();
      await struck(uid, "INSTALL");
      await until("nothing else runs", async () => (await jobs().get(CALLER, cluster, 1)).runningCount === 1);
      proxy.cut();
      await until("the server knows", () => loom.server.hub.offers().length === 0);
      proxy.mend();
      await until("it is back", () => loom.server.hub.offers().length > 0);
      // The very task that ran before the cut hears the order that is given after it.
      await jobs().cancel(CALLER, cluster, 1, mutation());
      assert.equal((await loom.ended(cluster, 1)).state, "CANCELLED");
      const attempts = await jobs().listAttempts(CALLER, cluster, 1, (await task(cluster, "INSTALL", "back")).number);
      assert.deepEqual(
        attempts.map(({ state }) => state),
        ["CANCELLED"],
      );
      assert.equal(kills(uid).length, 1);
    });
  });

  describe("by hand", () => {
    let worker: HandWorker;

    beforeEach(async () => {
      await loom.restart({ provisioner: false });
      worker = openHandWorker(loom.server.hub);
    });
    after(() => loom.restart());

    it("refuses what a lost attempt tells late, and acknowledges it so that it is not sent again", async () => {
      const { cluster } = await create();
      const first = await worker.next("CREATE");
      // No heartbeat: the lease runs out.
      await until("the second attempt", async () => {
        loom.server.hub.sweep();
        return worker.assigned.some(({ lease }) => lease.task === first.lease.task && lease.attempt === 2);
      });
      worker.succeed(first);
      await until("the late answer is acknowledged", () =>
        worker.acknowledged.some(({ task: number, attempt }) => number === first.lease.task && attempt === 1),
      );
      assert.equal((await tasksOf(cluster))[first.lease.task]!.state, "RUNNING");
      worker.succeedAll();
      assert.equal((await loom.ended(cluster, 1)).state, "COMPLETE");
    });

    it("refuses what was handed out by a runner before", async () => {
      const { cluster } = await create();
      const first = await worker.next("CREATE");
      await loom.restart({ provisioner: false });
      worker = openHandWorker(loom.server.hub);
      const again = await worker.next("CREATE");
      assert.equal(again.lease.runner, first.lease.runner + 1);
      assert.equal(again.taskKey.length > 0, true);
      worker.succeed(first);
      await until("the late answer is acknowledged", () =>
        worker.acknowledged.some(({ runner }) => runner === first.lease.runner),
      );
      assert.equal((await tasksOf(cluster))[first.lease.task]!.state, "RUNNING");
      worker.succeedAll();
      assert.equal((await loom.ended(cluster, 1)).state, "COMPLETE");
    });

    it("skips a task that begins in the same moment, and its answer comes too late", async () => {
      worker.close();
      worker = openHandWorker(loom.server.hub, 1);
      const { cluster } = await create();
      const first = await worker.next("CREATE");
      const waiting = (await tasksOf(cluster)).find(
        ({ action, number }) => action === "CREATE" && number !== first.lease.task,
      )!;
      const looked = deferred();
      const goOn = deferred();
      loom.instance.hooks = {
        async beforeStatement(name, n) {
          // After it has looked at the task, before its first write.
          if (name !== "skipTask job" || n !== 7) return;
          looked.resolve();
          await goOn.promise;
        },
      };
      const skipping = jobs().skipTask(CALLER, cluster, 1, waiting.number, "not needed", mutation());
      await looked.promise;
      worker.succeed(first);
      const begun = await worker.next("CREATE");
      assert.equal(begun.lease.task, waiting.number);
      goOn.resolve();
      await skipping;
      await until("the task is skipped", async () => (await tasksOf(cluster))[waiting.number]!.state === "SKIPPED");
      assert.deepEqual(
        worker.revoked.map(({ task: number }) => number),
        [waiting.number],
      );
      worker.succeed(begun);
      worker.succeedAll();
      assert.equal((await loom.ended(cluster, 1)).state, "COMPLETE");
      const skipped = (await tasksOf(cluster))[waiting.number]!;
      assert.deepEqual([skipped.state, skipped.message], ["SKIPPED", "not needed"]);
    });
  });

  describe("a command in the moment a job ends", () => {
    /** Makes a cluster whose job ends as the faults say, and does something just before that end is stored. */
    async function atTheEnd(act: (cluster: string) => Promise<unknown>): Promise<{ cluster: string; uid: string }> {
      let acted: Promise<unknown> | undefined;
      let cluster = "";
      loom.instance.hooks = {
        async beforeStatement(name, n) {
          if (name !== "append OpCompleted" || n !== 1 || acted !== undefined) return;
          acted = act(cluster);
          await acted;
        },
      };
      const made = await create();
      cluster = made.cluster;
      await until("the end", () => acted !== undefined);
      await acted;
      return made;
    }
    const broken = async (cluster: string): Promise<number> =>
      (await tasksOf(cluster)).find(({ state }) => state === "FAILED")!.number;
    const failing = (): void => loom.faults({ fault: "fail", action: "INSTALL", service: "back", times: 3 });

    it("is obeyed: the failed task is retried", async () => {
      failing();
      const { cluster } = await atTheEnd(async (name) =>
        jobs().retryTask(CALLER, name, 1, await broken(name), mutation()),
      );
      assert.equal((await loom.ended(cluster, 1)).state, "COMPLETE");
    });

    it("is obeyed: the failed task is skipped", async () => {
      failing();
      const { cluster } = await atTheEnd(async (name) =>
        jobs().skipTask(CALLER, name, 1, await broken(name), "by hand", mutation()),
      );
      assert.equal((await loom.ended(cluster, 1)).state, "COMPLETE");
      assert.equal((await task(cluster, "INSTALL", "back")).state, "SKIPPED");
    });

    it("is obeyed: the job is cancelled", async () => {
      failing();
      const { cluster } = await atTheEnd((name) => jobs().cancel(CALLER, name, 1, mutation()));
      assert.equal((await loom.ended(cluster, 1)).state, "CANCELLED");
    });

    it("is obeyed: the job is paused, and fails when it is resumed", async () => {
      failing();
      const { cluster } = await atTheEnd((name) => jobs().pause(CALLER, name, 1, mutation()));
      await until("the runner has seen it", async () => (await stateOf(cluster)) === "PAUSED");
      await jobs().resume(CALLER, cluster, 1, mutation());
      assert.equal((await loom.ended(cluster, 1)).state, "FAILED");
    });

    it("changes nothing any more where all is done: the job is COMPLETE, whatever was asked", async () => {
      for (const verb of ["pause", "cancel"] as const) {
        const { cluster } = await atTheEnd((name) => jobs()[verb](CALLER, name, 1, mutation()));
        assert.equal((await loom.ended(cluster, 1)).state, "COMPLETE");
        assert.equal(await clusterState(cluster), "ACTIVE");
      }
    });

    it("is refused where the end came first", async () => {
      const { cluster } = await create();
      await loom.ended(cluster, 1);
      for (const verb of ["pause", "resume", "cancel", "retry"] as const) {
        await assert.rejects(jobs()[verb](CALLER, cluster, 1, mutation()), because("JOB_STATE"));
      }
    });
  });

  describe("two runners of one job", () => {
    /**
     * Freezes the present life before it says something of this name to the database, lets another one end the job, and
     * wakes the first one up: nothing may have changed.
     */
    async function freezeAt(
      statement: string,
      cluster: { cluster: string; uid: string; displayName: string },
      begin: () => Promise<void>,
    ): Promise<void> {
      const frozen = loom.instance;
      const awake = deferred();
      let isAsleep = false;
      frozen.hooks = {
        async beforeStatement(name) {
          if (name !== statement) return;
          isAsleep = true;
          await awake.promise;
        },
      };
      try {
        await begin();
        await until("it is asleep", () => {
          frozen.server.hub.sweep();
          return isAsleep;
        });
        const next = await loom.spawn();
        await until("the other one has ended the job", async () => {
          next.server.hub.sweep();
          return (await next.application.jobs.get(CALLER, cluster.cluster, 1)).state === "COMPLETE";
        });
        const witness = createWitness(loom.database, cluster.displayName);
        const before = await witness.look();
        awake.resolve();
        await until("the frozen one has given up", () => frozen.server.engine.size === 0);
        assert.deepEqual(await witness.look(), before);
        assert.deepEqual(witness.complaints, []);
        assert.deepEqual(loom.judge(cluster.uid).repeatedSuccesses, []);
        assert.deepEqual(loom.judge(cluster.uid).staleRuns, []);
        await next.stop();
      } finally {
        awake.resolve();
        await loom.restart();
      }
    }

    it("are one: what a frozen one wakes up to store changes nothing", async () => {
      loom.faults({ fault: "hang", action: "INSTALL", service: "back" });
      const cluster = await create();
      await struck(cluster.uid, "INSTALL");
      // It takes in that its worker is lost, and freezes before that is stored.
      await freezeAt("job step", cluster, () => loom.instance.replaceProvisioners());
    });

    it("are one: what a frozen one wakes up to record changes nothing", async () => {
      loom.faults({ fault: "hang", action: "CREATE", node: 1000 }, { fault: "fail", action: "CONFIRM", node: 1000 });
      const cluster = await create();
      await struck(cluster.uid, "CREATE");
      await freezeAt("append NodeChanged", cluster, () => loom.instance.replaceProvisioners());
    });
  });

  describe("an epoch that changes", () => {
    after(() => loom.restart());

    it("while a step is on its way stops the step", async () => {
      await loom.restart({ provisioner: false });
      const worker = openHandWorker(loom.server.hub);
      const { cluster, displayName } = await create();
      const first = await worker.next("CREATE");
      const bump = await loom.database.pool.connect();
      try {
        await bump.query("BEGIN");
        await bump.query("UPDATE shard_fence SET epoch = epoch + 1");
        const witness = createWitness(loom.database, displayName);
        const before = await witness.look();
        const waits = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        worker.succeed(first);
        await until(
          "the step waits, or is stored",
          async () =>
            (await loom.database.pool.query(waits)).rowCount !== 0 ||
            (await tasksOf(cluster))[first.lease.task]!.state !== "RUNNING",
        );
        await bump.query("COMMIT");
        await until("the runner has given up", () => loom.server.engine.size === 0);
        assert.deepEqual(await witness.look(), before);
      } finally {
        bump.release();
        await loom.database.pool.query("UPDATE shard_fence SET epoch = epoch - 1");
      }
      await loom.restart();
      assert.equal((await loom.ended(cluster, 1)).state, "COMPLETE");
    });
  });

  describe("secrets that cannot be read", () => {
    /** Twice is as if never. */
    const spoil = (): Promise<unknown> =>
      loom.database.pool.query("UPDATE secret SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1)");

    it("make the job wait and say so; it goes on when they can", async () => {
      loom.faults({ fault: "hang", action: "INSTALL", service: "back" });
      const { cluster, uid } = await create();
      await struck(uid, "INSTALL");
      await spoil();
      await loom.restart();
      await until("the job waits", async () => (await stateOf(cluster)) === "WAITING");
      assert.match((await jobs().get(CALLER, cluster, 1)).message, /secret .* was changed/);
      await spoil();
      assert.equal((await loom.ended(cluster, 1)).state, "COMPLETE");
    });

    it("do not keep a cluster from being deleted", async () => {
      const { cluster, uid } = await create();
      await loom.ended(cluster, 1);
      await spoil();
      await loom.application.clusters.delete(CALLER, cluster, mutation());
      assert.equal((await loom.ended(cluster, 2)).state, "COMPLETE");
      assert.equal(loom.judge(uid).live.size, 0);
      await spoil();
    });
  });

  describe("a plan that cannot be made again", () => {
    it("fails the job and forgets nothing of what it has made", async () => {
      loom.faults({ fault: "fail", action: "INSTALL", service: "back", permanent: true, times: 3 });
      const { cluster, uid } = await create();
      await loom.ended(cluster, 1);
      const nodes = await loom.application.clusters.listNodes(CALLER, cluster, {
        pageSize: 0,
        pageToken: "",
        showDeleted: false,
      });
      await loom.database.pool.query(
        `UPDATE job SET planned = planned || '{"digest": "another"}' WHERE state = 'FAILED' AND number = 1 AND cluster_id = (SELECT id FROM cluster WHERE uid = $1)`,
        [uid],
      );
      await jobs().retry(CALLER, cluster, 1, mutation());
      const ended = await loom.ended(cluster, 1);
      assert.deepEqual([ended.state, ended.reason], ["FAILED", "INTERNAL"]);
      assert.equal(await clusterState(cluster), "INCOMPLETE");
      assert.deepEqual(
        await loom.application.clusters.listNodes(CALLER, cluster, { pageSize: 0, pageToken: "", showDeleted: false }),
        nodes,
      );
      const { number } = await loom.application.clusters.delete(CALLER, cluster, mutation());
      assert.equal((await loom.ended(cluster, number)).state, "COMPLETE");
      assert.equal(loom.judge(uid).live.size, 0);
    });
  });

  describe("watches", () => {
    it("go on after a death where they were, and see the end", async () => {
      loom.faults({ fault: "hang", action: "INSTALL", service: "back" });
      const { cluster, uid } = await create();
      await struck(uid, "INSTALL");
      let token = "";
      const stop = new AbortController();
      for await (const { value, resumeToken } of jobs().watch(CALLER, cluster, 1, "", stop.signal)) {
        token = resumeToken;
        if (value.tasks.some(({ action, state }) => action === "INSTALL" && state === "RUNNING")) break;
      }
      await loom.restart();
      const seen: string[] = [];
      for await (const { value } of jobs().watch(CALLER, cluster, 1, token, AbortSignal.timeout(30_000))) {
        if (value.job !== undefined) seen.push(value.job.state);
      }
      assert.equal(seen.at(-1), "COMPLETE");
      assert.deepEqual(
        seen.slice(0, -1).filter((state) => state !== "RUNNING"),
        [],
      );
    });
  });
});

interface Cutter {
  readonly address: string;
  cut(): void;
  mend(): void;
  close(): Promise<void>;
}

/** A unix socket in front of a server whose connections can be cut. */
async function startCutter(target: string, path: string): Promise<Cutter> {
  const sockets = new Set<Socket>();
  let isCut = false;
  const cutter = {
    address: `unix:${path}`,
    cut() {
      isCut = true;
      for (const socket of sockets) socket.destroy();
    },
    mend: () => void (isCut = false),
    close: () =>
      new Promise<void>((resolve) => {
        cutter.cut();
        server.close(() => resolve());
      }),
  };
  const server = createServer((client) => {
    if (isCut) return void client.destroy();
    const upstream = connect(target.replace(/^unix:/, ""));
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return cutter;
}
