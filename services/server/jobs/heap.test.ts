import assert from "node:assert/strict";
import fc from "fast-check";
import { createNumberHeap } from "./heap.js";

describe("createNumberHeap", () => {
  it("gives the smallest of what it holds, in any mix of pushes and pops", () => {
    fc.assert(
      fc.property(
        fc.array(fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined }), { size: "large" }),
        (steps) => {
          const heap = createNumberHeap();
          const held: number[] = [];
          for (const value of steps) {
            if (value === undefined) {
              held.sort((a, b) => a - b);
              assert.equal(heap.pop(), held.shift());
            } else {
              heap.push(value);
              held.push(value);
            }
            assert.equal(heap.size, held.length);
          }
          held.sort((a, b) => a - b);
          for (const value of held) assert.equal(heap.pop(), value);
          assert.equal(heap.pop(), undefined);
        },
      ),
    );
  });
});
