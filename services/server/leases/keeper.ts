/**
 * Ends leases: a pass now and then deletes the clusters whose time is over, as their owner, and warns of those whose
 * time is nearly over. A reconciler: each pass looks at the database alone and remembers nothing, so it may die at any
 * moment; what was tried is in the records, and what failed is tried again later.
 */
import { LoomError } from "../../common/errors.js";
import { META_SHARD, clusterName } from "../../common/ids.js";
import type { Logger } from "../../common/log.js";
import type { LeaseWarned, OpAccepted } from "../records/types.js";
import { JOBS_TOPIC, LOG_TOPIC, clusterTopic, type Signals } from "../signals.js";
import { createPasses, type PassTiming, type Passes } from "../passes.js";
import { readDueLease, readDueLeases, type DueLease } from "../store/leases.js";
import type { Log } from "../store/log.js";
import type { Rows } from "../store/rows.js";
import { retryDelay } from "./rules.js";

export interface LeaseKeeperServices {
  readonly db: Rows;
  readonly log: Log;
  readonly epochs: ReadonlyMap<number, bigint>;
  readonly signals: Signals;
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  now(): number;
}

/** A pass tells how many clusters it deleted or warned of. */
export type LeaseKeeper = Passes<number>;

/** Clusters looked up at once. */
const BATCH = 500;

export function createLeaseKeeper(timing: PassTiming, services: LeaseKeeperServices): LeaseKeeper {
  const { db, log, epochs, signals, logger } = services;
  const shards = [...epochs.keys()].filter((shard) => shard !== META_SHARD);

  /** The record that is due for a cluster at this moment. */
  function bodyFor(due: DueLease, now: number): LeaseWarned | OpAccepted {
    const expireTime = due.expireTime.toISOString();
    if (due.expireTime.getTime() > now) return { kind: "LeaseWarned", expireTime };
    const tries = due.tries + 1;
    return {
      kind: "OpAccepted",
      job: due.lastJob + 1,
      operation: "DELETE",
      request: {},
      change: {},
      credential: "",
      sourceAddress: "",
      expired: { expireTime, tries, nextTry: new Date(now + retryDelay(tries, timing.passMs)).toISOString() },
    };
  }

  /** False where nothing is due any more: the head of the shard is locked, so this is the last word. */
  async function settle({ shard, id, tenant, owner, displayName }: DueLease): Promise<boolean> {
    const body = await log.append(
      { name: "end lease", shard, epoch: epochs.get(shard)!, tenant, actor: owner },
      async (tx) => {
        const now = services.now();
        const due = await readDueLease(tx, shard, id, new Date(now));
        const drafted = due === undefined ? undefined : bodyFor(due, now);
        return {
          bodies: drafted === undefined ? [] : [drafted],
          clusterId: id,
          answer: () => Promise.resolve(drafted),
        };
      },
    );
    if (body === undefined) return false;
    const topics = body.kind === "OpAccepted" ? [JOBS_TOPIC, LOG_TOPIC, clusterTopic(id)] : [LOG_TOPIC];
    for (const topic of topics) signals.notify(topic);
    if (body.kind === "OpAccepted")
      logger.info({ cluster: clusterName(displayName, id), job: body.job }, "a lease is over; its cluster is deleted");
    return true;
  }

  async function pass(isStopped: () => boolean): Promise<number> {
    let settled = 0;
    for (;;) {
      const due = await readDueLeases(db, shards, new Date(services.now()), BATCH);
      let now = 0;
      for (const one of due) {
        if (isStopped()) return settled;
        try {
          if (await settle(one)) now += 1;
        } catch (thrown) {
          const error = LoomError.from(thrown);
          if (error.reason === "SHUTTING_DOWN") throw error;
          logger.warn(
            { err: thrown, cluster: String(one.id) },
            "a lease could not be ended; the next pass tries again",
          );
        }
      }
      settled += now;
      // Those that could not be settled would only come again.
      if (due.length < BATCH || now === 0) return settled;
    }
  }

  return createPasses(timing, pass, (thrown) =>
    logger.warn({ err: thrown }, "a pass over leases failed; the next one does its work"),
  );
}
