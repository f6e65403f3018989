import assert from "node:assert/strict";
import { summarize } from "./profile.js";

const frame = (functionName: string, url = "") => ({ functionName, url, lineNumber: 9 });

/** Six samples of 100 microseconds each, beginning at 1000. */
const PROFILE = {
  startTime: 900,
  nodes: [
    { id: 1, callFrame: frame("(root)"), children: [2, 3, 4, 6] },
    { id: 2, callFrame: frame("(idle)") },
    { id: 3, callFrame: frame("(garbage collector)") },
    { id: 4, callFrame: frame("query", "file:///x/node_modules/pg/lib/client.js"), children: [5] },
    { id: 5, callFrame: frame("writev") },
    { id: 6, callFrame: frame("onread", "node:internal/stream_base_commons"), children: [7] },
    { id: 7, callFrame: frame("turn", "file:///x/build/services/server/jobs/run.js") },
  ],
  samples: [2, 4, 5, 3, 6, 7],
  timeDeltas: [100, 100, 100, 100, 100, 100],
};

const shares = (of: readonly { readonly part: string; readonly share: number }[]): Record<string, number> =>
  Object.fromEntries(of.map(({ part, share }) => [part, Number(share.toFixed(3))]));

describe("summary of a profile", () => {
  it("counts what has no part of its own with the part that called it", () => {
    const { main, functions } = summarize(PROFILE, 1000, 1499);
    assert.deepEqual(shares(main), {
      "database client": 0.4,
      waits: 0.2,
      "garbage collection": 0.2,
      "node itself": 0.2,
    });
    assert.deepEqual(functions.map(({ name }) => name).toSorted(), [
      "(garbage collector)",
      "onread node:internal/stream_base_commons:10",
      "query pg/lib/client.js:10",
      "writev",
    ]);
  });

  it("knows what happened between two moments only", () => {
    assert.deepEqual(shares(summarize(PROFILE, 1100, 1250).main), { "database client": 1 });
    assert.deepEqual(shares(summarize(PROFILE, 1300, 1399).main), { "garbage collection": 1 });
  });

  it("has nothing to say of no time at all", () => {
    assert.deepEqual(summarize(PROFILE, 5000, 6000), { main: [], functions: [] });
  });
});
