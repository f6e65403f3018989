/** What becomes of a task that no worker can be told of. */
import type { Lease, TaskResult } from "./types.js";

/** The result of a task that could not be handed out. */
export function refusal(lease: Lease, thrown: unknown): TaskResult {
  return {
    lease,
    succeeded: false,
    reason: "INVALID_CONFIG",
    message: `The task cannot be handed to a worker: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    exitCode: 0,
    permanent: true,
    addresses: {},
    machine: "",
    results: {},
    unreachable: false,
  };
}
