import assert from "node:assert/strict";
import { LoomError } from "../../common/errors.js";
import { checkFits } from "./limits.js";

/** What is said where it does not fit. */
function fault(
  limits: { readonly maxClusters?: number; readonly maxNodes?: number },
  used: [clusters: number, nodes: number],
  asked: [clusters: number, nodes: number],
): string | undefined {
  const use = ([clusters, nodes]: [number, number]) => ({ clusters, nodes });
  try {
    checkFits("t", { maxClusters: undefined, maxNodes: undefined, ...limits }, use(used), use(asked));
    return undefined;
  } catch (thrown) {
    assert.ok(thrown instanceof LoomError);
    assert.equal(thrown.reason, "QUOTA_EXCEEDED");
    return thrown.message;
  }
}

describe("checkFits", () => {
  it("lets through what fits, to the last node", () => {
    assert.equal(fault({}, [1e6, 1e6], [1, 10_000]), undefined);
    assert.equal(fault({ maxClusters: 2, maxNodes: 5 }, [1, 3], [1, 2]), undefined);
    assert.equal(fault({ maxClusters: 0 }, [3, 9], [0, 2]), undefined, "nodes are no clusters");
    assert.equal(fault({ maxNodes: 0 }, [3, 9], [0, 0]), undefined, "what takes nothing is never too much");
  });

  it("refuses what does not, and says how much would be needed", () => {
    assert.match(
      fault({ maxNodes: 5 }, [1, 3], [1, 3])!,
      /"t" may have 5 nodes and has 3; 3 more would be 6.*--nodes 6"/,
    );
    assert.match(
      fault({ maxClusters: 1 }, [1, 3], [1, 3])!,
      /may have 1 cluster and has 1; 1 more would be 2.*--clusters 2"/,
    );
    assert.match(fault({ maxNodes: 5 }, [1, 9], [0, 1])!, /may have 5 nodes and has 9; 1 more would be 10/);
    assert.match(fault({ maxClusters: 0, maxNodes: 0 }, [0, 0], [1, 1])!, /may have 0 clusters/);
  });
});
