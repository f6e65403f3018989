/** One attempt of one task while it runs: its time limit, why it was stopped, and what becomes of that. */
import { setTimeout as sleep } from "node:timers/promises";
import { runsOnNode, type Assignment, type LogChunk, type TaskResult } from "./codec.js";
import { failed, type Executor } from "./execute.js";
import { createOutput } from "./output.js";

/**
 * Why a task is stopped before its end. `revoked` and `timeout` end the script on the node and give a result; `lost`
 * (the lease ran out) and `stopping` only end this side: another worker has the task now, or soon.
 */
export type StopCause = "revoked" | "timeout" | "lost" | "stopping";

export interface RunningTask {
  readonly assignment: Assignment;
  /** Monotonic milliseconds after which the lease is lost. */
  deadline: number;
  stop(cause: StopCause): void;
  /** When nothing of it runs on this host any more. */
  readonly ended: Promise<void>;
}

/** loom-run ends a script at its time limit itself; this side waits so much longer for it to say so. */
const NODE_GRACE_MS = 15_000;
/** How long a stopped call may take to let go, and the order to end a script to reach the node. */
const LET_GO_MS = 10_000;
const KILL_MS = 20_000;

/**
 * Starts the task at once.
 *
 * @param after what has to end before: an older attempt of the same task
 * @param onChunk gets what is printed, in order, all of it before the result
 * @param onEnd gets the result, or undefined where none is to be told
 */
export function startTask(
  executor: Executor,
  assignment: Assignment,
  deadline: number,
  after: Promise<void> | undefined,
  onChunk: (chunk: LogChunk) => void,
  onEnd: (result: TaskResult | undefined) => void,
): RunningTask {
  const abort = new AbortController();
  let cause: StopCause | undefined;
  const output = createOutput(assignment.secrets, (stream, text, sequence) => {
    if (cause !== "lost") onChunk({ lease: assignment.lease, stderr: stream === "stderr", text, sequence });
  });
  function stop(why: StopCause): void {
    if (cause !== undefined) return;
    cause = why;
    abort.abort(new Error(why));
  }
  const limit = assignment.timeoutMs + (runsOnNode(assignment.action) ? NODE_GRACE_MS : 0);
  const timer = setTimeout(() => stop("timeout"), limit).unref();

  async function run(): Promise<void> {
    if (after !== undefined) await after;
    const result = abort.signal.aborted
      ? undefined
      : await raced(executor.execute(assignment, abort.signal, output), abort.signal);
    clearTimeout(timer);
    output.end();
    // What ended by itself is told as it is, even where somebody wanted it stopped at the same moment.
    if (cause === undefined || (cause !== "lost" && result?.succeeded === true)) return onEnd(result);
    if (cause === "lost" || cause === "stopping") return onEnd(undefined);
    await executor.kill(assignment, AbortSignal.timeout(KILL_MS)).catch(() => {});
    const { action, node } = assignment;
    onEnd(
      cause === "revoked"
        ? failed(assignment, "CANCELLED", `${action} on node ${node.number} was stopped because the job was cancelled.`)
        : failed(
            assignment,
            "TASK_TIMED_OUT",
            `${action} on node ${node.number} did not end within ${assignment.timeoutMs / 1000} s and was stopped.`,
          ),
    );
  }
  return { assignment, deadline, stop, ended: run() };
}

/** The result, or undefined where a stopped call does not let go in time. */
async function raced(work: Promise<TaskResult>, signal: AbortSignal): Promise<TaskResult | undefined> {
  const done = new AbortController();
  const stopped = new Promise<undefined>((resolve) => {
    const onAbort = () =>
      void sleep(LET_GO_MS, undefined, { signal: done.signal, ref: false }).then(
        () => resolve(undefined),
        () => {},
      );
    signal.addEventListener("abort", onAbort, { signal: done.signal, once: true });
  });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    done.abort();
  }
}
