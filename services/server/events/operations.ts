/** What can be asked of the event feed. */
import { LoomError } from "../../common/errors.js";
import type { IdSpace } from "../../common/ids.js";
import type { Caller, Change, EventOperations } from "../application.js";
import { findCluster } from "../clusters/locate.js";
import { decodePageToken, encodePageToken, pageSize } from "../paging.js";
import { LOG_TOPIC, type Signals } from "../signals.js";
import {
  OBSERVED,
  readEvents,
  readEventsAfter,
  readHeads,
  readObservedAfter,
  readObservedHead,
  type EventScope,
} from "../store/read/events.js";
import type { Rows } from "../store/rows.js";
import type { EventView } from "../views.js";
import { watch } from "../watch.js";

/** Events of one shard sent at once. */
const BATCH = 500;
/** Milliseconds between two looks of a watcher at least, so that a busy log does not flood it. */
const WATCH_PAUSE_MS = 150;

export function createEventOperations(db: Rows, space: IdSpace, signals: Signals): EventOperations {
  async function scopeOf(caller: Caller, cluster: string): Promise<EventScope> {
    if (cluster === "") return { tenant: caller.tenant };
    const { shard, id } = await findCluster(db, caller, cluster, space);
    return { tenant: caller.tenant, cluster: { shard, id } };
  }

  return {
    async list(caller, cluster, request) {
      const limit = pageSize(request.pageSize);
      const shape = ["events", cluster];
      const found = await readEvents(
        db,
        await scopeOf(caller, cluster),
        decodePageToken(shape, request.pageToken, 3),
        limit + 1,
      );
      const page = found.slice(0, limit);
      return {
        items: page.map(({ view }) => view),
        nextPageToken: found.length > limit ? encodePageToken(shape, page.at(-1)!.key) : "",
      };
    },

    async *watch(caller, cluster, resumeToken, signal) {
      const scope = await scopeOf(caller, cluster);
      const heads = await readHeads(db);
      const shards = [...(scope.cluster === undefined ? heads.keys() : [scope.cluster.shard]), OBSERVED];
      const observed: [number, bigint] = [OBSERVED, await readObservedHead(db)];
      // A token of before there were observed events begins with what is observed next.
      const positions = new Map([observed, ...(parsePositions(resumeToken) ?? heads)]);
      const token = (): string => [...positions].map(([shard, seq]) => `${shard}:${seq}`).join(",");
      yield* watch(
        signals,
        [LOG_TOPIC],
        signal,
        WATCH_PAUSE_MS,
        async function* (): AsyncGenerator<Change<readonly EventView[]>, boolean> {
          for (const shard of shards) {
            for (let more = true; more;) {
              const after = positions.get(shard) ?? 0n;
              const found =
                shard === OBSERVED
                  ? await readObservedAfter(db, scope, after, BATCH)
                  : await readEventsAfter(db, scope, shard, after, BATCH);
              more = found.length === BATCH;
              const last = found.at(-1);
              if (last === undefined) break;
              positions.set(shard, last.seq);
              yield { value: found.map(({ view }) => view), resumeToken: token() };
            }
          }
          return false;
        },
        () => ({ value: [], resumeToken: token() }),
      );
    },
  };
}

/** @throws INVALID_RESUME_TOKEN */
function parsePositions(token: string): Map<number, bigint> | undefined {
  if (token === "") return undefined;
  if (!/^(-?\d{1,5}:\d{1,19})(,-?\d{1,5}:\d{1,19}){0,4095}$/.test(token)) {
    throw new LoomError(
      "INVALID_RESUME_TOKEN",
      "The resume token is none of this watch. Leave it out to start with what happens next.",
    );
  }
  return new Map(
    token.split(",").map((part) => {
      const [shard, seq] = part.split(":");
      return [Number(shard), BigInt(seq!)];
    }),
  );
}
