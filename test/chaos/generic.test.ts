/**
 * What holds of every operation: each task may run twice, each may fail and be retried, and Loom may die before and
 * after every write. The end is the same each time, and the journal of the simulated provider is the judge of it.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { isEnded } from "../../services/server/jobs/states.js";
import type { TaskView } from "../../services/server/views.js";
import { CALLER, Died, mutation, useLoom, type Instance } from "../support/loom.js";
import { until } from "../support/wait.js";
import { createWitness, type Sight, type Witness } from "../support/witness.js";
import { createRandom } from "../bench/random.js";
import {
  EVERY_MOMENT,
  IS_LONG,
  OPERATIONS,
  OPERATIONS_UNCONFIRMED,
  type Accepted,
  type Operation,
} from "./operations.js";

describe("every operation", function () {
  this.timeout(IS_LONG ? 1_800_000 : 180_000);
  const loom = useLoom();
  let cases = 0;
  const freshName = (): string => `c${(cases += 1)}`;

  beforeEach(async () => {
    loom.faults();
    // A test that failed may have left it dead.
    if (loom.instance.isDead) await loom.restart();
  });

  /** What of a cluster is the same in every run of the same operation. */
  function place({ cluster, jobs, tasks, nodes }: Sight): object {
    return {
      cluster: [cluster.state, cluster.nodeCount, cluster.layout],
      jobs: jobs.map(({ number, kind, state, taskCount, doneCount, failedCount }) => [
        number,
        kind,
        state,
        taskCount,
        doneCount,
        failedCount,
      ]),
      tasks: tasks.map(({ number, node, service, action, state }) => [number, node, service, action, state]),
      nodes: nodes.map(({ number, state, services, message }) => [number, state, services, message]),
    };
  }

  /** Nothing was made twice, nothing ran twice, nothing is left, nothing went back. */
  function assertOrder(operation: Operation, sight: Sight, witness: Witness): void {
    const verdict = loom.judge(sight.cluster.uid);
    assert.deepEqual(verdict.doubleCreations, []);
    const { overlaps, remakes } = operation;
    assert.deepEqual(verdict.crowdedNodes, overlaps === true ? [`${sight.cluster.uid}/${remakes}`] : []);
    assert.deepEqual(verdict.repeatedSuccesses, []);
    assert.deepEqual(verdict.staleRuns, []);
    assert.deepEqual(verdict.lostRuns, []);
    assert.deepEqual(
      [...verdict.runs].filter(([, count]) => count !== 1),
      [],
    );
    assert.equal(verdict.live.size, operation.machines);
    assert.equal(sight.cluster.state, operation.clusterState);
    assert.equal(sight.nodes.filter((node) => node.state === "UP").length, operation.machines);
    assert.deepEqual(witness.complaints, []);
  }

  interface Begun extends Accepted {
    readonly displayName: string;
    readonly witness: Witness;
  }

  /** Starts the operation, with faults where some are given. */
  async function begin(operation: Operation, faults: Operation["faults"] = []): Promise<Begun> {
    const displayName = freshName();
    const cluster = await operation.prepare(loom, displayName);
    loom.faults(...faults);
    const witness = createWitness(loom.database, displayName);
    loom.instance.hooks = { afterCommit: async () => void (await witness.look()) };
    const accepted = await operation.ask(loom.application, { displayName, cluster }, randomUUID());
    return { ...accepted, displayName, witness };
  }

  /** The operation when nothing goes wrong, once for all tests. */
  const plain = new Map<Operation, Sight>();
  async function undisturbed(operation: Operation): Promise<Sight> {
    const known = plain.get(operation);
    if (known !== undefined) return known;
    const { cluster, job, witness } = await begin(operation);
    assert.equal((await loom.ended(cluster, job)).state, "COMPLETE");
    const sight = (await witness.look())!;
    assertOrder(operation, sight, witness);
    plain.set(operation, sight);
    return sight;
  }

  const nameOf = ({ action, service, node }: TaskView): string =>
    `${action}${service === "" ? "" : ` of ${service}`} on node ${node}`;
  const ruleFor = ({ action, service, node }: TaskView): { action: string; node: number; service?: string } => ({
    action,
    node,
    ...(service === "" ? {} : { service }),
  });

  for (const operation of OPERATIONS) {
    describe(operation.name, () => {
      it("ends the same where the answer of every task is lost after its effect", async () => {
        const expected = await undisturbed(operation);
        const { cluster, job, witness } = await begin(
          operation,
          expected.tasks.map((task) => ({ fault: "loseAnswer", ...ruleFor(task) })),
        );
        const uid = (await witness.look())!.cluster.uid;
        let lost = 0;
        const ended = await loom.ended(cluster, job, async () => {
          // A script whose client hears nothing goes on without it; its provisioner has to be lost for another try.
          const struck = loom.journal(uid).filter((line) => line.kind === "fault" && line.taskKey !== undefined).length;
          if (struck > lost) await loom.instance.replaceProvisioners();
          lost = struck;
        });
        assert.equal(ended.state, "COMPLETE");
        const sight = (await witness.look())!;
        assert.deepEqual(place(sight), place(expected));
        assertOrder(operation, sight, witness);
        // Where the answer of a CONFIRM is lost the machine is made again, and it is that delete whose answer is lost.
        const isStruck = ({ action, node }: TaskView): boolean => action !== "DELETE" || node !== operation.remakes;
        for (const task of sight.tasks.filter(isStruck)) assert.ok(task.attempt >= 2, `${nameOf(task)} ran once only`);
      });

      it("fails by name where a task fails for good, forgets nothing, and a retry ends the same", async () => {
        const expected = await undisturbed(operation);
        for (const task of expected.tasks) {
          if (operation.isBestEffort?.(task) === true) await failAndGoOn(operation, task);
          else await failAndRetry(operation, expected, task);
        }
      });
    });
  }

  async function failAndGoOn(operation: Operation, broken: TaskView): Promise<void> {
    const { cluster, job, witness } = await begin(operation, [{ fault: "fail", times: "always", ...ruleFor(broken) }]);
    assert.equal((await loom.ended(cluster, job)).state, "COMPLETE", nameOf(broken));
    const sight = (await witness.look())!;
    for (const task of sight.tasks)
      assert.equal(task.state, nameOf(task) === nameOf(broken) ? "SKIPPED" : "COMPLETE", nameOf(task));
    assert.match(sight.tasks.find((task) => nameOf(task) === nameOf(broken))!.message, /exit code 1/);
    assertOrder(operation, sight, witness);
  }

  async function failAndRetry(operation: Operation, expected: Sight, broken: TaskView): Promise<void> {
    const { cluster, job, witness } = await begin(operation, [{ fault: "fail", times: "always", ...ruleFor(broken) }]);
    const ended = await loom.ended(cluster, job);
    assert.equal(ended.state, "FAILED", nameOf(broken));
    assert.equal(ended.reason, "TASK_FAILED");
    assert.ok(
      ended.message.startsWith(`${nameOf(broken)} failed: `),
      `${ended.message} is not about ${nameOf(broken)}`,
    );
    const failed = (await witness.look())!;
    assert.deepEqual(failed.tasks.filter((task) => task.state === "FAILED").map(nameOf), [nameOf(broken)]);
    assert.notEqual(failed.cluster.state, "TERMINATED");
    assertRemembered(failed);
    // A delete that stops half way leaves a smaller cluster, and what is gone for good keeps the size it had last.
    let { cluster: last } = expected;
    if (operation.name === "delete") {
      const { nodeCount, layout } = failed.cluster;
      assert.equal(nodeCount, failed.nodes.filter(({ state }) => state !== "DELETED").length);
      last = { ...last, nodeCount, layout };
    }
    loom.faults();
    witness.commanded();
    const retryId = randomUUID();
    await loom.application.jobs.retry(CALLER, cluster, job, mutation(retryId));
    await loom.application.jobs.retry(CALLER, cluster, job, mutation(retryId));
    const retried = await loom.ended(cluster, job);
    assert.equal(retried.state, "COMPLETE", `${nameOf(broken)}: ${retried.message}`);
    const sight = (await witness.look())!;
    assert.deepEqual(place(sight), place({ ...expected, cluster: last }), nameOf(broken));
    assertOrder(operation, sight, witness);
    for (const [index, task] of failed.tasks.entries()) {
      const isAgain = task.action === "CREATE" && broken.action === "CONFIRM" && task.node === broken.node;
      if (task.state === "COMPLETE" && !isAgain)
        assert.equal(sight.tasks[index]!.attempt, task.attempt, `${nameOf(task)} was repeated`);
    }
  }

  /** Every machine of the journal belongs to a node that is listed and not deleted. */
  function assertRemembered(sight: Sight): void {
    const listed = new Set(sight.nodes.filter((node) => node.state !== "DELETED").map((node) => node.number));
    for (const { node } of loom.judge(sight.cluster.uid).live.values())
      assert.ok(listed.has(node), `the machine of node ${node} was forgotten`);
  }

  /** Looks at the world as it is; to die before one of these is to die after the write before. */
  const LOOKS = new Set(["read", "open jobs"]);

  /**
   * Begins the operation and lets Loom die at the n-th write, and each further life at the moment that is named for
   * it; the client repeats its request in every life. False where the operation was over before the first death.
   */
  async function dieAt(
    operation: Operation,
    expected: Sight,
    when: "before" | "after",
    moments: readonly number[],
  ): Promise<boolean> {
    const displayName = freshName();
    const cluster = await operation.prepare(loom, displayName);
    loom.faults(...(operation.faults ?? []));
    const witness = createWitness(loom.database, displayName);
    const requestId = randomUUID();
    let acknowledged: Accepted | undefined;
    let deaths = 0;
    let what = "";
    for (const moment of [...moments, Infinity]) {
      const life: Instance = loom.instance;
      let writes = 0;
      let isOver = false;
      const count = (name: string): void => {
        if (isOver || (writes += 1) !== moment) return;
        what += `death ${when} write ${moment} (${name}); `;
        void life.crash();
      };
      life.hooks = {
        beforeStatement: (name) => (when === "before" && !LOOKS.has(name) ? count(name) : undefined),
        async afterCommit(name) {
          await witness.look();
          if (when === "after" && !life.isDead) count(name);
        },
      };
      try {
        const answer = await operation.ask(life.application, { displayName, cluster }, requestId);
        assert.deepEqual(answer, acknowledged ?? answer, what);
        acknowledged = answer;
      } catch (thrown) {
        if (!(thrown instanceof Died)) throw thrown;
      }
      await until(
        `death, or the end of the operation (${what})`,
        async () => {
          if (life.isDead) return true;
          const job = (await witness.look())?.jobs.find(({ number }) => number === acknowledged?.job);
          return job !== undefined && isEnded(job.state);
        },
        30_000,
      );
      isOver = true;
      life.hooks = {};
      if (!life.isDead) break;
      deaths += 1;
      await loom.restart();
    }
    const sight = (await witness.look())!;
    assert.deepEqual(place(sight), place(expected), what);
    assertOrder(operation, sight, witness);
    return deaths > 0;
  }

  for (const operation of [...OPERATIONS, ...OPERATIONS_UNCONFIRMED]) {
    const undisturbedLike = (): Promise<Sight> => undisturbed(operation.like ?? operation);

    for (const when of ["after", "before"] as const) {
      it(`${operation.name} ends the same where Loom dies ${when} any write`, async () => {
        const expected = await undisturbedLike();
        // To die before a write is mostly to die after the one before it: of most operations some of them are enough.
        const step = IS_LONG || when === "after" || EVERY_MOMENT.includes(operation) ? 1 : 4;
        let nth = 1;
        while (await dieAt(operation, expected, when, [nth])) nth += step;
        assert.ok(nth > 5, `only ${nth} writes`);
      });
    }

    it(`${operation.name} ends the same where Loom dies again while it recovers`, async () => {
      const expected = await undisturbedLike();
      const random = createRandom(7);
      let nth = 1;
      while (await dieAt(operation, expected, "after", [nth, random.whole(1, 8), random.whole(1, 8)]))
        nth += IS_LONG ? 1 : 2;
    });
  }
});
