/** A worker that does what a test says, straight on the hub of a server in this process. */
import { randomUUID } from "node:crypto";
import { createSimulatedProvider } from "../../services/provisioner/providers/simulated/provider.js";
import type { Assignment, Lease, TaskResult, WorkerHub } from "../../services/server/workers/types.js";
import { until } from "./wait.js";

export interface HandWorker {
  /** Everything it was ever handed, in order. */
  readonly assigned: readonly Assignment[];
  readonly revoked: readonly Lease[];
  readonly acknowledged: readonly Lease[];
  /** Waits for an assignment of this action that was not waited for before. */
  next(action: string, service?: string): Promise<Assignment>;
  succeed(assignment: Assignment, lease?: Lease): void;
  fail(assignment: Assignment, more?: Partial<TaskResult>): void;
  /** From here on every assignment succeeds at once. */
  succeedAll(): void;
  heartbeat(...leases: Lease[]): void;
  /** Its stream breaks. */
  close(): void;
}

export function openHandWorker(hub: WorkerHub, slots = 16): HandWorker {
  const worker = `hand-${randomUUID().slice(0, 8)}`;
  const { type, description } = createSimulatedProvider({ journal: "/dev/null" });
  const plugin = { description, available: true, unavailableReason: "" };
  const fields = ["journal", "rules"].map((name) => ({
    name,
    type: "string",
    description: "",
    required: false,
    sensitive: false,
  }));
  const assigned: Assignment[] = [];
  const revoked: Lease[] = [];
  const acknowledged: Lease[] = [];
  const taken = new Set<Assignment>();
  let isWilling = false;
  const result = (lease: Lease, more: Partial<TaskResult>): TaskResult => ({
    lease,
    succeeded: false,
    reason: "",
    message: "",
    exitCode: 0,
    permanent: false,
    addresses: {},
    machine: "",
    results: {},
    unreachable: false,
    ...more,
  });
  const side = hub.open({
    label: "",
    provisioner: worker,
    worker,
    slots,
    offers: [
      { ...plugin, kind: "PROVIDER", type, fields },
      { ...plugin, kind: "AUTOMATOR", type: "shell", fields: [] },
    ],
    assign(assignments) {
      assigned.push(...assignments);
      if (isWilling) for (const each of assignments) succeed(each);
    },
    acknowledge: (leases) => void acknowledged.push(...leases),
    revoke: (leases) => void revoked.push(...leases),
    renewed: () => undefined,
    ask: () => undefined,
  });

  function succeed(assignment: Assignment, lease = assignment.lease): void {
    taken.add(assignment);
    const made = assignment.action === "CREATE" || assignment.action === "CONFIRM";
    const machine = made
      ? { machine: assignment.node.token.slice(0, 12), addresses: { internal: "198.18.0.1", external: "198.18.0.1" } }
      : {};
    side.results([result(lease, { succeeded: true, ...machine })]);
  }

  return {
    assigned,
    revoked,
    acknowledged,
    async next(action, service) {
      let found: Assignment | undefined;
      await until(`an assignment of ${action}`, () => {
        found = assigned.find(
          (each) => each.action === action && (service === undefined || each.service === service) && !taken.has(each),
        );
        return found !== undefined;
      });
      taken.add(found!);
      return found!;
    },
    succeed,
    fail: (assignment, more = {}) =>
      side.results([
        result(assignment.lease, { reason: "SCRIPT_FAILED", message: "it failed by hand", exitCode: 1, ...more }),
      ]),
    succeedAll() {
      isWilling = true;
      for (const each of assigned) if (!taken.has(each)) succeed(each);
    },
    heartbeat: (...leases) => side.heartbeat(leases),
    close: () => side.close(),
  };
}
