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

  it("never runs twice at a time, also where somebody asks as one round ends", async () => {
    const rounds = createRounds<void>();
    let running = 0;
    let most = 0;
    let done = 0;
    const work = async (): Promise<void> => {
      most = Math.max(most, ++running);
      await new Promise(setImmediate);
      running -= 1;
      done += 1;
    };
    const asking = async (): Promise<void> => {
      for (let round = 0; round < 20; round += 1) await rounds("a", work);
    };
    const first = rounds("a", work).then(() => rounds("a", work));
    await Promise.all([first, asking(), asking(), asking()]);
    assert.equal(most, 1);
    assert.ok(done < 50, `${done} rounds`);
  });
});
