/**
 * One Work stream, kept open for as long as the provisioner runs: registers, takes tasks, renews their leases, tells
 * results until they are acknowledged, and connects again with growing, jittered pauses when the stream ends.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { ClientDuplexStream, ServiceError } from "@grpc/grpc-js";
import type {
  InventoryReport,
  Register,
  WorkRequest,
  WorkResponse,
  WorkerServiceClient,
  Assignment as WireAssignment,
  Inventory,
} from "../../../gen/services/loom/internal/v1/worker.js";
import { assignmentFrom, leaseKey, supersedes, taskOf, type LogChunk, type TaskResult } from "./codec.js";
import { failed, type Executor } from "./execute.js";
import { createRenewals } from "./leases.js";
import { createOutbox } from "./outbox.js";
import { startTask, type RunningTask } from "./task.js";
import type { ProvisionerClock, ProvisionerLog } from "./provisioner.js";

const RESULTS_PER_MESSAGE = 200;
const DRAIN_LOOK_MS = 100;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** Until a server says otherwise. */
const LEASE_MS = 10_000;
const HEARTBEAT_MS = 3_000;

export interface StreamOptions {
  readonly worker: string;
  readonly connect: () => WorkerServiceClient;
  readonly register: () => Promise<Register>;
  readonly executor: Executor;
  /** Never rejects. */
  readonly inventory: (question: Inventory) => Promise<readonly InventoryReport[]>;
  /** Running tasks of the whole process, so that a newer attempt ends an older one wherever it runs. */
  readonly byTask: Map<string, RunningTask>;
  /** Milliseconds between two looks at whether what is offered can be used. */
  readonly offersMs: number;
  readonly clock: ProvisionerClock;
  readonly log: ProvisionerLog;
  /** Told when the stream is registered, and when it ended or could not be opened. */
  readonly tell?: ((event: StreamEvent) => void) | undefined;
}

/** What becomes of a stream. */
export type StreamEvent =
  | { readonly kind: "registered"; readonly worker: string }
  | { readonly kind: "ended"; readonly worker: string; readonly error: ServiceError | undefined };

export interface WorkStream {
  /** Runs until {@link WorkStream.stop}; never rejects. */
  run(): Promise<void>;
  stop(): Promise<void>;
  /** Wants no more tasks; resolves when those it has have ended and are acknowledged, or at the signal. */
  drain(signal: AbortSignal): Promise<void>;
}

export function createWorkStream(options: StreamOptions): WorkStream {
  const { clock, log, byTask, executor } = options;
  const running = new Map<string, RunningTask>();
  /** Leases that were revoked just before they were handed out: such a task only ends what is left of an older one. */
  const revokedBefore = new Set<string>();
  const outbox = createOutbox();
  const renewals = createRenewals();
  let call: ClientDuplexStream<WorkRequest, WorkResponse> | undefined;
  let registered = false;
  let stopping = false;
  let draining = false;
  let wake: () => void = () => {};
  let leaseMs = LEASE_MS;
  let pending: TaskResult[] = [];
  let answeredAt = 0;
  let offered = "";

  function send(body: WorkRequest["body"]): void {
    if (registered) call?.write({ body });
  }

  function sendResults(results: readonly TaskResult[]): void {
    for (let at = 0; at < results.length; at += RESULTS_PER_MESSAGE) {
      send({ $case: "results", value: { results: results.slice(at, at + RESULTS_PER_MESSAGE) } });
    }
  }

  function tell(key: string, result: TaskResult): void {
    outbox.result(key, result, clock.now());
    pending.push(result);
    if (pending.length > 1) return;
    // What ends in the same turn of the loop goes in one message.
    setImmediate(() => {
      const results = pending;
      pending = [];
      sendResults(results);
    });
  }

  function print(key: string, chunk: LogChunk): void {
    outbox.chunk(key, chunk);
    send({ $case: "log", value: chunk });
  }

  function take(message: WireAssignment): void {
    const assignment = assignmentFrom(message);
    if (assignment === undefined) {
      log.warn(
        { worker: options.worker, action: message.action },
        "a task was handed out that this provisioner cannot read",
      );
      return;
    }
    const key = leaseKey(assignment.lease);
    if (running.has(key) || outbox.has(key)) return;
    if (stopping) return;
    const task = taskOf(assignment.lease);
    const older = byTask.get(task);
    if (older !== undefined && !supersedes(assignment.lease, older.assignment.lease)) {
      tell(key, failed(assignment, "FENCED", "A newer attempt of this task runs here already."));
      return;
    }
    older?.stop("lost");
    const started = startTask(
      executor,
      assignment,
      clock.now() + leaseMs,
      revokedBefore.has(key) ? (older?.ended ?? Promise.resolve()) : older?.ended,
      (chunk) => print(key, chunk),
      (result) => {
        running.delete(key);
        renewals.forget(key);
        if (byTask.get(task) === started) byTask.delete(task);
        if (result === undefined) outbox.drop(key);
        else tell(key, result);
      },
    );
    running.set(key, started);
    byTask.set(task, started);
    if (revokedBefore.delete(key)) started.stop("revoked");
  }

  function revoke(key: string): void {
    const task = running.get(key);
    if (task === undefined) revokedBefore.add(key);
    else task.stop("revoked");
  }

  function receive(response: WorkResponse): void {
    const body = response.body;
    switch (body?.$case) {
      case "registered":
        return welcome(body.value.leaseMs, body.value.heartbeatMs);
      case "assignments":
        return body.value.assignments.forEach(take);
      case "acknowledged":
        return body.value.leases.forEach((lease) => outbox.drop(leaseKey(lease)));
      case "revocations":
        return body.value.leases.map(leaseKey).forEach(revoke);
      case "renewed":
        return renew(body.value.leases.map(leaseKey));
      case "inventory":
        void options
          .inventory(body.value)
          .then((reports) => reports.forEach((report) => send({ $case: "inventory", value: report })));
        return;
      case undefined:
        return;
    }
  }

  let heartbeat: NodeJS.Timeout | undefined;

  function welcome(lease: number, every: number): void {
    registered = true;
    options.tell?.({ kind: "registered", worker: options.worker });
    if (draining) send({ $case: "draining", value: {} });
    leaseMs = lease > 0 ? lease : LEASE_MS;
    for (const chunk of outbox.chunks()) send({ $case: "log", value: chunk });
    sendResults(outbox.results());
    answeredAt = clock.now();
    beat();
    heartbeat = setInterval(beat, every > 0 ? every : HEARTBEAT_MS);
  }

  function beat(): void {
    const now = clock.now();
    expire(now);
    if (running.size === 0) answeredAt = now;
    if (now - answeredAt > 2 * leaseMs) {
      log.warn({ worker: options.worker }, "heartbeats are not answered; connecting again");
      call?.cancel();
      return;
    }
    renewals.sent(running.keys(), now);
    send({ $case: "heartbeat", value: { leases: [...running.values()].map(({ assignment }) => assignment.lease) } });
    sendResults(outbox.overdue(now - leaseMs, now));
  }

  function renew(keys: readonly string[]): void {
    const { sentAt, refused } = renewals.renewed(keys);
    answeredAt = clock.now();
    for (const [key, at] of sentAt) {
      const task = running.get(key);
      if (task !== undefined) task.deadline = Math.max(task.deadline, at + leaseMs);
    }
    for (const key of refused) running.get(key)?.stop("lost");
  }

  function expire(now: number): void {
    for (const task of running.values()) if (now >= task.deadline) task.stop("lost");
  }

  /** A stream tells what it offers only when it opens: where that has changed, an idle one is opened again. */
  async function lookAgain(): Promise<void> {
    const now = JSON.stringify(await options.register());
    if (registered && running.size === 0 && now !== offered) call?.cancel();
  }

  /** One connection, from its start to its end. Tells whether it got as far as being registered. */
  async function session(): Promise<boolean> {
    const client = options.connect();
    let failure: ServiceError | undefined;
    try {
      const register = await options.register();
      offered = JSON.stringify(register);
      const opened = client.work();
      call = opened;
      const ended = new Promise<void>((resolve) => {
        opened.on("error", (error: ServiceError) => {
          failure = error;
          if (!stopping) log.debug({ worker: options.worker, error: error.message }, "the stream to the server ended");
          resolve();
        });
        opened.on("end", () => resolve());
        opened.on("close", () => resolve());
      });
      opened.on("data", receive);
      opened.write({ body: { $case: "register", value: register } });
      await ended;
      return registered;
    } finally {
      clearInterval(heartbeat);
      registered = false;
      call?.cancel();
      call = undefined;
      renewals.reset();
      revokedBefore.clear();
      client.close();
      options.tell?.({ kind: "ended", worker: options.worker, error: failure });
    }
  }

  async function run(): Promise<void> {
    const watch = setInterval(() => expire(clock.now()), 250);
    const look = setInterval(() => void lookAgain().catch(() => {}), options.offersMs);
    let pause = FIRST_PAUSE_MS;
    while (!stopping) {
      let reached = false;
      try {
        reached = await session();
      } catch (error) {
        log.error({ worker: options.worker, error: String(error) }, "the stream to the server failed");
      }
      if (stopping) break;
      pause = reached ? FIRST_PAUSE_MS : Math.min(pause * 2, LONGEST_PAUSE_MS);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pause * (0.5 + clock.random() / 2));
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    clearInterval(watch);
    clearInterval(look);
  }

  return {
    run,
    async drain(signal) {
      draining = true;
      send({ $case: "draining", value: {} });
      while (!signal.aborted && (running.size > 0 || outbox.results().length > 0))
        await delay(DRAIN_LOOK_MS, undefined, { signal }).catch(() => undefined);
    },
    async stop() {
      stopping = true;
      const tasks = [...running.values()];
      for (const task of tasks) task.stop("stopping");
      await Promise.all(tasks.map(({ ended }) => ended));
      call?.end();
      // A server that does not end its side is not waited for.
      const timer = setTimeout(() => call?.cancel(), 500);
      timer.unref();
      wake();
    },
  };
}
