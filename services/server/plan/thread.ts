/** Layout and plan in a thread of their own: the main loop never waits for them. */
import { Worker } from "node:worker_threads";
import { LoomError, isReason, type LoomErrorOptions } from "../../common/errors.js";
import type { SpreadRequest, SpreadResult } from "../layout/spread.js";
import type { LayoutProblem, LayoutResult } from "../layout/types.js";
import type { PlanRequest, TaskGraph } from "./types.js";

type Question = { readonly solve: LayoutProblem } | { readonly spread: SpreadRequest } | { readonly plan: PlanRequest };
/** What is asked of the thread. */
export type ThreadRequest = { readonly id: number } & Question;
/** What it answers. Errors cross as plain records. */
export type ThreadAnswer = { readonly id: number } & ({ readonly value: unknown } | { readonly error: ThreadError });

export interface ThreadError {
  readonly reason: string;
  readonly message: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: LoomErrorOptions["violations"];
  readonly stack: string;
}

export interface Planner {
  /** @throws what solveLayout throws */
  solve(problem: LayoutProblem): Promise<LayoutResult>;
  spread(request: SpreadRequest): Promise<SpreadResult>;
  /** @throws what planOperation throws */
  plan(request: PlanRequest): Promise<TaskGraph>;
  /** Ends the thread; requests under way and later ones fail with SHUTTING_DOWN. */
  stop(): Promise<void>;
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

const ENTRY = new URL("./thread-entry.js", import.meta.url);

/** Sources run as they are in tests; the loader that makes that possible is per thread and has to be started in it. */
function startThread(): Worker {
  if (!import.meta.url.endsWith(".ts")) return new Worker(ENTRY);
  const source = ENTRY.href.replace(/\.js$/, ".ts");
  return new Worker(
    `import("tsx/esm/api").then((tsx) => { tsx.register(); return import(${JSON.stringify(source)}); })`,
    { eval: true },
  );
}

function restore({ reason, message, metadata, violations, stack }: ThreadError): LoomError {
  const options = { metadata, ...(violations === undefined ? {} : { violations }), cause: stack };
  return isReason(reason)
    ? new LoomError(reason, message, options)
    : new LoomError("INTERNAL", "Loom met an error it does not know; its log holds the details.", options);
}

export function createPlanner(): Planner {
  const pending = new Map<number, Pending>();
  let worker: Worker | undefined;
  let nextId = 1;
  let isStopped = false;
  const stopping = (): LoomError =>
    new LoomError("SHUTTING_DOWN", "Loom is stopping. Send the request again when it is back.");

  function drop(error: unknown): void {
    worker = undefined;
    for (const { reject } of pending.values()) reject(error);
    pending.clear();
  }

  /** The thread starts with the first request and again after a crash. */
  function thread(): Worker {
    if (worker !== undefined) return worker;
    const started = startThread();
    // An idle planner keeps no process alive.
    started.unref();
    started.on("message", (answer: ThreadAnswer) => {
      const request = pending.get(answer.id);
      pending.delete(answer.id);
      if (pending.size === 0) started.unref();
      if ("error" in answer) request?.reject(restore(answer.error));
      else request?.resolve(answer.value);
    });
    started.on("error", (error) => {
      if (worker === started)
        drop(
          new LoomError(
            "INTERNAL",
            "The planner stopped with an error; Loom's log holds the details. Send the request again.",
            { cause: error },
          ),
        );
    });
    started.on("exit", () => {
      if (worker === started) drop(new LoomError("INTERNAL", "The planner stopped. Send the request again."));
    });
    worker = started;
    return started;
  }

  function ask<T>(request: Question): Promise<T> {
    if (isStopped) return Promise.reject(stopping());
    const id = nextId;
    nextId += 1;
    return new Promise<T>((resolve, reject) => {
      pending.set(id, { resolve: resolve as Pending["resolve"], reject });
      const target = thread();
      target.ref();
      target.postMessage({ id, ...request } satisfies ThreadRequest);
    });
  }

  return {
    solve: (problem) => ask<LayoutResult>({ solve: problem }),
    spread: (request) => ask<SpreadResult>({ spread: request }),
    plan: (request) => ask<TaskGraph>({ plan: request }),
    async stop() {
      const running = worker;
      isStopped = true;
      drop(stopping());
      await running?.terminate();
    },
  };
}
