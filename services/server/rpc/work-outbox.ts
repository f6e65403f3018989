/** What a server has to say on a Work stream: kept in order, joined into batches, sent as fast as it is read. */
import type { WorkResponse } from "../../../gen/services/loom/internal/v1/worker.js";
import { Assignment as WireAssignment } from "../../../gen/services/loom/internal/v1/worker.js";
import { LoomError } from "../../common/errors.js";
import type { Lease, WorkerSession } from "../workers/types.js";
import { assignmentToWire, leaseToWire, questionToWire } from "./wire/worker.js";
import type { WorkCall } from "./work-stream.js";

export type WorkBody = NonNullable<WorkResponse["body"]>;

/** A batch of assignments is closed at so many bytes; the provisioner takes messages of 4 MiB. */
const BATCH_BYTES = 512 * 1024;

/** So many bytes wait for a provisioner that does not read; then it is given up. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

export interface WorkOutbox {
  send(body: WorkBody): void;
  /** Nothing more is sent. */
  stop(): void;
  /** The hub's side of the stream. */
  readonly session: Pick<WorkerSession, "assign" | "acknowledge" | "revoke" | "renewed" | "ask">;
}

interface Batch {
  readonly body: WorkBody;
  bytes: number;
}

/** @param fail called where the provisioner reads too slowly */
export function createWorkOutbox(call: WorkCall, fail: (error: LoomError) => void): WorkOutbox {
  const queue: Batch[] = [];
  let waitingBytes = 0;
  let scheduled = false;
  let blocked = false;
  let stopped = false;

  const flush = (): void => {
    scheduled = false;
    while (!blocked && !stopped && queue.length > 0) {
      const { body, bytes } = queue.shift()!;
      waitingBytes -= bytes;
      blocked = !call.write({ body });
    }
  };
  call.on("drain", () => {
    blocked = false;
    flush();
  });

  /** Batches live until the end of this turn of the event loop, and for as long as the provisioner does not read. */
  const schedule = (bytes: number): void => {
    waitingBytes += bytes;
    if (waitingBytes > MAX_WAITING_BYTES) {
      fail(new LoomError("WORKER_LOST", `The provisioner left more than ${MAX_WAITING_BYTES} bytes unread.`));
    } else if (!scheduled) {
      scheduled = true;
      setImmediate(flush);
    }
  };
  const push = (body: WorkBody, bytes: number): void => {
    if (stopped) return;
    queue.push({ body, bytes });
    schedule(bytes);
  };
  const leases =
    (kind: "acknowledged" | "revocations" | "renewed") =>
    (more: readonly Lease[]): void => {
      if (more.length === 0 || stopped) return;
      const last = queue.at(-1);
      const bytes = more.length * 40;
      // Only the last batch may grow: what is said of one lease must stay in order.
      if (last?.body.$case === kind && last.bytes < BATCH_BYTES) {
        last.body.value.leases.push(...more.map(leaseToWire));
        last.bytes += bytes;
        schedule(bytes);
      } else {
        push({ $case: kind, value: { leases: more.map(leaseToWire) } }, bytes);
      }
    };
  return {
    send: (body) => push(body, 100),
    stop() {
      stopped = true;
      queue.length = 0;
    },
    session: {
      assign(assignments) {
        for (const assignment of assignments.map(assignmentToWire)) {
          if (stopped) return;
          const bytes = WireAssignment.encode(assignment).finish().length;
          const last = queue.at(-1);
          if (last?.body.$case === "assignments" && last.bytes + bytes <= BATCH_BYTES) {
            last.body.value.assignments.push(assignment);
            last.bytes += bytes;
            schedule(bytes);
          } else {
            push({ $case: "assignments", value: { assignments: [assignment] } }, bytes);
          }
        }
      },
      acknowledge: leases("acknowledged"),
      revoke: leases("revocations"),
      renewed: leases("renewed"),
      ask: (query, question) => push({ $case: "inventory", value: questionToWire(query, question) }, 1_000),
    },
  };
}
