/**
 * Watches over clusters: compares what providers have with what should be, every so often, and after every job of the
 * clusters it was about. A reconciler: a pass looks at the database and the providers alone, does not retry, and the
 * next pass does its work again. It changes nothing but what is shown, and removes machines that nobody owns.
 */
import { META_SHARD } from "../../common/ids.js";
import type { Logger } from "../../common/log.js";
import { LOG_TOPIC, clusterTopic, type Signals } from "../signals.js";
import type { Look, ObservationStore, WatchedCluster } from "../store/observations.js";
import { servedBy, type InventoryQuestion, type ObservedMachine } from "../workers/types.js";
import { createGroups, type Group, type Place } from "./groups.js";
import { lookAt, type LookResult } from "./look.js";
import type { Sight, StrayWatch } from "./stray-watch.js";
import { createTurns } from "./turns.js";

export interface WatcherOptions {
  /** Milliseconds between two passes; 0: only what is asked for is looked at. */
  readonly passMs: number;
  /** Milliseconds before the first one. */
  readonly firstMs: number;
  /** Milliseconds between an answer that is worse than before and the one that has to say so again. */
  readonly confirmMs: number;
}

export interface WatcherServices {
  readonly store: ObservationStore;
  readonly strays: StrayWatch;
  readonly epochs: ReadonlyMap<number, bigint>;
  readonly signals: Signals;
  readonly log: Logger;
  /** Milliseconds that never go back. */
  monotonic(): number;
  /** @throws PROVIDER_UNREACHABLE */
  inventory(question: InventoryQuestion): Promise<readonly ObservedMachine[]>;
  /** Whether a connected worker serves it (`servedBy`). */
  isServed(served: string): boolean;
}

export interface Watcher {
  start(): void;
  /** Ends when what is under way has, or soon after. */
  stop(): Promise<void>;
  /** Looks at everything, once, now. Never rejects. */
  pass(): Promise<void>;
  /**
   * Looks at one cluster now. What was found stands in readObservations afterwards, unless a job is at work; never
   * rejects. Takes as long as the provider does, a little longer where something got worse, and no longer than
   * `withinMs`; what is found later counts all the same.
   */
  observeCluster(cluster: Place, withinMs?: number): Promise<void>;
}

/** A pass whose looks are under way. */
interface Launched {
  readonly looks: Promise<unknown>;
}

/** Milliseconds between looks at clusters whose job has ended, where many end. */
const DUE_PAUSE_MS = 1_000;
/** So long after a start a provider without a provisioner is no news: it is about to connect. */
const CONNECT_MS = 30_000;
/** Machines of a cluster that is gone are looked for so many days: an order to make one may be carried out late. */
const ENDED_DAYS = 7;
/** Whoever waits for a look at one cluster waits so long. */
const OBSERVE_MS = 10_000;
const PRUNE_MS = 3_600_000;

export function createWatcher(options: WatcherOptions, services: WatcherServices): Watcher {
  const { store, strays, epochs, signals, log, monotonic } = services;
  const shards = [...epochs.keys()].filter((shard) => shard !== META_SHARD);
  const groups = createGroups(store);
  const stopped = new AbortController();
  const begun = monotonic();
  const ask = createTurns(lookAtGroup);
  let looping: Promise<void> = Promise.resolve();
  let launching: Promise<Launched> | undefined;
  let prunedAt = 0;

  async function save(result: LookResult): Promise<void> {
    const byShard = new Map<number, Look[]>();
    for (const look of result.looks)
      byShard.set(look.cluster.shard, [...(byShard.get(look.cluster.shard) ?? []), look]);
    for (const [shard, looks] of byShard) {
      const changed = await store.save({ shard, epoch: epochs.get(shard)! }, looks);
      for (const id of changed) signals.notify(clusterTopic(id));
    }
    if (result.events.length > 0)
      await store.tell({ shard: META_SHARD, epoch: epochs.get(META_SHARD)! }, result.events);
    if (result.events.length > 0 || result.looks.some(({ events }) => events.length > 0)) signals.notify(LOG_TOPIC);
  }

  async function lookAtGroup(group: Group, isPass: boolean): Promise<void> {
    if (stopped.signal.aborted) return;
    const { providerType, provisioner, provider } = group.question;
    const isOwn = (place: Place): boolean | undefined => {
      const key = groups.keyOf(place);
      return key === undefined ? undefined : key === group.key;
    };
    let sight: Sight | undefined;
    let strange: readonly ObservedMachine[] | undefined;
    try {
      if (isPass) sight = await strays.begin();
      if (monotonic() - begun >= CONNECT_MS || services.isServed(servedBy(providerType, provisioner))) {
        const result = await lookAt({ store, confirmMs: options.confirmMs, inventory: services.inventory }, group);
        await save(result);
        if (result.isKnown) strange = result.others;
      }
    } catch (thrown) {
      if (!stopped.signal.aborted)
        log.warn({ err: thrown, provider }, "a look at clusters failed; the next one does its work");
    }
    if (sight === undefined) return;
    try {
      await strays.take(sight, strange, isOwn);
    } catch (thrown) {
      if (!stopped.signal.aborted)
        log.warn({ err: thrown, provider }, "strays could not be kept; the next look does its work");
    }
  }

  async function lookAtClusters(clusters: readonly WatchedCluster[]): Promise<void> {
    if (clusters.length === 0) return;
    await Promise.all((await groups.of(clusters, [], false)).map((group) => ask(group, false)));
  }

  async function observe(place: Place): Promise<void> {
    try {
      const cluster = await store.one(place.shard, place.id);
      if (cluster !== undefined) await lookAtClusters([cluster]);
    } catch (thrown) {
      log.warn({ err: thrown, cluster: String(place.id) }, "a cluster could not be looked at");
    }
  }

  /** Reads what there is, and asks for a look at all of it. */
  async function launch(): Promise<Launched> {
    const places = (await strays.begin()).strays.map(({ shard, clusterId }): Place => ({ shard, id: clusterId }));
    const others = [...(await store.ended(shards, ENDED_DAYS)), ...places];
    const all = await groups.of(await store.watched(shards, false), others, true);
    return { looks: Promise.all(all.map((group) => ask(group, true))) };
  }

  async function pass(): Promise<void> {
    try {
      // A pass that waits for a slow provider is no reason to leave the others alone.
      launching ??= launch().finally(() => (launching = undefined));
      await (
        await launching
      ).looks;
      if (monotonic() - prunedAt > PRUNE_MS) {
        prunedAt = monotonic();
        await store.prune();
      }
    } catch (thrown) {
      if (!stopped.signal.aborted)
        log.warn({ err: thrown }, "a pass over the clusters failed; the next one does its work");
    }
  }

  async function loop(): Promise<void> {
    const changed = signals.subscribe([LOG_TOPIC]);
    let next = begun + options.firstMs;
    try {
      while (!stopped.signal.aborted) {
        await changed.wait(Math.max(1, next - monotonic()), stopped.signal);
        if (stopped.signal.aborted) return;
        if (monotonic() >= next) {
          next = monotonic() + options.passMs;
          void pass();
        } else {
          const due = await store.watched(shards, true).catch(() => []);
          void lookAtClusters(due).catch(() => undefined);
        }
        await pause(DUE_PAUSE_MS, stopped.signal);
      }
    } finally {
      changed.close();
    }
  }

  return {
    start() {
      if (options.passMs > 0) looping = loop();
    },
    async stop() {
      stopped.abort();
      strays.stop();
      await looping;
    },
    pass,
    async observeCluster(place, withinMs = OBSERVE_MS) {
      const late = new AbortController();
      await Promise.race([observe(place), pause(withinMs, late.signal)]);
      late.abort();
    },
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}
