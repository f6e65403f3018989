import assert from "node:assert/strict";
import fc from "fast-check";
import { surplusOf, type JobOutput } from "./retention.js";

const DAY = 86_400_000;
const NOW = 100 * DAY;
const MIB = 1024 ** 2;
const output = (job: number, age: number, more: Partial<JobOutput> = {}): JobOutput => ({
  cluster: 1n,
  job,
  bytes: MIB,
  lastAt: NOW - age * DAY,
  isOver: true,
  ...more,
});
const removed = (outputs: readonly JobOutput[], days: number, mib: number): number[] =>
  surplusOf(outputs, { days, bytes: mib * MIB }, NOW).map(({ output: { job } }) => job);

describe("how long output is kept", () => {
  it("is by its age", () => {
    const outputs = [output(1, 29), output(2, 31), output(3, 99), output(4, 99, { isOver: false })];
    assert.deepEqual(removed(outputs, 30, 100), [3, 2]);
  });

  it("is by how much there is, the oldest first", () => {
    const outputs = [output(1, 1), output(2, 3), output(3, 2), output(4, 4, { isOver: false })];
    assert.deepEqual(removed(outputs, 30, 4), []);
    assert.deepEqual(removed(outputs, 30, 3), [2]);
    assert.deepEqual(removed(outputs, 30, 2), [2, 3]);
  });

  it("says in its place what the rule is", () => {
    const notes = surplusOf([output(1, 31), output(2, 1)], { days: 30, bytes: 1024 ** 2 - 1 }, NOW).map(
      ({ note }) => note,
    );
    assert.deepEqual(notes, [
      "The output of this job was removed: output is kept for 30 days.\n",
      "The output of this job was removed: output is kept up to 0 MiB in all.\n",
    ]);
  });

  it("never takes what is at work, nor the newer before the older, nor more than is needed", () => {
    const any = fc.record({
      cluster: fc.constant(1n),
      job: fc.nat(),
      bytes: fc.nat(10 * MIB),
      lastAt: fc.integer({ min: 0, max: NOW }),
      isOver: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(any), fc.integer({ min: 1, max: 90 }), fc.nat(30), (outputs, days, mib) => {
        const gone = surplusOf(outputs, { days, bytes: mib * MIB }, NOW).map(({ output: one }) => one);
        const kept = outputs.filter((one) => !gone.includes(one));
        const size = (some: readonly JobOutput[]): number => some.reduce((sum, { bytes }) => sum + bytes, 0);
        assert.ok(gone.every(({ isOver }) => isOver));
        const oldest = Math.min(...kept.filter(({ isOver }) => isOver).map(({ lastAt }) => lastAt));
        assert.ok(gone.every(({ lastAt }) => lastAt <= oldest));
        assert.ok(oldest >= NOW - days * DAY);
        assert.ok(size(kept) <= mib * MIB || kept.every(({ isOver }) => !isOver));
        const last = gone.at(-1);
        if (last !== undefined && last.lastAt >= NOW - days * DAY) assert.ok(size(kept) + last.bytes > mib * MIB);
      }),
    );
  });
});
