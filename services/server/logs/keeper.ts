/** Removes the output of scripts that is kept no more, job by job, now and then. */
import type { Logger } from "../../common/log.js";
import { createPasses, type PassTiming, type Passes } from "../passes.js";
import type { LogRetentionStore } from "../store/log-retention.js";
import { surplusOf, type Retention } from "./retention.js";

/** A pass tells of how many jobs it has removed the output. */
export type LogKeeper = Passes<number>;

/** @param now milliseconds since 1970 */
export function createLogKeeper(
  timing: PassTiming,
  retention: Retention,
  store: LogRetentionStore,
  logger: Logger,
  now: () => number,
): LogKeeper {
  async function pass(isStopped: () => boolean): Promise<number> {
    const surplus = surplusOf(await store.outputs(), retention, now());
    let removed = 0;
    for (const { output, note } of surplus) {
      if (isStopped()) break;
      await store.remove(output, note);
      removed += 1;
    }
    if (removed > 0) logger.info({ jobs: removed }, "output of scripts was removed, since it is kept no longer");
    return removed;
  }
  return createPasses(timing, pass, (thrown) =>
    logger.warn({ err: thrown }, "a pass over the output of scripts failed; the next one does its work"),
  );
}
