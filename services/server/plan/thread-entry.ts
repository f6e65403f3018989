/** The thread of thread.ts. */
import { parentPort } from "node:worker_threads";
import { LoomError } from "../../common/errors.js";
import { solveLayout } from "../layout/solve.js";
import { spreadServices } from "../layout/spread.js";
import { planOperation } from "./operation.js";
import type { ThreadAnswer, ThreadRequest } from "./thread.js";

function answerTo(request: ThreadRequest): unknown {
  if ("solve" in request) return solveLayout(request.solve);
  return "spread" in request ? spreadServices(request.spread) : planOperation(request.plan);
}

parentPort!.on("message", (request: ThreadRequest) => {
  let answer: ThreadAnswer;
  try {
    answer = { id: request.id, value: answerTo(request) };
  } catch (thrown) {
    const { reason, message, metadata, violations } = LoomError.from(thrown);
    answer = {
      id: request.id,
      error: {
        reason,
        message,
        metadata,
        violations,
        stack: thrown instanceof Error ? (thrown.stack ?? "") : String(thrown),
      },
    };
  }
  parentPort!.postMessage(answer);
});
