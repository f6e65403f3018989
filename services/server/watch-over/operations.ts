/** What can be asked of strays. */
import type { StrayOperations } from "../application.js";
import { decodePageToken, encodePageToken, pageSize } from "../paging.js";
import { readStrays } from "../store/read/strays.js";
import type { Rows } from "../store/rows.js";

/** @param now milliseconds since 1970 */
export function createStrayOperations(db: Rows, graceMs: number, now: () => number): StrayOperations {
  return {
    async list(caller, request) {
      const limit = pageSize(request.pageSize);
      const shape = ["strays"];
      const found = await readStrays(db, caller.tenant, decodePageToken(shape, request.pageToken, 2), limit + 1);
      const page = found.slice(0, limit);
      const last = page.at(-1);
      return {
        items: page.map(({ waitedMs, ...stray }) => ({
          ...stray,
          removeTime: new Date(now() + Math.max(0, graceMs - waitedMs)),
        })),
        nextPageToken:
          found.length > limit && last !== undefined
            ? encodePageToken(shape, [last.firstSeenTime.toISOString(), last.token])
            : "",
      };
    },
  };
}
