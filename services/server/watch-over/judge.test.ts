import assert from "node:assert/strict";
import fc from "fast-check";
import { findingsOf, isWorse, settle, type ExpectedNode, type Finding } from "./judge.js";

const FINDINGS: readonly Finding[] = ["UP", "DOWN", "MISSING"];
const severity = (finding: Finding): number => FINDINGS.indexOf(finding);
const finding = fc.constantFrom(...FINDINGS);
/** What was known before and what two answers say of the same nodes. */
const looks = fc
  .uniqueArray(fc.integer({ min: 1000, max: 1020 }), { minLength: 1 })
  .chain((numbers) =>
    fc.record({
      numbers: fc.constant(numbers),
      before: fc.array(fc.option(finding), { minLength: numbers.length, maxLength: numbers.length }),
      first: fc.array(finding, { minLength: numbers.length, maxLength: numbers.length }),
      second: fc.option(fc.array(finding, { minLength: numbers.length, maxLength: numbers.length })),
    }),
  )
  .map(({ numbers, before, first, second }) => ({
    numbers,
    before: new Map(numbers.flatMap((n, i): [number, Finding][] => (before[i] === null ? [] : [[n, before[i]!]]))),
    first: new Map(numbers.map((n, i): [number, Finding] => [n, first[i]!])),
    second: second === null ? undefined : new Map(numbers.map((n, i): [number, Finding] => [n, second[i]!])),
  }));

describe("findingsOf", () => {
  it("tells up, down and missing by the token of the present machine alone", () => {
    const node = (number: number, token: string): ExpectedNode => ({
      number,
      incarnation: 1,
      token,
      machine: `m-${token}`,
    });
    const machines = new Map([
      ["a", { running: true }],
      ["b", { running: false }],
      ["old", { running: true }],
    ]);
    assert.deepEqual(
      [...findingsOf([node(1000, "a"), node(1001, "b"), node(1002, "new")], machines, new Set())],
      [
        [1000, "UP"],
        [1001, "DOWN"],
        [1002, "MISSING"],
      ],
    );
    assert.deepEqual([...findingsOf([], machines, new Set())], []);
    // A machine that says nothing is no proof that it is not there; one that is told elsewhere is believed.
    const silent = new Set(["m-new", "m-a"]);
    assert.deepEqual(
      [...findingsOf([node(1000, "a"), node(1001, "new"), node(1002, "newer")], machines, silent)],
      [
        [1000, "UP"],
        [1001, "DOWN"],
        [1002, "MISSING"],
      ],
    );
  });
});

describe("settle", () => {
  it("says nothing worse than before unless both answers do, and nothing worse than either", () => {
    fc.assert(
      fc.property(looks, ({ numbers, before, first, second }) => {
        const after = settle(before, first, second);
        assert.deepEqual([...after.keys()], numbers);
        for (const number of numbers) {
          const known = before.get(number) ?? "UP";
          const now = after.get(number)!;
          assert.ok(severity(now) <= Math.max(severity(known), severity(first.get(number)!)));
          if (severity(now) > severity(known)) {
            assert.ok(severity(first.get(number)!) >= severity(now));
            assert.ok(second !== undefined && severity(second.get(number)!) >= severity(now));
          }
          // What is better is believed at once.
          if (severity(first.get(number)!) <= severity(known)) assert.equal(now, first.get(number));
        }
      }),
    );
  });

  it("is asked for a second answer exactly where the first alone changes nothing for the worse", () => {
    fc.assert(
      fc.property(looks, ({ before, first }) => {
        const alone = settle(before, first, undefined);
        const differs = [...first].some(([number, said]) => alone.get(number) !== said);
        assert.equal(isWorse(before, first), differs);
      }),
    );
  });

  it("takes what two equal answers say", () => {
    fc.assert(fc.property(looks, ({ before, first }) => assert.deepEqual(settle(before, first, first), first)));
  });
});
