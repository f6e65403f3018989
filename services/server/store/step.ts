/** What a runner stores at once. */
import type { JsonObject } from "../catalog/types.js";
import type { NodeState } from "../clusters/states.js";
import type { TaskNow } from "../jobs/progress.js";

/** Which job, and by what right: writes of an older epoch or runner change nothing. */
export interface JobKey {
  readonly shard: number;
  readonly epoch: bigint;
  readonly cluster: bigint;
  readonly job: number;
  readonly tenant: string;
}

/** A try that has ended. */
export interface EndedAttempt {
  readonly task: number;
  readonly number: number;
  readonly state: "COMPLETE" | "FAILED" | "LOST" | "CANCELLED";
  readonly worker: string;
  readonly reason: string;
  readonly message: string;
  readonly exitCode: number;
  readonly startedAt: number;
  readonly endedAt: number;
}

/** What is known of a node before the job ends. */
export interface NodeProgress {
  readonly number: number;
  readonly state: NodeState;
  readonly addresses: Readonly<Record<string, string>>;
  readonly machine: string;
  readonly results: JsonObject;
  readonly message: string;
}

/** One step of a job: everything that changed, stored at once or not at all. */
export interface Step {
  readonly runner: number;
  readonly controlSeq: bigint;
  readonly counts: {
    readonly tasks: number;
    readonly done: number;
    readonly running: number;
    readonly retrying: number;
    readonly failed: number;
  };
  readonly waitingFor: string;
  readonly tasks: readonly TaskNow[];
  readonly attempts: readonly EndedAttempt[];
  readonly nodes: readonly NodeProgress[];
}
