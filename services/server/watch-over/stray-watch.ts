/** What becomes of machines that no node should have: found, waited for, and removed after their grace. */
import { LoomError } from "../../common/errors.js";
import type { Logger } from "../../common/log.js";
import type { Owner, Stray, StrayDetails, StrayStore } from "../store/strays.js";
import type { ObservedMachine } from "../workers/types.js";
import type { Place } from "./groups.js";
import type { Removal } from "./reaper.js";
import { verdictOf, waited } from "./strays.js";
import { strayFound, strayRemoved, type ObservedEvent } from "./words.js";

export interface StrayWatchOptions {
  /** Milliseconds from the first look that saw a stray to its end. */
  readonly graceMs: number;
  /** The most that one look may add to what a stray has waited, in milliseconds. */
  readonly mostMs: number;
}

export interface StrayWatchServices {
  readonly store: StrayStore;
  /** The shards this process owns, with their epochs. */
  readonly epochs: ReadonlyMap<number, bigint>;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds that never go back. */
  monotonic(): number;
  remove(stray: Stray, epoch: bigint, details: StrayDetails): Promise<Removal>;
  /** Events were added. */
  told(): void;
}

/** How things stood before providers were asked. */
export interface Sight {
  /** Strays known by then. */
  readonly strays: readonly Stray[];
  /** Numbers of the newest records, by shard. */
  readonly heads: ReadonlyMap<number, bigint>;
}

export interface StrayWatch {
  /** To be called before providers are asked. */
  begin(): Promise<Sight>;
  /**
   * Takes in what a look at one provider saw, and orders the end of those whose grace is over; they go in the background.
   *
   * @param sight what `begin` said before the look; what a job has changed since is not judged by it
   * @param machines that no node should have; undefined where the provider did not answer
   * @param isOwn whether machines of this cluster are this provider's; undefined where nobody knows
   */
  take(
    sight: Sight,
    machines: readonly ObservedMachine[] | undefined,
    isOwn: (cluster: Place) => boolean | undefined,
  ): Promise<void>;
  stop(): void;
}

/** Orders under way at most. */
const MOST_ORDERS = 8;

interface Changes {
  readonly seen: Stray[];
  readonly gone: string[];
  readonly events: ObservedEvent[];
}

export function createStrayWatch(options: StrayWatchOptions, services: StrayWatchServices): StrayWatch {
  const { store, epochs, log } = services;
  /** When this process saw a stray last, by the monotonic clock. */
  const lastSeen = new Map<string, number>();
  const ordered = new Set<string>();
  let isStopped = false;

  async function save(shard: number, changes: Changes): Promise<void> {
    if (changes.seen.length + changes.gone.length + changes.events.length === 0) return;
    await store.save({ shard, epoch: epochs.get(shard)! }, changes);
    if (changes.events.length > 0) services.told();
  }

  function seen(machine: ObservedMachine, owner: Owner, incarnation: number, before: Stray | undefined): Stray {
    const now = services.monotonic();
    const last = lastSeen.get(machine.token);
    lastSeen.set(machine.token, now);
    const { shard, id: clusterId, tenant, provider, providerType } = owner;
    const fresh = { firstSeen: new Date(services.now()), waitedMs: 0, failures: 0, message: "" };
    return {
      ...fresh,
      shard,
      token: machine.token,
      tenant,
      clusterId,
      node: machine.node,
      incarnation,
      provider,
      providerType,
      machine: machine.machine,
      ...before,
      ...(before === undefined
        ? {}
        : {
            waitedMs: waited(before.waitedMs, last === undefined ? undefined : now - last, options.mostMs),
          }),
    };
  }

  /** Looks at the cluster once more by the shard's right, then orders, and says how it ended. */
  async function reap(stray: Stray): Promise<void> {
    const fence = { shard: stray.shard, epoch: epochs.get(stray.shard)! };
    const found = await store.look(fence, stray);
    const machine = { token: stray.token, clusterUid: found?.details.uid ?? "", node: stray.node };
    if (found === undefined || verdictOf(machine, found.owner).kind !== "stray") return;
    const failure = await services.remove(stray, fence.epoch, found.details);
    if (isStopped) return;
    if (failure === undefined) {
      log.warn({ token: stray.token, cluster: found.owner.name, node: stray.node }, "a stray machine was removed");
      lastSeen.delete(stray.token);
      await save(stray.shard, { seen: [], gone: [stray.token], events: [strayRemoved(stray, found.owner.name)] });
    } else {
      await save(stray.shard, {
        seen: [{ ...stray, failures: stray.failures + 1, message: failure }],
        gone: [],
        events: [],
      });
    }
  }

  function order(stray: Stray): void {
    if (ordered.has(stray.token) || ordered.size >= MOST_ORDERS || isStopped) return;
    ordered.add(stray.token);
    void reap(stray)
      .catch((thrown: unknown) => {
        if (!isStopped) log.warn({ err: LoomError.from(thrown) }, "a stray machine could not be removed");
      })
      .finally(() => ordered.delete(stray.token));
  }

  return {
    async begin() {
      const heads = await store.heads();
      return { heads, strays: await store.list([...epochs.keys()]) };
    },

    async take(sight, machines, isOwn) {
      const before = new Map(sight.strays.map((stray) => [stray.token, stray]));
      const listed = new Map((machines ?? []).map((machine) => [machine.token, machine]));
      const owners = await store.owners([...new Set([...listed.values()].map(({ clusterUid }) => clusterUid))]);
      const byShard = new Map<number, Changes>();
      const changesOf = (shard: number): Changes => {
        const changes = byShard.get(shard) ?? { seen: [], gone: [], events: [] };
        byShard.set(shard, changes);
        return changes;
      };
      const due: Stray[] = [];
      for (const machine of listed.values()) {
        const owner = owners.get(machine.clusterUid);
        // Two providers may see the same machines; their time would count twice.
        if (owner !== undefined && isOwn({ shard: owner.shard, id: owner.id }) === false) continue;
        // What a job has removed since was there when the provider was asked.
        const isOvertaken = owner !== undefined && owner.changed > (sight.heads.get(owner.shard) ?? 0n);
        const verdict = isOvertaken ? ({ kind: "busy" } as const) : verdictOf(machine, owner);
        const old = before.get(machine.token);
        if (verdict.kind === "stray") {
          const stray = seen(machine, owner!, verdict.incarnation, old);
          const changes = changesOf(stray.shard);
          changes.seen.push(stray);
          if (old === undefined) changes.events.push(strayFound(stray, owner!.name, options.graceMs));
          if (stray.waitedMs >= options.graceMs) due.push(stray);
        } else {
          // Nothing is decided while a job is at work, and nothing is counted.
          lastSeen.delete(machine.token);
          if (old !== undefined && verdict.kind !== "busy") changesOf(old.shard).gone.push(old.token);
        }
      }
      for (const stray of sight.strays) {
        if (listed.has(stray.token) || ordered.has(stray.token)) continue;
        if (isOwn({ shard: stray.shard, id: stray.clusterId }) !== true) continue;
        lastSeen.delete(stray.token);
        if (machines !== undefined) changesOf(stray.shard).gone.push(stray.token);
      }
      for (const [shard, changes] of byShard) await save(shard, changes);
      for (const stray of due) order(stray);
    },

    stop() {
      isStopped = true;
    },
  };
}
