import assert from "node:assert/strict";
import fc from "fast-check";
import { createConduit } from "./conduit.js";

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const taken: T[] = [];
  for await (const one of source) taken.push(one);
  return taken;
}

describe("conduit", () => {
  it("hands on everything in order, whatever the limit and whoever is faster", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer()),
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        async (values, limit, waits) => {
          const conduit = createConduit<number>(limit);
          const taken = all(conduit);
          for (const value of values) {
            const wait = conduit.push(value);
            if (waits) await wait;
          }
          conduit.end();
          assert.deepEqual(await taken, values);
        },
      ),
    );
  });

  it("asks who gives to pause at its limit, and to go on when one was taken", async () => {
    const conduit = createConduit<number>(2);
    assert.equal(conduit.push(1), undefined);
    let isRoom = false;
    const wait = conduit.push(2)!.then(() => (isRoom = true));
    await Promise.resolve();
    assert.equal(isRoom, false);
    const iterator = conduit[Symbol.asyncIterator]();
    await iterator.next();
    await wait;
    assert.equal(isRoom, true);
  });

  it("throws its error after the rest", async () => {
    const conduit = createConduit<number>(1);
    void conduit.push(1);
    conduit.end(new Error("broken"));
    conduit.end(new Error("later"));
    const iterator = conduit[Symbol.asyncIterator]();
    assert.equal((await iterator.next()).value, 1);
    await assert.rejects(iterator.next(), /broken/);
  });

  it("frees who waits where it is aborted, or where nobody takes any more", async () => {
    const aborted = createConduit<number>(1);
    const wait = aborted.push(1);
    aborted.abort();
    await wait;
    assert.deepEqual(await all(aborted), []);

    const left = createConduit<number>(1);
    const waiting = left.push(1);
    for await (const _ of left) break;
    await waiting;
    assert.equal(left.push(2), undefined);
  });

  it("wakes who takes where it is aborted", async () => {
    const conduit = createConduit<number>(1);
    const taken = all(conduit);
    conduit.abort();
    assert.deepEqual(await taken, []);
  });
});
