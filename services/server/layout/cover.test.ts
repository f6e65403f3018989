import assert from "node:assert/strict";
import fc from "fast-check";
import { Budget } from "./budget.js";
import { createCover } from "./cover.js";
import { heaviest } from "./heaviest.js";
import { createPacking, type Axis, type Packing } from "./packing.js";

const STEPS = 2_000_000;

interface Input {
  readonly count: number;
  readonly apart: readonly (readonly number[])[];
  readonly axes: readonly Axis[];
  readonly needs: readonly number[];
}

const packingOf = ({ count, apart, axes }: Input): Packing =>
  createPacking(new Array<number>(count).fill(1), apart, axes);

/** Every set of items that can be together, by the rules themselves; a set is a number with a bit for each item. */
function setsOf({ count, apart, axes }: Input): number[] {
  const has = (set: number, item: number): boolean => (set & (1 << item)) !== 0;
  return Array.from({ length: 1 << count }, (_, set) => set).filter(
    (set) =>
      set !== 0 &&
      !apart.some((members) => members.every((item) => has(set, item))) &&
      axes.every(({ count: values, allowed }) =>
        Array.from({ length: values }, (_, value) => value).some((value) =>
          allowed.every((list, item) => !has(set, item) || list === undefined || list.includes(value)),
        ),
      ),
  );
}

/** The fewest nodes for the needs, by trying every set for the first item that is needed. */
function fewest(sets: readonly number[], needs: readonly number[], known = new Map<string, number>()): number {
  const first = needs.findIndex((need) => need > 0);
  if (first === -1) return 0;
  const key = needs.join();
  const before = known.get(key);
  if (before !== undefined) return before;
  const counts = sets
    .filter((set) => (set & (1 << first)) !== 0)
    .map(
      (set) =>
        1 +
        fewest(
          sets,
          needs.map((need, item) => ((set & (1 << item)) !== 0 ? Math.max(0, need - 1) : need)),
          known,
        ),
    );
  const least = Math.min(...counts);
  known.set(key, least);
  return least;
}

const anyInput: fc.Arbitrary<Input> = fc.integer({ min: 2, max: 6 }).chain((count) => {
  const items = Array.from({ length: count }, (_, item) => item);
  const axis = fc
    .array(fc.option(fc.subarray([0, 1, 2], { minLength: 1 })), { minLength: count, maxLength: count })
    .map((lists): Axis => ({ count: 3, allowed: lists.map((list) => list ?? undefined) }));
  return fc.record({
    count: fc.constant(count),
    apart: fc.array(fc.subarray(items, { minLength: 2, maxLength: Math.min(4, count) }), { maxLength: 10 }),
    axes: fc.oneof(fc.constant([]), fc.array(axis, { maxLength: 2 })),
    needs: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: count, maxLength: count }),
  });
});

describe("createCover", () => {
  it("fits needs on exactly the fewest nodes and on no fewer", () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const least = fewest(setsOf(input), input.needs);
        // One cover answers several questions, so what it learns from one must hold for the others.
        const cover = createCover(packingOf(input), new Budget(STEPS));
        for (const nodes of [least, least - 1, least + 1, Math.max(0, least - 2)]) {
          assert.equal(cover.fits(input.needs, nodes), nodes >= least, `${nodes} nodes where ${least} are enough`);
        }
      }),
      { numRuns: 400 },
    );
  });

  it("finds a cover that neither greed nor rounding finds", () => {
    const input: Input = {
      count: 9,
      axes: [],
      needs: [3, 1, 1, 3, 2, 3, 3, 1, 3],
      apart: [
        [0, 1, 7],
        [0, 2],
        [0, 3, 4],
        [0, 4],
        [0, 5],
        [0, 6],
        [1, 2],
        [1, 3],
        [1, 4],
        [1, 6],
        [1, 7],
        [1, 8],
        [2, 3],
        [2, 4],
        [2, 5],
        [2, 6],
        [2, 7],
        [2, 8],
        [3, 4],
        [3, 5],
        [3, 7, 8],
        [4, 5, 7],
        [4, 8],
        [5, 7],
        [6, 7],
      ],
    };
    const cover = createCover(packingOf(input), new Budget(STEPS));
    assert.deepEqual([cover.fits(input.needs, 8), cover.fits(input.needs, 7)], [true, false]);
    assert.equal(fewest(setsOf(input), input.needs), 8);
  });

  it("gives bounds that hold", () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const cover = createCover(packingOf(input), new Budget(STEPS));
        for (let nodes = 0; nodes < 8; nodes += 1) cover.fits(input.needs, nodes);
        for (const { prices, limit } of cover.bounds) {
          for (const set of setsOf(input)) {
            assert.ok(prices.reduce((sum, price, item) => sum + ((set & (1 << item)) === 0 ? 0 : price), 0) <= limit);
          }
        }
      }),
    );
  });
});

describe("heaviest", () => {
  it("finds a set as heavy as any", () => {
    fc.assert(
      fc.property(
        anyInput,
        fc.array(fc.integer({ min: -2, max: 9 }), { minLength: 6, maxLength: 6 }),
        fc.integer({ min: 0, max: 12 }),
        (input, weights, floor) => {
          const worth = (set: number): number =>
            weights.reduce((sum, weight, item) => sum + ((set & (1 << item)) === 0 ? 0 : weight), 0);
          const most = Math.max(0, ...setsOf(input).map(worth));
          const found = heaviest(packingOf(input), weights.slice(0, input.count), floor, new Budget(STEPS));
          assert.equal(found?.weight, most > floor ? most : undefined);
          if (found === undefined) return;
          const set = found.members.reduce((bits, item) => bits | (1 << item), 0);
          assert.ok(setsOf(input).includes(set) && worth(set) === most);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
