/**
 * Worker streams, their free slots, and the leases of the tasks they run. In memory: a lease that is lost with this
 * process is lost to the worker too, which then stops by itself.
 *
 * Fairness: jobs that want more slots than they got stand in a queue; freed slots wake the first of it, and a job takes
 * at most its share of the free slots while others wait for them too. What it leaves is offered to the next in the
 * queue, so that no slot stays free while somebody wants it.
 */
import {
  leaseKey,
  type Assignment,
  type InventoryQuestion,
  type Lease,
  type LogChunk,
  type ObservedMachine,
  type TaskResult,
  type WorkerHub,
  type WorkerSession,
  servedBy,
} from "./types.js";
import { createInventories } from "./inventories.js";
import { refusal } from "./refusal.js";
import type { PluginTypeView } from "../views.js";

/** A job as the hub sees it. */
export interface SlotClient {
  /** There may be free slots now. */
  slotsFreed(): void;
  /** A task has ended; call `settle` with the lease once that is stored or refused. */
  result(result: TaskResult): void;
  /** A lease ran out: whatever its worker did, nobody vouches for it. */
  lost(lease: Lease): void;
}

/** A slot taken for one task. */
export interface Slot {
  readonly worker: string;
  /** Hands the task to the worker; with `isRevoked` it is not to start, but to end what an older worker left running. */
  assign(assignment: Assignment, isRevoked?: boolean): void;
  /** Gives the slot back unused. */
  release(): void;
}

export interface SlotHub extends WorkerHub {
  /** Up to `most` slots of workers that serve the provider (`servedBy`). Fewer than asked: the client is woken later. */
  take(client: SlotClient, providerType: string, most: number): Slot[];
  /** The client wants no more slots. */
  leave(client: SlotClient): void;
  /** The result of this lease is stored or refused for ever. */
  settle(lease: Lease): void;
  /** Asks the worker to kill the task. */
  revoke(lease: Lease): void;
  /** Provider and automator types that connected workers offer. */
  offers(): readonly PluginTypeView[];
  /** Whether a connected worker serves the provider (`servedBy`). */
  isServed(provider: string): boolean;
  /** Streams that are open. */
  connected(): readonly ConnectedWorker[];
  /**
   * Every machine of a provider, of other Looms as well where they share it. What is not in the answer does not exist.
   *
   * @throws PROVIDER_UNREACHABLE where no answer can be had, and then nothing is known
   */
  inventory(question: InventoryQuestion): Promise<readonly ObservedMachine[]>;
  /** Tells every client of leases that have run out; to be called about once a second. */
  sweep(): void;
}

export interface HubOptions {
  /** Milliseconds a lease holds without a heartbeat. */
  readonly leaseMs: number;
  /** Milliseconds between heartbeats; a third of the lease or less. */
  readonly heartbeatMs: number;
  /** Milliseconds that never go back. */
  monotonic(): number;
  /** Output of a script of this tenant. */
  log(chunk: LogChunk, tenant: string): void;
  /** A provisioner spoke of a task that was given to another one; nothing of it was taken. */
  refused(what: "result" | "heartbeat" | "output", lease: Lease, by: ConnectedWorker): void;
}

/** A stream that is open. */
export type ConnectedWorker = Pick<WorkerSession, "provisioner" | "label" | "worker" | "slots" | "offers">;

interface Worker {
  readonly session: WorkerSession;
  /** What it serves (`servedBy`). */
  readonly providers: ReadonlySet<string>;
  used: number;
  open: boolean;
  draining: boolean;
  outgoing: Assignment[];
}

interface Held {
  readonly lease: Lease;
  readonly client: SlotClient;
  readonly tenant: string;
  worker: Worker;
  deadline: number;
}

/** Streams of one provisioner; one of another machine cannot have the name and label of Loom's own. */
function isSame(one: WorkerSession, other: WorkerSession): boolean {
  return one.provisioner === other.provisioner && one.label === other.label;
}

export function createSlotHub(options: HubOptions): SlotHub {
  const workers = new Set<Worker>();
  const held = new Map<string, Held>();
  /** Clients that got fewer slots than they wanted, longest waiting first. */
  const waiting = new Map<SlotClient, string>();

  const inventories = createInventories();

  /** Whether tasks and questions for a provider go to this worker. */
  const serves = (worker: Worker, provider: string): boolean => worker.providers.has(provider);
  const freeOf = (worker: Worker): number => (worker.open && !worker.draining ? worker.session.slots - worker.used : 0);

  /** Wakes the first waiting clients, no more of them than there are slots they could have. */
  function wakeWaiting(most = Number.POSITIVE_INFINITY): void {
    const free = [...workers].filter((worker) => freeOf(worker) > 0);
    const left = new Map(free.map((worker) => [worker, freeOf(worker)]));
    // A client that is woken may leave the queue, or stand at its end, at once.
    const queue = [...waiting];
    let woken = 0;
    for (const [client, type] of queue) {
      if (left.size === 0 || woken === most) return;
      const worker = free.find((one) => left.has(one) && serves(one, type));
      if (worker === undefined) continue;
      const rest = left.get(worker)! - 1;
      if (rest === 0) left.delete(worker);
      else left.set(worker, rest);
      woken += 1;
      client.slotsFreed();
    }
  }

  /** Offers what is still free to the next in the queue, once what runs now is done. */
  function passOn(): void {
    if (waiting.size > 0) queueMicrotask(() => wakeWaiting(1));
  }

  function freeSlot(worker: Worker): void {
    worker.used -= 1;
    if (worker.open) wakeWaiting();
  }

  /** Several tasks of one step go out in one message. */
  function send(worker: Worker, assignment: Assignment): void {
    worker.outgoing.push(assignment);
    if (worker.outgoing.length > 1) return;
    queueMicrotask(() => {
      const batch = worker.outgoing;
      worker.outgoing = [];
      if (!worker.open) return;
      try {
        worker.session.assign(batch);
      } catch (thrown) {
        // What cannot be put into a message cannot be put into the next one either.
        for (const { lease } of batch) held.get(leaseKey(lease))?.client.result(refusal(lease, thrown));
      }
    });
  }

  function slotOf(worker: Worker, client: SlotClient): Slot {
    worker.used += 1;
    return {
      worker: worker.session.worker,
      assign(assignment, isRevoked) {
        held.set(leaseKey(assignment.lease), {
          lease: assignment.lease,
          client,
          tenant: assignment.tenant,
          worker,
          deadline: options.monotonic() + options.leaseMs,
        });
        // A worker that hears it before the task does not start it.
        if (isRevoked === true && worker.open) worker.session.revoke([assignment.lease]);
        send(worker, assignment);
      },
      release: () => freeSlot(worker),
    };
  }

  /** Who holds the lease, where it is one that the provisioner of this stream was given. */
  function holderOf(lease: Lease, { session }: Worker, what: "result" | "heartbeat" | "output"): Held | undefined {
    const holder = held.get(leaseKey(lease));
    if (holder === undefined) return undefined;
    if (isSame(holder.worker.session, session)) return holder;
    options.refused(what, lease, session);
    return undefined;
  }

  return {
    leaseMs: options.leaseMs,
    heartbeatMs: options.heartbeatMs,

    open(session) {
      const worker: Worker = {
        session,
        used: 0,
        open: true,
        draining: false,
        outgoing: [],
        providers: new Set(
          session.offers
            .filter((offer) => offer.kind === "PROVIDER")
            .map((offer) => servedBy(offer.type, session.label)),
        ),
      };
      workers.add(worker);
      wakeWaiting();
      return {
        results(results) {
          const refused: Lease[] = [];
          for (const result of results) {
            const holder = holderOf(result.lease, worker, "result");
            if (holder === undefined) {
              refused.push(result.lease);
              continue;
            }
            moveTo(holder, worker);
            holder.client.result(result);
          }
          if (refused.length > 0) session.acknowledge(refused);
        },
        heartbeat(leases) {
          const renewed: Lease[] = [];
          for (const lease of leases) {
            const holder = holderOf(lease, worker, "heartbeat");
            if (holder === undefined) continue;
            moveTo(holder, worker);
            holder.deadline = options.monotonic() + options.leaseMs;
            renewed.push(lease);
          }
          session.renewed(renewed);
        },
        log(chunk) {
          // Output of a lease that is not held any more belongs to a try that was given up.
          const holder = holderOf(chunk.lease, worker, "output");
          if (holder !== undefined) options.log(chunk, holder.tenant);
        },
        inventory: (report) => inventories.report(session, report),
        drain: () => void (worker.draining = true),
        close() {
          worker.open = false;
          workers.delete(worker);
          inventories.gone(session);
        },
      };
    },

    take(client, providerType, most) {
      const able = [...workers].filter((worker) => serves(worker, providerType) && freeOf(worker) > 0);
      const free = able.reduce((sum, worker) => sum + freeOf(worker), 0);
      const others = [...waiting].filter(
        ([other, type]) => other !== client && able.some((worker) => serves(worker, type)),
      ).length;
      const share = Math.min(most, others === 0 ? free : Math.ceil(free / (others + 1)));
      const slots: Slot[] = [];
      // The emptiest worker first, so that work is spread.
      able.sort((a, b) => freeOf(b) - freeOf(a));
      for (let round = 0; slots.length < share; round += 1) {
        const worker = able[round % able.length]!;
        if (freeOf(worker) > 0) slots.push(slotOf(worker, client));
      }
      waiting.delete(client);
      if (slots.length < most) waiting.set(client, providerType);
      if (slots.length < free) passOn();
      return slots;
    },

    leave(client) {
      if (waiting.delete(client)) passOn();
    },

    settle(lease) {
      const key = leaseKey(lease);
      const holder = held.get(key);
      if (holder === undefined) return;
      held.delete(key);
      if (holder.worker.open) holder.worker.session.acknowledge([lease]);
      freeSlot(holder.worker);
    },

    revoke(lease) {
      const holder = held.get(leaseKey(lease));
      if (holder?.worker.open === true) holder.worker.session.revoke([lease]);
    },

    offers() {
      const types = new Map<string, PluginTypeView>();
      // What Loom's own provisioner says of a type is what holds: no other machine changes which fields are sensitive.
      const ownFirst = [...workers].sort((a, b) => Number(a.session.label !== "") - Number(b.session.label !== ""));
      for (const worker of ownFirst)
        for (const offer of worker.session.offers) {
          const key = `${offer.kind} ${offer.type}`;
          const known = types.get(key);
          if (known === undefined) types.set(key, offer);
          // A type that one machine cannot use may be fine on another.
          else if (offer.available && !known.available)
            types.set(key, { ...known, available: true, unavailableReason: "" });
        }
      return [...types.values()].sort((a, b) =>
        a.kind === b.kind ? (a.type < b.type ? -1 : 1) : a.kind === "PROVIDER" ? -1 : 1,
      );
    },

    isServed: (provider) => [...workers].some((worker) => worker.open && serves(worker, provider)),

    connected: () => [...workers].map(({ session }) => session),

    inventory: (question) =>
      inventories.ask(
        [...workers]
          .filter((worker) => serves(worker, servedBy(question.providerType, question.provisioner ?? "")))
          .map(({ session }) => session),
        question,
      ),

    sweep() {
      const now = options.monotonic();
      for (const [key, holder] of held) {
        if (holder.deadline > now) continue;
        held.delete(key);
        if (holder.worker.open) holder.worker.session.revoke([holder.lease]);
        freeSlot(holder.worker);
        holder.client.lost(holder.lease);
      }
    },
  };

  /** A worker that lost its stream comes back on another one with the tasks it still runs. */
  function moveTo(holder: Held, worker: Worker): void {
    if (holder.worker === worker) return;
    const before = holder.worker;
    worker.used += 1;
    holder.worker = worker;
    freeSlot(before);
  }
}
