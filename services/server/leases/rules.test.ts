import assert from "node:assert/strict";
import fc from "fast-check";
import { DAY, LONGEST_LEASE, MINUTE, formatLease, parseLease } from "./duration.js";
import { changeLease, initialLease, retryDelay, termsFault, termsOf, warnTime, type Terms } from "./rules.js";

const HOUR = 60 * MINUTE;
const NOW = Date.UTC(2026, 2, 1);
const refused = (pattern: RegExp): { reason: string; message: RegExp } => ({
  reason: "INVALID_LEASE",
  message: pattern,
});

describe("durations of leases", () => {
  it("are read and written", () => {
    for (const [text, milliseconds] of [
      ["0", 0],
      ["0h", 0],
      ["90m", 90 * MINUTE],
      ["8h", 8 * HOUR],
      ["1d12h", 36 * HOUR],
      ["3650d", LONGEST_LEASE],
    ] as const)
      assert.equal(parseLease(text), milliseconds, text);
    for (const bad of ["", "8", "h", "-1h", "1.5h", "8 h", "8H", "1w", "3651d", "1h-", "9999999999s"])
      assert.equal(parseLease(bad), undefined, bad);
    assert.equal(formatLease(36 * HOUR + 5000), "1d12h5s");
    assert.equal(formatLease(999), "0s");
    fc.assert(
      fc.property(fc.integer({ min: 0, max: LONGEST_LEASE / 1000 }), (seconds) => {
        assert.equal(parseLease(formatLease(seconds * 1000)), seconds * 1000);
      }),
    );
  });
});

describe("rules of leases", () => {
  it("of a template: the maximum is the initial lease where no other is given", () => {
    assert.deepEqual(termsOf(undefined), { initial: 0, max: 0, step: 0 });
    assert.deepEqual(termsOf({ initial: "8h", max: "30d", step: "1d" }), {
      initial: 8 * HOUR,
      max: 30 * DAY,
      step: DAY,
    });
    assert.deepEqual(termsOf({ max: "2h" }), { initial: 2 * HOUR, max: 2 * HOUR, step: 0 });
    assert.equal(termsFault({}), undefined);
    assert.equal(termsFault({ initial: "0", step: "1d" }), undefined);
    assert.equal(termsFault({ initial: "1d", max: "1d" }), undefined);
    assert.match(termsFault({ initial: "0", max: "1d" })!.message, /without end is longer than the maximum of 1d/);
    assert.match(termsFault({ initial: "2d", max: "1d" })!.message, /2d is longer than the maximum of 1d/);
  });

  it("of a new cluster: what is asked for, up to the initial lease", () => {
    const terms = { initial: 8 * HOUR, max: 0, step: 0 };
    assert.equal(initialLease(terms, undefined), 8 * HOUR);
    assert.equal(initialLease(terms, HOUR), HOUR);
    assert.equal(initialLease(terms, 8 * HOUR), 8 * HOUR);
    assert.throws(() => initialLease(terms, 8 * HOUR + 1000), refused(/at most 8h, not 8h1s.*extended later/));
    assert.throws(() => initialLease(terms, 0), refused(/at most 8h, not one without end/));
    const free = { initial: 0, max: 0, step: 0 };
    assert.equal(initialLease(free, undefined), 0);
    assert.equal(initialLease(free, 0), 0);
    assert.equal(initialLease(free, 77_000), 77_000);
    for (const bad of [-1, 0.5, Number.NaN, LONGEST_LEASE + 1])
      assert.throws(() => initialLease(free, bad), refused(/./));
  });

  it("of a change: later by a step at most, with and without a maximum; earlier always", () => {
    const lease = { createTime: NOW - HOUR, expireTime: NOW + HOUR };
    const later = (terms: Partial<Terms>, by: number): number | undefined =>
      changeLease({ initial: 0, max: 0, step: 0, ...terms }, lease, { to: "later", by }, NOW);
    assert.equal(later({}, DAY), NOW + HOUR + DAY);
    assert.equal(later({ step: DAY }, DAY), NOW + HOUR + DAY);
    assert.throws(
      () => later({ step: DAY }, DAY + 1000),
      refused(/at most 1d at once, so now until 2026-03-02 01:00:00/),
    );
    assert.equal(later({ max: 3 * HOUR }, HOUR), NOW + 2 * HOUR);
    assert.throws(
      () => later({ max: 3 * HOUR }, HOUR + 1000),
      refused(/for 3h in all, so until 2026-03-01 02:00:00 UTC/),
    );
    assert.throws(() => later({}, 0), refused(/one second or more/));
    assert.throws(() => later({}, LONGEST_LEASE), refused(/at most 3650d from now/));
    const at = (expireTime: number): number | undefined =>
      changeLease({ initial: HOUR, max: HOUR, step: 1000 }, lease, { to: "time", expireTime }, NOW);
    assert.equal(at(NOW + 1000), NOW + 1000);
    assert.equal(at(NOW + HOUR), NOW + HOUR);
    assert.throws(() => at(NOW), refused(/is past.*delete it/));
  });

  it("of a change from and to a lease without end", () => {
    const forever = { createTime: NOW, expireTime: undefined };
    const ends = { createTime: NOW, expireTime: NOW + HOUR };
    const terms = (values: Partial<Terms>): Terms => ({ initial: 0, max: 0, step: 0, ...values });
    assert.equal(changeLease(terms({}), ends, { to: "never" }, NOW), undefined);
    assert.equal(changeLease(terms({ step: 1 }), forever, { to: "never" }, NOW), undefined);
    assert.throws(() => changeLease(terms({ max: DAY }), ends, { to: "never" }, NOW), refused(/1d in all/));
    assert.throws(() => changeLease(terms({ step: DAY }), ends, { to: "never" }, NOW), refused(/steps of at most 1d/));
    assert.throws(() => changeLease(terms({}), forever, { to: "later", by: 1 }, NOW), refused(/lives for ever/));
    // An end where there was none is earlier than never, whatever the step.
    const time = { to: "time", expireTime: NOW + 10 * DAY } as const;
    assert.equal(changeLease(terms({ step: 1 }), forever, time, NOW), NOW + 10 * DAY);
  });

  it("of a lease that is over: it is extended from now on", () => {
    const over = { createTime: NOW - DAY, expireTime: NOW - HOUR };
    const terms = { initial: 0, max: 0, step: HOUR };
    assert.equal(changeLease(terms, over, { to: "later", by: HOUR }, NOW), NOW + HOUR);
    assert.throws(() => changeLease(terms, over, { to: "later", by: HOUR + 1 }, NOW), refused(/at once/));
  });

  it("hold for every lease there is", () => {
    const span = fc.integer({ min: 0, max: 400 }).map((hours) => hours * HOUR);
    const change = fc.oneof(
      fc.record({ to: fc.constant("later" as const), by: span }),
      fc.record({
        to: fc.constant("time" as const),
        expireTime: fc.integer({ min: -400, max: 800 }).map((h) => NOW + h * HOUR),
      }),
      fc.constant({ to: "never" as const }),
    );
    const terms = fc.record({ initial: span, max: span, step: span });
    const age = fc.record({ age: span, left: fc.option(fc.integer({ min: -100, max: 400 }), { nil: undefined }) });
    fc.assert(
      fc.property(terms, age, change, ({ initial, max, step }, lease, asked) => {
        const createTime = NOW - lease.age;
        const expireTime = lease.left === undefined ? undefined : NOW + lease.left * HOUR;
        let end: number | undefined;
        try {
          end = changeLease({ initial, max, step }, { createTime, expireTime }, asked, NOW);
        } catch (thrown) {
          assert.equal((thrown as { reason: string }).reason, "INVALID_LEASE");
          // What takes time away is never refused.
          const isEarlier =
            asked.to === "time" && asked.expireTime > NOW && expireTime !== undefined && asked.expireTime <= expireTime;
          assert.equal(isEarlier, false);
          return;
        }
        if (end === undefined) return assert.ok(expireTime === undefined || (max === 0 && step === 0));
        assert.ok(end > NOW);
        if (expireTime !== undefined && end <= expireTime) return;
        if (max > 0) assert.ok(end <= createTime + max);
        if (step > 0 && expireTime !== undefined) assert.ok(end - Math.max(expireTime, NOW) <= step);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("warnings and tries", () => {
  it("come a tenth before the end, within bounds and never in the first half", () => {
    const before = (lease: number): number => NOW + lease - warnTime(NOW, NOW + lease);
    assert.equal(before(8 * HOUR), 48 * MINUTE);
    assert.equal(before(HOUR), 10 * MINUTE);
    assert.equal(before(4 * MINUTE), 2 * MINUTE);
    assert.equal(before(100 * DAY), DAY);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: LONGEST_LEASE }), (lease) => {
        assert.ok(before(lease) >= 0 && before(lease) <= lease / 2);
      }),
    );
  });

  it("are repeated after twice as long each time, an hour at most", () => {
    assert.deepEqual(
      [1, 2, 3, 4, 5, 6, 60].map((tries) => retryDelay(tries, 180_000) / MINUTE),
      [3, 6, 12, 24, 48, 60, 60],
    );
    assert.equal(retryDelay(9, 2 * HOUR), 2 * HOUR);
  });
});
