/** A hub with a clock in the hand, workers that remember what they were told, and jobs that want slots. */
import { createSlotHub, type SlotClient, type SlotHub } from "../../services/server/workers/hub.js";
import {
  leaseKey,
  type Assignment,
  type InventoryQuestion,
  type Lease,
  type LogChunk,
  type TaskResult,
} from "../../services/server/workers/types.js";
import type { PluginTypeView } from "../../services/server/views.js";

export const LEASE_MS = 10_000;

export interface Bench {
  readonly hub: SlotHub;
  readonly clock: { now: number };
  readonly logged: { chunk: LogChunk; tenant: string }[];
  /** What was refused, of whom, and by whom it was said. */
  readonly refused: string[];
}

export function createBench(): Bench {
  const clock = { now: 0 };
  const logged: { chunk: LogChunk; tenant: string }[] = [];
  const refused: string[] = [];
  return {
    refused,
    clock,
    logged,
    hub: createSlotHub({
      leaseMs: LEASE_MS,
      heartbeatMs: 3000,
      monotonic: () => clock.now,
      log: (chunk, tenant) => logged.push({ chunk, tenant }),
      refused: (what, lease, { provisioner }) => refused.push(`${what} ${leaseKey(lease)} ${provisioner}`),
    }),
  };
}

/** A worker's stream that remembers what it was told. */
export function connect(
  hub: SlotHub,
  slots: number,
  types: readonly string[] = ["docker"],
  worker = "w1",
  label = "",
  provisioner = "p",
  offer: Partial<PluginTypeView> = {},
) {
  const told = {
    assigned: [] as Lease[],
    batches: 0,
    acknowledged: [] as string[],
    revoked: [] as string[],
    renewed: [] as string[][],
    asked: [] as { query: string; question: InventoryQuestion }[],
  };
  const stream = hub.open({
    provisioner,
    label,
    worker,
    slots,
    offers: types.map((type): PluginTypeView => ({
      kind: "PROVIDER",
      type,
      description: "",
      fields: [],
      available: true,
      unavailableReason: "",
      ...offer,
    })),
    assign(assignments) {
      told.batches += 1;
      told.assigned.push(...assignments.map(({ lease }) => lease));
    },
    acknowledge: (leases) => void told.acknowledged.push(...leases.map(leaseKey)),
    revoke: (leases) => void told.revoked.push(...leases.map(leaseKey)),
    renewed: (leases) => void told.renewed.push(leases.map(leaseKey)),
    ask: (query, question) => void told.asked.push({ query, question }),
  });
  return { ...stream, told };
}

export const leaseOf = (task: number, job = 1): Lease => ({
  shard: 0,
  epoch: 1n,
  cluster: 1n,
  job,
  task,
  runner: 1,
  attempt: 1,
});
const assignmentOf = (lease: Lease): Assignment => ({ lease, tenant: `tenant-${lease.job}` }) as Assignment;
export const resultOf = (lease: Lease): TaskResult => ({
  lease,
  succeeded: true,
  reason: "",
  message: "",
  exitCode: 0,
  permanent: false,
  addresses: {},
  machine: "",
  results: {},
  unreachable: false,
});

/** A job with work: takes what it can get whenever it is woken. */
export function createJob(hub: SlotHub, number: number, wanted: number, type = "docker") {
  let next = 0;
  const job = {
    wanted,
    running: new Map<string, Lease>(),
    lost: [] as string[],
    results: [] as Lease[],
    wakes: 0,
    slotsFreed() {
      job.wakes += 1;
      queueMicrotask(() => job.turn());
    },
    result({ lease }: TaskResult) {
      job.results.push(lease);
    },
    turn() {
      if (job.wanted === 0) return hub.leave(client);
      for (const slot of hub.take(client, type, job.wanted)) {
        const lease = leaseOf(next, number);
        next += 1;
        job.wanted -= 1;
        job.running.set(leaseKey(lease), lease);
        slot.assign(assignmentOf(lease));
      }
    },
    /** One of its tasks is over. */
    finish() {
      const [key, lease] = [...job.running][0]!;
      job.running.delete(key);
      hub.settle(lease);
    },
  };
  const client: SlotClient = {
    slotsFreed: () => job.slotsFreed(),
    result: (result) => job.result(result),
    lost(lease) {
      job.lost.push(leaseKey(lease));
      job.running.delete(leaseKey(lease));
    },
  };
  return Object.assign(job, { client });
}
