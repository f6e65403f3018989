/**
 * The job engine: finds jobs that nobody runs, takes them over, plans those that have no plan, and runs them. A
 * reconciler: each pass looks at the database alone, is woken by a signal and by a timer, and does not retry; the next
 * pass does the work again.
 */
import { LoomError } from "../../common/errors.js";
import type { Logger } from "../../common/log.js";
import type { PlanRequest, TaskGraph } from "../plan/types.js";
import { PLANNER_VERSION } from "../plan/types.js";
import type { ClusterSpec, OpCompleted, OpPlanned } from "../records/types.js";
import { JOBS_TOPIC, LOG_TOPIC, clusterTopic, controlTopic, type Signals } from "../signals.js";
import type { JobProgressStore } from "../store/job-progress.js";
import type { JobKey } from "../store/step.js";
import type { JobStore } from "../store/jobs.js";
import type { SlotHub } from "../workers/hub.js";
import { servedBy } from "../workers/types.js";
import { createAssignmentBuilder } from "./assignment.js";
import type { RunCluster, RunJob, RunNode } from "./cluster-state.js";
import { planRequest } from "../plan/request.js";
import { JobProgress, type ProgressLimits, type StoredTask } from "./progress.js";
import { startJobRun } from "./run.js";
import type { JobRun, RunServices } from "./run-parts.js";
import { isEnded } from "./states.js";

export interface EngineOptions {
  /** Names this process; another process of the same name must not exist. */
  readonly holder: string;
  /** No other process can run jobs of this database: leases of others are void. True in standalone, by its lock. */
  readonly soleOwner: boolean;
  readonly leaseMs: number;
  /** Milliseconds before another try where a provider could not be reached. */
  readonly unreachableMs: number;
  readonly limits: Omit<ProgressLimits, "keepGoing">;
}

export interface EngineServices {
  readonly jobs: JobStore;
  readonly progress: JobProgressStore;
  readonly hub: SlotHub;
  readonly signals: Signals;
  readonly log: Logger;
  now(): number;
  /** Plans off the main loop. */
  plan(request: PlanRequest): Promise<TaskGraph>;
  flushLogs(): Promise<void>;
  openSecrets(key: JobKey): Promise<ReadonlyMap<string, string>>;
  /** With its sensitive fields open. @throws SECRET_UNREADABLE */
  openProvider(provider: ClusterSpec["provider"]): ClusterSpec["provider"];
}

export interface JobEngine {
  start(): Promise<void>;
  /** Stores what is under way and stops; jobs go on when an engine starts again. */
  stop(): Promise<void>;
  /** Jobs this engine runs now. */
  readonly size: number;
}

/** Jobs taken over at the same time. */
const MOST_STARTING = 16;
/** Milliseconds between passes where nothing wakes the engine. */
const PASS_MS = 5000;
/** Milliseconds before a job is taken up again that could not be run, twice as many after each time. */
const FIRST_REST_MS = 100;
const LONGEST_REST_MS = 30_000;

const keyText = (key: JobKey): string => `${key.shard}/${key.cluster}/${key.job}`;

export function createJobEngine(options: EngineOptions, services: EngineServices): JobEngine {
  const { jobs, progress: progressStore, hub, signals, log } = services;
  const runs = new Map<string, JobRun>();
  /** Jobs being taken over. */
  const starting = new Map<string, Promise<void>>();
  /** Jobs to be taken over once more: they were given a command just when they would have ended. */
  const again = new Set<string>();
  /** Jobs that could not be taken over, or whose runner gave up: until when they rest, by the monotonic clock. */
  const resting = new Map<string, { readonly until: number; readonly ms: number }>();
  const stopped = new AbortController();
  let passes: Promise<void> = Promise.resolve();

  /** As the store does it; who follows the events is woken. */
  const append: JobStore["appendByRunner"] = async (...args) => {
    const isAppended = await jobs.appendByRunner(...args);
    if (isAppended) signals.notify(LOG_TOPIC);
    return isAppended;
  };

  const runServices: RunServices = {
    store: progressStore,
    hub,
    log,
    unreachableMs: options.unreachableMs,
    now: () => services.now(),
    readControls: (key, after) => jobs.controlsAfter(key, after),
    replaceNode: (key, runner, node, incarnation) =>
      append(key, runner, { kind: "NodeChanged", job: key.job, node, incarnation }),
    complete: (key, runner, body, controlSeq) => append(key, runner, body, controlSeq),
    flushLogs: () => services.flushLogs(),
    changed: (cluster) => signals.notify(clusterTopic(cluster)),
  };

  /** Appends the plan of a job, or ends a job that cannot be planned or was cancelled before it was. */
  async function plan(
    key: JobKey,
    runner: number,
    cluster: RunCluster,
    job: RunJob,
    nodes: readonly RunNode[],
  ): Promise<{ planned: Omit<OpPlanned, "kind" | "job">; graph: TaskGraph } | undefined> {
    /** What a job that was planned before has made is kept as it is known. */
    const end = async (body: Pick<OpCompleted, "outcome" | "reason" | "message">): Promise<undefined> => {
      const known = await progressStore.loadNodes(key);
      const nothingLeft = job.planned === undefined;
      const isEnd = await append(
        key,
        runner,
        { kind: "OpCompleted", job: job.number, nodes: known, nothingLeft, ...body },
        job.seq,
      );
      if (!isEnd) again.add(keyText(key));
      signals.notify(clusterTopic(key.cluster));
      return undefined;
    };
    if (job.state === "CANCELLING" && job.planned === undefined)
      return end({ outcome: "CANCELLED", reason: "CANCELLED", message: "" });
    const firstNode = job.planned?.firstNode ?? cluster.nextNode;
    // What this job has deleted is a part of its plan.
    const present = nodes.map((node) => (node.state === "DELETED" ? { ...node, state: "DELETING" as const } : node));
    let graph: TaskGraph;
    try {
      graph = await services.plan(planRequest(cluster, job, present, firstNode));
    } catch (thrown) {
      const error = LoomError.from(thrown);
      // Not the job's fault: whoever starts next plans it.
      if (error.reason === "SHUTTING_DOWN") throw error;
      if (job.kind === "DELETE" && error.reason === "NOTHING_TO_DO")
        return end({ outcome: "COMPLETE", reason: "", message: "" });
      if (error.reason === "INTERNAL")
        log.error({ err: thrown, cluster: cluster.name, job: job.number }, "a job cannot be planned");
      return end({ outcome: "FAILED", reason: error.reason, message: error.message });
    }
    if (job.planned !== undefined) {
      if (job.planned.digest === graph.digest) return { planned: job.planned, graph };
      return end({
        outcome: "FAILED",
        reason: "INTERNAL",
        message:
          "The plan of this job cannot be made again as it was. Delete the cluster, or retry the job with the version of Loom that planned it.",
      });
    }
    const planned = {
      firstNode,
      groups: job.groups,
      plannerVersion: PLANNER_VERSION,
      digest: graph.digest,
      taskCount: graph.taskCount,
    };
    await append(key, runner, { kind: "OpPlanned", job: job.number, ...planned });
    signals.notify(clusterTopic(key.cluster));
    return { planned, graph };
  }

  /**
   * What the configuration and the provider keep secret. A job that needs what cannot be read waits and says so; what
   * removes machines or ends scripts goes on without.
   */
  async function secretsOf(
    key: JobKey,
    { runner, controlSeq }: { readonly runner: number; readonly controlSeq: bigint },
    job: RunJob,
    sealed: ClusterSpec["provider"],
    stored: readonly StoredTask[],
  ): Promise<{ readonly secrets: ReadonlyMap<string, string>; readonly provider: ClusterSpec["provider"] }> {
    try {
      return { secrets: await services.openSecrets(key), provider: services.openProvider(sealed) };
    } catch (thrown) {
      const error = LoomError.from(thrown);
      if (error.reason !== "SECRET_UNREADABLE") throw error;
      if (job.kind === "DELETE" || job.state === "CANCELLING") {
        log.warn({ err: error, cluster: String(key.cluster), job: key.job }, "a job goes on without secrets");
        return { secrets: new Map(), provider: sealed };
      }
      const count = (...states: readonly StoredTask["state"][]): number =>
        stored.filter((task) => states.includes(task.state)).length;
      await progressStore.save(key, {
        runner,
        controlSeq,
        tasks: [],
        attempts: [],
        nodes: [],
        counts: {
          tasks: stored.length,
          done: count("COMPLETE", "SKIPPED"),
          running: count("RUNNING"),
          retrying: count("RETRYING"),
          failed: count("FAILED"),
        },
        waitingFor: error.message,
      });
      signals.notify(clusterTopic(key.cluster));
      throw error;
    }
  }

  async function takeOver(key: JobKey): Promise<void> {
    const taken = await progressStore.take(key, options.holder, options.leaseMs, options.soleOwner);
    if (taken === undefined) return;
    const before = await jobs.loadForRun(key);
    // It has ended since it was listed, and must not end once more.
    if (isEnded(before.job.state)) return;
    const plan_ = await plan(key, taken.runner, before.cluster, before.job, [...before.nodes.values()]);
    if (plan_ === undefined) return;
    const { graph } = plan_;
    // The plan may have made nodes, and somebody may have paused the job meanwhile.
    const { cluster, job, nodes } = before.job.planned === undefined ? await jobs.loadForRun(key) : before;
    const { type, provisioner } = cluster.spec.provider.body;
    const served = servedBy(type, provisioner ?? "");
    let stored = await progressStore.loadTasks(key);
    if (stored.length < graph.taskCount) {
      await progressStore.insertTasks(key, graph, type, stored.length);
      if (stored.length > 0) stored = await progressStore.loadTasks(key);
    }
    for (const known of await progressStore.loadNodes(key)) Object.assign(nodes.get(known.number) ?? {}, known);
    const { secrets, provider } = await secretsOf(key, taken, job, cluster.spec.provider, stored);
    const opened = { ...cluster, spec: { ...cluster.spec, provider } };
    const progress = new JobProgress(graph, { ...options.limits, keepGoing: job.kind === "DELETE" }, stored);
    const run = startJobRun(
      {
        key,
        runner: taken.runner,
        controlSeq: taken.controlSeq,
        job,
        nodes,
        progress,
        provider: { type, label: provisioner ?? "", served },
        assignments: createAssignmentBuilder({ cluster: opened, job, nodes, secrets }),
        interrupted: stored.filter((task) => task.state === "RUNNING"),
      },
      runServices,
    );
    runs.set(keyText(key), run);
    const unlisten = signals.listen(controlTopic(key.cluster), () => run.wake());
    void run.done.then((how) => {
      unlisten();
      runs.delete(keyText(key));
      if (how === "lost") return rest(keyText(key));
      resting.delete(keyText(key));
      if (how === "ended") signals.notify(JOBS_TOPIC);
    });
  }

  /** What cannot be run now is not tried again at once: the next try may end the same way. */
  function rest(text: string): void {
    const last = resting.get(text);
    const now = performance.now();
    const ms =
      last === undefined || now - last.until > LONGEST_REST_MS ? FIRST_REST_MS : Math.min(LONGEST_REST_MS, 2 * last.ms);
    resting.set(text, { until: now + ms, ms });
    setTimeout(() => signals.notify(JOBS_TOPIC), ms + 1).unref();
  }

  async function pass(): Promise<void> {
    for (const key of await jobs.open()) {
      const text = keyText(key);
      // Users' calls need the database too, after a start with many jobs most of all.
      if (starting.size >= MOST_STARTING) break;
      if (
        runs.has(text) ||
        starting.has(text) ||
        stopped.signal.aborted ||
        (resting.get(text)?.until ?? 0) > performance.now()
      )
        continue;
      const taking = takeOver(key)
        .catch((thrown: unknown) => {
          const error = LoomError.from(thrown);
          log[error.reason === "FENCED" ? "info" : "error"](
            { err: thrown, cluster: String(key.cluster), job: key.job },
            "a job could not be taken over",
          );
          rest(text);
        })
        .finally(() => {
          const wereEnough = starting.size >= MOST_STARTING;
          starting.delete(text);
          if (again.delete(text) || wereEnough) signals.notify(JOBS_TOPIC);
        });
      starting.set(text, taking);
    }
    await progressStore.renew(
      [...runs.values()].map((run) => ({ ...run.key, runner: run.runner })),
      options.leaseMs,
    );
  }

  async function loop(): Promise<void> {
    const work = signals.subscribe([JOBS_TOPIC]);
    const timer = setInterval(() => hub.sweep(), 1000);
    try {
      while (!stopped.signal.aborted) {
        await pass().catch((thrown: unknown) =>
          log.warn({ err: thrown }, "a pass of the job engine failed; the next one does its work"),
        );
        await work.wait(Math.min(PASS_MS, options.leaseMs / 3), stopped.signal);
      }
    } finally {
      clearInterval(timer);
      work.close();
    }
  }

  return {
    get size() {
      return runs.size;
    },
    start() {
      passes = loop();
      return Promise.resolve();
    },
    async stop() {
      stopped.abort();
      await passes;
      await Promise.all(starting.values());
      await Promise.all([...runs.values()].map((run) => run.stop()));
    },
  };
}
