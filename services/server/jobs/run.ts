/**
 * The runner of one job: the only writer of the job's tasks, in one loop. Each turn takes in everything that happened
 * since the last one (results, lost leases, commands, time), starts what can be started, and stores all of it in one
 * statement guarded by the shard's epoch and the runner's number. Only then are workers told. So a turn is whole or it
 * never was, and while one turn is being stored the next one collects.
 */
import { LoomError } from "../../common/errors.js";
import type { Logger } from "../../common/log.js";
import type { JobProgressStore } from "../store/job-progress.js";
import type { EndedAttempt, JobKey, NodeProgress } from "../store/step.js";
import { storable } from "../store/storable.js";
import { leaseKey, type Lease, type TaskResult } from "../workers/types.js";
import type { Slot, SlotClient, SlotHub } from "../workers/hub.js";
import type { JobControl, NodeOutcome, OpCompleted } from "../records/types.js";
import type { AssignmentBuilder } from "./assignment.js";
import type { RunJob, RunNode } from "./cluster-state.js";
import type { JobProgress } from "./progress.js";
import { MACHINE_ACTIONS } from "../plan/types.js";
import { isEnded, type JobState } from "./states.js";

/** What a runner needs of the store and of the rest of the server. */
export interface RunServices {
  readonly store: JobProgressStore;
  readonly hub: SlotHub;
  readonly log: Logger;
  /** Milliseconds before another try where a provider could not be reached. */
  readonly unreachableMs: number;
  /** Milliseconds since 1970. */
  now(): number;
  /** The job's state and the control records after a sequence number. */
  readControls(
    key: JobKey,
    after: bigint,
  ): Promise<{ state: JobState; controls: readonly { seq: bigint; body: JobControl }[] }>;
  /** Appends NodeChanged, unless another runner has taken over. */
  replaceNode(key: JobKey, runner: number, node: number, incarnation: number): Promise<unknown>;
  /** Appends OpCompleted, unless another runner has taken over; false where a command came in after `controlSeq`. */
  complete(key: JobKey, runner: number, body: OpCompleted, controlSeq: bigint): Promise<boolean>;
  /** Resolves when everything that scripts have printed so far is stored. */
  flushLogs(): Promise<void>;
  /** Something of this cluster has changed. */
  changed(cluster: bigint): void;
}

export interface RunParts {
  readonly key: JobKey;
  readonly runner: number;
  readonly controlSeq: bigint;
  readonly job: RunJob;
  readonly nodes: ReadonlyMap<number, RunNode>;
  readonly progress: JobProgress;
  readonly assignments: AssignmentBuilder;
  readonly providerType: string;
  /** Tasks that another runner had started: nobody will tell how they ended. */
  readonly interrupted: readonly {
    readonly number: number;
    readonly attempt: number;
    readonly worker: string;
    readonly startedAt: number | undefined;
  }[];
}

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

export interface JobRun extends SlotClient {
  readonly key: JobKey;
  readonly runner: number;
  /** Commands may have been given. */
  wake(): void;
  /** Takes nothing new and resolves when the turn under way is stored. */
  stop(): Promise<void>;
  /** Resolves when the job has ended or another runner has it. */
  readonly done: Promise<"ended" | "lost" | "stopped">;
}

export function startJobRun(parts: RunParts, services: RunServices): JobRun {
  const { key, runner, job, nodes, progress, assignments, providerType } = parts;
  const { store, hub, log } = services;
  let controlSeq = parts.controlSeq;
  let state: JobState = job.state;
  /** Tasks whose provider could not be reached, with what it said, until they start again. */
  const unreachable = new Map<number, string>();
  let controlsDue = true;
  let stopping = false;
  let stepNeeded = true;
  let resume: (() => void) | undefined;
  const results: TaskResult[] = [];
  const losses: Lease[] = [];
  const running = new Map<number, Started>();
  /** Tasks on nodes whose worker was lost and that were not started again: their scripts may still run. */
  const unattended = new Map<number, Started>();
  const touched = new Set<number>();
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

  function updateNode(number: number, changes: Partial<Omit<RunNode, "number">>): void {
    const node = nodes.get(number);
    if (node === undefined) return;
    Object.assign(node, changes);
    touched.add(number);
    if (changes.addresses !== undefined || changes.state === "DELETED") assignments.changed();
  }

  function nodeSucceeded(task: number, result: TaskResult): void {
    const number = progress.nodeOf(task);
    const node = nodes.get(number);
    if (node === undefined) return;
    switch (progress.actionOf(task)) {
      case "CREATE":
      case "CONFIRM":
        return updateNode(number, {
          state: progress.actionOf(task) === "CREATE" ? "CREATING" : "UP",
          machine: result.machine === "" ? node.machine : result.machine,
          addresses: { ...node.addresses, ...result.addresses },
          results: { ...node.results, ...result.results },
          message: "",
        });
      case "DELETE":
        return updateNode(number, { state: "DELETED", addresses: {}, message: "" });
      default:
        if (node.state === "FAILED") updateNode(number, { state: "UP", message: "" });
    }
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
      nodeSucceeded(task, result);
      attempts.push({ ...ended, state: "COMPLETE", reason: "", message: "" });
      return;
    }
    const why = { reason: result.reason, message: result.message };
    const wasCancelled = state === "CANCELLING";
    attempts.push({ ...ended, ...why, state: wasCancelled ? "CANCELLED" : "FAILED" });
    if (result.unreachable) {
      unreachable.set(task, result.message);
      progress.defer(task, why, now, services.unreachableMs);
    } else if (progress.actionOf(task) === "CONFIRM" && !wasCancelled) {
      await recreate(task, why, now);
    } else {
      progress.fail(task, { ...why, permanent: result.permanent }, now);
    }
    if (progress.stateOf(task) !== "FAILED") return;
    const action = progress.actionOf(task);
    // What a delete does before it removes the machine is best effort.
    if (job.kind === "DELETE" && action !== "DELETE") progress.skip(task, result.message, now);
    else updateNode(progress.nodeOf(task), { state: "FAILED", message: result.message });
  }

  /** A machine that cannot be confirmed is made again; its new incarnation is in the log before anything is made. */
  async function recreate(task: number, why: { reason: string; message: string }, now: number): Promise<void> {
    const node = nodes.get(progress.nodeOf(task))!;
    progress.recreate(task, why, now);
    // Without a machine this incarnation was never made: a runner before this one has raised it already.
    if (progress.stateOf(task) === "FAILED" || node.machine === "") return;
    await services.replaceNode(key, runner, node.number, node.incarnation + 1);
    updateNode(node.number, {
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
      updateNode(number, {
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
    const slots = tasks.length === 0 ? [] : hub.take(run, providerType, tasks.length);
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
    const slots = hub.take(run, providerType, wanted);
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
    if (
      progress.count("READY") > 0 &&
      !hub.offers().some((offer) => offer.kind === "PROVIDER" && offer.type === providerType)
    ) {
      return `No connected provisioner offers provider type "${providerType}". Start one that does; the job goes on by itself.`;
    }
    return "";
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
    const changedNodes = [...touched].map((number) => progressOf(nodes.get(number)!));
    touched.clear();
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
    const failed = outcome === "FAILED" ? progress.tasksIn("FAILED") : [];
    // Whoever follows the logs stops at the end of the job.
    await services.flushLogs();
    const isAppended = await services.complete(
      key,
      runner,
      {
        kind: "OpCompleted",
        job: key.job,
        outcome,
        reason: outcome === "COMPLETE" ? "" : outcome === "CANCELLED" ? "CANCELLED" : "TASK_FAILED",
        message:
          outcome === "FAILED"
            ? failureMessage(failed)
            : outcome === "CANCELLED"
              ? "Nothing that was made is forgotten: retry the job, or delete the cluster."
              : "",
        nodes: [...nodes.values()].map(outcomeOf),
        nothingLeft: job.kind === "CREATE" && outcome !== "COMPLETE" && neverStarted(),
      },
      controlSeq,
    );
    if (isAppended) services.changed(key.cluster);
    else run.wake();
    return isAppended;
  }

  function neverStarted(): boolean {
    for (let task = 0; task < progress.taskCount; task += 1) if (progress.attemptOf(task) > 0) return false;
    return true;
  }

  function failureMessage(failed: readonly number[]): string {
    const first = failed[0];
    if (first === undefined) return "Nothing more can be done, and not everything is.";
    const service = progress.serviceOf(first);
    const others = failed.length > 1 ? ` ${failed.length - 1} more failed.` : "";
    return `${progress.actionOf(first)}${service === "" ? "" : ` of ${service}`} on node ${progress.nodeOf(first)} failed: ${progress.now(first).message || nodes.get(progress.nodeOf(first))?.message || "see its log"}${others}`;
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

function progressOf(node: RunNode): NodeProgress {
  const { number, state, addresses, machine, results, message } = node;
  return { number, state, addresses, machine, results, message };
}

const outcomeOf = (node: RunNode): NodeOutcome => progressOf(node);
