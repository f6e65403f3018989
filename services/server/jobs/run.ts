/**
 * The runner of one job: the only writer of the job's tasks, in one loop. Each turn takes in everything that happened
 * since the last one (results, lost leases, commands, time), starts what can be started, and stores all of it in one
 * statement guarded by the shard's epoch and the runner's number. Only then are workers told. So a turn is whole or it
 * never was, and while one turn is being stored the next one collects.
 */
import { LoomError } from "../../common/errors.js";
import type { EndedAttempt, NodeProgress } from "../store/step.js";
import { storable } from "../store/storable.js";
import { leaseKey, type Lease, type TaskResult } from "../workers/types.js";
import type { Slot } from "../workers/hub.js";
import type { JobControl } from "../records/types.js";
import { completedBody } from "./completion.js";
import { createRunMachines } from "./machines.js";
import type { JobRun, RunParts, RunServices } from "./run-parts.js";
import { MACHINE_ACTIONS } from "../plan/types.js";
import { isEnded, type JobState } from "./states.js";

/** A task in a worker's hands. */
interface Started {
  readonly lease: Lease;
  readonly startedAt: number;
  readonly worker: string;
  /** Handed out for nothing but that its script is ended. */
  readonly isEnding?: boolean;
}

/** Milliseconds between looks at the clock and at the commands, where nothing else wakes the runner. */
const IDLE_MS = 5000;

/** A task to be handed to a worker once that is stored. */
interface Handed {
  readonly slot: Slot;
  readonly task: number;
  readonly lease: Lease;
}

export function startJobRun(parts: RunParts, services: RunServices): JobRun {
  const { key, runner, job, nodes, progress, assignments, provider } = parts;
  const { store, hub, log } = services;
  let controlSeq = parts.controlSeq;
  let state: JobState = job.state;
  /** Tasks whose provider could not be reached, with what it said, until they start again. */
  const unreachable = new Map<number, string>();
  /** What was said last of tasks whose last try was such a one. */
  const silences = new Map<number, string>();
  let controlsDue = true;
  let stopping = false;
  let stepNeeded = true;
  let resume: (() => void) | undefined;
  const results: TaskResult[] = [];
  const losses: Lease[] = [];
  const running = new Map<number, Started>();
  /** Tasks on nodes whose worker was lost and that were not started again: their scripts may still run. */
  const unattended = new Map<number, Started>();
  /** Nodes whose machine is made again: what ends on them is the old one. */
  const remade = new Set(job.kind === "REPLACE_NODE" || job.kind === "REPAIR" ? job.change.nodes : []);
  const leaving = new Set(job.kind === "REMOVE_NODES" ? job.change.nodes : []);
  const machines = createRunMachines(nodes, remade, () => assignments.changed());
  const interrupted = [...parts.interrupted];
  let isFirstTurn = true;

  const wake = (): void => {
    stepNeeded = true;
    resume?.();
  };

  const run: JobRun = {
    key,
    runner,
    slotsFreed: wake,
    result({ lease, ...rest }) {
      // What a script prints or a plugin reports may be any bytes; a step that cannot be stored would end the runner.
      results.push({ lease, ...storable(rest) });
      wake();
    },
    lost(lease) {
      losses.push(lease);
      wake();
    },
    wake() {
      controlsDue = true;
      wake();
    },
    async stop() {
      stopping = true;
      wake();
      await run.done;
    },
    done: undefined as never,
  };

  /** Resolves when there is something to do, at the latest after IDLE_MS. */
  function waitForWork(): Promise<void> {
    if (stepNeeded) return Promise.resolve();
    const next = progress.nextWake;
    const delay = next === undefined ? IDLE_MS : Math.min(IDLE_MS, Math.max(0, next - services.now()));
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        resume = undefined;
        resolve();
      };
      const timer = setTimeout(() => {
        controlsDue = true;
        finish();
      }, delay);
      resume = finish;
    });
  }

  /** Takes one result in. What was not asked for by this runner, or was answered before, changes nothing. */
  async function takeResult(result: TaskResult, attempts: EndedAttempt[]): Promise<void> {
    const { task } = result.lease;
    const current = running.get(task);
    if (current === undefined || leaseKey(current.lease) !== leaseKey(result.lease)) return;
    running.delete(task);
    if (current.isEnding === true) return takeEnded(current, attempts);
    const now = services.now();
    const ended = {
      task,
      number: result.lease.attempt,
      worker: current.worker,
      startedAt: current.startedAt,
      endedAt: now,
      exitCode: result.exitCode,
    };
    if (result.succeeded) {
      progress.succeed(task, now);
      machines.succeeded(progress.nodeOf(task), progress.actionOf(task), result);
      attempts.push({ ...ended, state: "COMPLETE", reason: "", message: "" });
      return;
    }
    const why = { reason: result.reason, message: result.message };
    const wasCancelled = state === "CANCELLING";
    // A machine that is to go may be silent for ever: there tries are counted.
    const isSilence = result.unreachable && !isFarewell(task);
    // Silence may last for weeks, and a row for every look at it would say no more than the first one.
    if (!isSilence || silences.get(task) !== result.message)
      attempts.push({ ...ended, ...why, state: wasCancelled ? "CANCELLED" : "FAILED" });
    silences.delete(task);
    if (isSilence) {
      silences.set(task, result.message);
      unreachable.set(task, result.message);
      progress.defer(task, why, now, services.unreachableMs);
    } else if (progress.actionOf(task) === "CONFIRM" && !wasCancelled) {
      await recreate(task, why, now);
    } else {
      progress.fail(task, { ...why, permanent: result.permanent }, now);
    }
    if (progress.stateOf(task) !== "FAILED") return;
    // What is done on a machine before it goes is best effort: it may be broken, and that may be why it goes.
    if (isFarewell(task)) progress.skip(task, result.message, now);
    else machines.update(progress.nodeOf(task), { state: "FAILED", message: result.message });
  }

  function isFarewell(task: number): boolean {
    const action = progress.actionOf(task);
    if (job.kind === "DELETE") return action !== "DELETE";
    const node = progress.nodeOf(task);
    return (action === "STOP" || action === "REMOVE") && (leaving.has(node) || remade.has(node));
  }

  /** A machine that cannot be confirmed is made again; its new incarnation is in the log before anything is made. */
  async function recreate(task: number, why: { reason: string; message: string }, now: number): Promise<void> {
    const node = nodes.get(progress.nodeOf(task))!;
    // Without a machine this incarnation was never made: a runner before this one has raised it already.
    if (!progress.recreate(task, why, now) || node.machine === "") return;
    await services.replaceNode(key, runner, node.number, node.incarnation + 1);
    machines.update(node.number, {
      incarnation: node.incarnation + 1,
      state: "CREATING",
      machine: "",
      addresses: {},
      results: {},
      message: why.message,
    });
  }

  function takeLoss(lease: Lease, attempts: EndedAttempt[]): void {
    const current = running.get(lease.task);
    if (current === undefined || leaseKey(current.lease) !== leaseKey(lease)) return;
    running.delete(lease.task);
    lose(current, `The worker ${current.worker} was lost before it told how the task ended.`, attempts);
  }

  /** A script whose worker is lost goes on without it. That of a cancelled job has to be ended before the task has. */
  function lose(lost: Started, message: string, attempts: EndedAttempt[]): void {
    const { task } = lost.lease;
    if (!MACHINE_ACTIONS.has(progress.actionOf(task))) unattended.set(task, lost);
    if (state === "CANCELLING" && unattended.has(task)) return;
    settleLoss(lost, message, attempts);
  }

  function settleLoss({ lease, worker, startedAt }: Started, message: string, attempts: EndedAttempt[]): void {
    const now = services.now();
    const why = { reason: "WORKER_LOST", message };
    progress.lose(lease.task, why, now);
    attempts.push({
      ...why,
      task: lease.task,
      number: lease.attempt,
      state: "LOST",
      worker,
      exitCode: 0,
      startedAt,
      endedAt: now,
    });
  }

  /** Nothing of the script runs any more, as far as anybody can see to it. */
  function takeEnded(ended: Started, attempts: EndedAttempt[]): void {
    const { task } = ended.lease;
    unattended.delete(task);
    // One that was lost before the job was cancelled has its end already.
    if (progress.stateOf(task) === "RUNNING")
      settleLoss(ended, "Its worker was lost; its script was ended when the job was cancelled.", attempts);
  }

  /** A machine that was found missing is made again where this job made it; its new incarnation is in the log first. */
  async function replaceMissing(tasks: readonly number[]): Promise<void> {
    const missing = tasks.filter(
      (task) => progress.stateOf(task) === "FAILED" && progress.now(task).reason === "MACHINE_MISSING",
    );
    for (const number of new Set(missing.map((task) => progress.nodeOf(task)))) {
      const node = nodes.get(number);
      // Without a machine this incarnation was never made: a runner before this one has raised it already.
      if (node === undefined || !progress.rebuild(number) || node.machine === "") continue;
      await services.replaceNode(key, runner, number, node.incarnation + 1);
      machines.update(number, {
        incarnation: node.incarnation + 1,
        state: "CREATING",
        machine: "",
        addresses: {},
        results: {},
        message: "",
      });
    }
  }

  async function obey(control: JobControl, attempts: EndedAttempt[]): Promise<void> {
    const now = services.now();
    switch (control.verb) {
      case "pause":
      case "resume":
        return;
      case "cancel":
        progress.cancel(now);
        return;
      case "retry":
        await replaceMissing(progress.tasksIn("FAILED"));
        return progress.retryAll();
      case "retryTask":
        await replaceMissing([control.task!]);
        return progress.retry(control.task!);
      case "skipTask":
        abandon(control.task!, attempts, now);
        progress.skip(control.task!, storable(control.reason ?? ""), now);
    }
  }

  /** A task that began just before it was to be skipped is not waited for; whatever it answers comes too late. */
  function abandon(task: number, attempts: EndedAttempt[], now: number): void {
    const current = running.get(task);
    if (current === undefined) return;
    running.delete(task);
    hub.revoke(current.lease);
    const why = { reason: "CANCELLED", message: "The task was skipped." };
    progress.defer(task, why, now, 0);
    attempts.push({
      ...why,
      task,
      number: current.lease.attempt,
      state: "CANCELLED",
      worker: current.worker,
      exitCode: 0,
      startedAt: current.startedAt,
      endedAt: now,
    });
  }

  async function takeControls(attempts: EndedAttempt[]): Promise<void> {
    controlsDue = false;
    const found = await services.readControls(key, controlSeq);
    state = found.state;
    for (const { seq, body } of found.controls) {
      await obey(body, attempts);
      controlSeq = seq;
    }
    // Again at every look: a worker whose stream was broken has not heard it.
    if (state === "CANCELLING") for (const { lease } of running.values()) hub.revoke(lease);
  }

  function leaseOf(task: number, attempt: number): Lease {
    return { shard: key.shard, epoch: key.epoch, cluster: key.cluster, job: key.job, task, runner, attempt };
  }

  /** Hands out tasks of a cancelled job whose scripts may still run, for nothing but to end them. */
  function endUnattended(): Handed[] {
    const tasks = [...unattended.values()].filter(({ lease }) => !running.has(lease.task));
    if (tasks.length === 0) hub.leave(run);
    const slots = tasks.length === 0 ? [] : hub.take(run, provider.served, tasks.length);
    return slots.map((slot, index) => {
      const lost = tasks[index]!;
      const lease = { ...lost.lease, runner };
      running.set(lease.task, { ...lost, lease, isEnding: true });
      return { slot, task: lease.task, lease };
    });
  }

  /** Starts what can be started and returns what to tell which worker once it is stored. */
  function startTasks(): Handed[] {
    if (state === "CANCELLING" && !stopping) return endUnattended();
    if (state !== "RUNNING" || stopping) {
      hub.leave(run);
      return [];
    }
    const wanted = progress.readyCount;
    if (wanted === 0) {
      hub.leave(run);
      return [];
    }
    const slots = hub.take(run, provider.served, wanted);
    const tasks = progress.takeReady(slots.length);
    for (const unused of slots.slice(tasks.length)) unused.release();
    return tasks.map((task, index) => {
      const slot = slots[index]!;
      const now = services.now();
      progress.start(task, slot.worker, now);
      unreachable.delete(task);
      unattended.delete(task);
      const lease = leaseOf(task, progress.attemptOf(task));
      running.set(task, { lease, startedAt: now, worker: slot.worker });
      return { slot, task, lease };
    });
  }

  /** What the job as a whole waits for: it has nothing else to do. */
  function waitingFor(): string {
    if (progress.count("RUNNING") > 0) return "";
    for (const [task, message] of unreachable) if (progress.stateOf(task) === "RETRYING") return message;
    if (progress.count("READY") === 0 || hub.isServed(provider.served)) return "";
    const who =
      provider.label === "" ? "connected provisioner" : `connected provisioner with the label ${provider.label}`;
    return `No ${who} offers provider type "${provider.type}". Start one that does; the job goes on by itself.`;
  }

  /**
   * Stores the turn; waits for the database however long it takes, since the turn can be stored twice without harm. Only
   * who stops does not wait: the next start finds what the turn knew.
   */
  async function storeTurn(attempts: readonly EndedAttempt[], changedNodes: readonly NodeProgress[]): Promise<void> {
    const tasks = progress.takeChanges();
    const step = {
      runner,
      controlSeq,
      attempts,
      tasks,
      nodes: changedNodes,
      waitingFor: waitingFor(),
      counts: {
        tasks: progress.taskCount,
        done: progress.count("COMPLETE") + progress.count("SKIPPED"),
        running: progress.count("RUNNING"),
        retrying: progress.count("RETRYING"),
        failed: progress.count("FAILED"),
      },
    };
    for (let delay = 50; ; delay = Math.min(2000, delay * 2)) {
      try {
        return await store.save(key, step);
      } catch (thrown) {
        const error = LoomError.from(thrown);
        if (
          stopping ||
          (error.reason !== "DATABASE_UNAVAILABLE" &&
            error.reason !== "OUTCOME_UNKNOWN" &&
            error.reason !== "DISK_FULL")
        )
          throw error;
        log.warn({ reason: error.reason, cluster: String(key.cluster), job: key.job }, "a job waits for the database");
        await new Promise((resolve) => setTimeout(resolve, delay));
      }
    }
  }

  /** Tasks of a runner before this one start again; what they did is found by token and by task key. */
  function takeInterrupted(attempts: EndedAttempt[]): void {
    const now = services.now();
    for (const { number, attempt, worker, startedAt } of interrupted.splice(0)) {
      lose(
        { lease: leaseOf(number, attempt), worker, startedAt: startedAt ?? now },
        "Loom was stopped before the task told how it ended.",
        attempts,
      );
    }
    if (state === "CANCELLING") progress.cancel(now);
  }

  async function turn(): Promise<"ended" | undefined> {
    stepNeeded = false;
    const attempts: EndedAttempt[] = [];
    if (isFirstTurn) takeInterrupted(attempts);
    isFirstTurn = false;
    const seqBefore = controlSeq;
    if (controlsDue) await takeControls(attempts);
    const taken = results.splice(0);
    for (const result of taken) await takeResult(result, attempts);
    for (const lease of losses.splice(0)) takeLoss(lease, attempts);
    progress.wake(services.now());
    const started = startTasks();
    const changedNodes = machines.takeChanges();
    if (
      attempts.length > 0 ||
      started.length > 0 ||
      changedNodes.length > 0 ||
      controlSeq !== seqBefore ||
      progress.hasChanges
    ) {
      try {
        await storeTurn(attempts, changedNodes);
      } catch (thrown) {
        for (const { slot } of started) slot.release();
        throw thrown;
      }
      services.changed(key.cluster);
    }
    for (const result of taken) hub.settle(result.lease);
    for (const { slot, task, lease } of started) hand(slot, task, lease);
    return (await finish()) ? "ended" : undefined;
  }

  function hand(slot: Slot, task: number, lease: Lease): void {
    try {
      slot.assign(
        assignments.build(lease, {
          node: progress.nodeOf(task),
          service: progress.serviceOf(task),
          action: progress.actionOf(task),
        }),
        running.get(task)?.isEnding,
      );
    } catch (thrown) {
      const error = LoomError.from(thrown);
      slot.release();
      run.result({
        lease,
        succeeded: false,
        reason: error.reason,
        message: error.message,
        exitCode: 0,
        permanent: true,
        addresses: {},
        machine: "",
        results: {},
        unreachable: false,
      });
    }
  }

  async function finish(): Promise<boolean> {
    if (running.size > 0 || isEnded(state)) return isEnded(state);
    if (state === "CANCELLING" && unattended.size > 0) return false;
    if (state === "PAUSED" && !progress.complete) return false;
    const isCancelled = state === "CANCELLING" && !progress.complete;
    if (!progress.complete && !isCancelled && !progress.stuck) return false;
    const outcome = progress.complete ? "COMPLETE" : isCancelled ? "CANCELLED" : "FAILED";
    // Whoever follows the logs stops at the end of the job.
    await services.flushLogs();
    const isAppended = await services.complete(key, runner, completedBody(job, outcome, progress, nodes), controlSeq);
    if (isAppended) services.changed(key.cluster);
    else run.wake();
    return isAppended;
  }

  async function loop(): Promise<"ended" | "lost" | "stopped"> {
    try {
      while (!stopping) {
        if ((await turn()) === "ended") return "ended";
        await waitForWork();
      }
      return "stopped";
    } catch (thrown) {
      const error = LoomError.from(thrown);
      log[error.reason === "FENCED" ? "info" : "error"](
        { err: thrown, cluster: String(key.cluster), job: key.job, runner },
        "a runner gives its job up",
      );
      return "lost";
    } finally {
      hub.leave(run);
    }
  }

  return Object.assign(run, { done: loop() });
}
