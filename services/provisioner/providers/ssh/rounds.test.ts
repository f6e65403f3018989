import assert from "node:assert/strict";
import { createRounds } from "./rounds.js";

describe("work done in rounds", () => {
  it("is done anew for all who ask while it runs, once", async () => {
    const rounds = createRounds<number>();
    const ends: (() => void)[] = [];
    const work = (): Promise<number> => {
      const number = ends.length;
      return new Promise((resolve) => ends.push(() => resolve(number)));
    };
    const first = rounds("a", work);
    const later = [rounds("a", work), rounds("a", work)];
    const other = rounds("b", work);
    assert.equal(ends.length, 2);
    ends[0]!();
    assert.equal(await first, 0);
    while (ends.length < 3) await new Promise(setImmediate);
    const last = rounds("a", work);
    ends[2]!();
    assert.deepEqual(await Promise.all(later), [2, 2]);
    while (ends.length < 4) await new Promise(setImmediate);
    ends[3]!();
    assert.equal(await last, 3);
    ends[1]!();
    assert.equal(await other, 1);
    // Nothing is left of them.
    const again = rounds("a", work);
    ends[4]!();
    assert.equal(await again, 4);
  });
});
