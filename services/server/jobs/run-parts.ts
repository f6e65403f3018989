/** What a runner of a job is made of, and what it shows of itself. */
import type { Logger } from "../../common/log.js";
import type { JobControl, OpCompleted } from "../records/types.js";
import type { JobProgressStore } from "../store/job-progress.js";
import type { JobKey } from "../store/step.js";
import type { SlotClient, SlotHub } from "../workers/hub.js";
import type { AssignmentBuilder } from "./assignment.js";
import type { RunJob, RunNode } from "./cluster-state.js";
import type { JobProgress } from "./progress.js";
import type { JobState } from "./states.js";

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
  readonly provider: {
    readonly type: string;
    /** Of the provisioners that serve it; empty: that of Loom's own machine. */
    readonly label: string;
    /** What the hub calls both (`servedBy`). */
    readonly served: string;
  };
  /** Tasks that another runner had started: nobody will tell how they ended. */
  readonly interrupted: readonly {
    readonly number: number;
    readonly attempt: number;
    readonly worker: string;
    readonly startedAt: number | undefined;
  }[];
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
