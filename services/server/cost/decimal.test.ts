import assert from "node:assert/strict";
import fc from "fast-check";
import { ZERO, add, formatDecimal, parseDecimal, times, type Decimal } from "./decimal.js";

const decimal = (): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.bigInt({ min: 0n, max: 999_999_999_999n }),
      fc.option(fc.stringMatching(/^\d{1,12}$/), { nil: undefined }),
    )
    .map(([whole, part]) => (part === undefined ? String(whole) : `${whole}.${part}`));

/** In units of 10^-12, which every decimal here is a whole number of. */
const exact = ({ units, scale }: Decimal): bigint => units * 10n ** BigInt(12 - scale);

describe("decimals", () => {
  it("are read and written as people write prices", () => {
    for (const [text, shown] of [
      ["0.12", "0.12"],
      ["0", "0.00"],
      ["12", "12.00"],
      ["0.125", "0.125"],
      ["0.1200", "0.12"],
      ["007.5", "7.50"],
      ["0.000000000001", "0.000000000001"],
    ] as const)
      assert.equal(formatDecimal(parseDecimal(text)!), shown);
    for (const bad of ["", ".5", "1.", "-1", "1e3", "0x1", " 1", "1,5", "1.0000000000001", "1".repeat(13), "NaN"])
      assert.equal(parseDecimal(bad), undefined, bad);
  });

  it("add and multiply without any rounding, in any order", () => {
    assert.equal(formatDecimal(add(parseDecimal("0.1")!, parseDecimal("0.2")!)), "0.30");
    fc.assert(
      fc.property(fc.array(fc.tuple(decimal(), fc.integer({ min: 0, max: 10_000 })), { maxLength: 6 }), (items) => {
        const values = items.map(([text, count]) => times(parseDecimal(text)!, count));
        const wanted = items.reduce((sum, [text, count]) => sum + exact(parseDecimal(text)!) * BigInt(count), 0n);
        assert.equal(exact(values.reduce(add, ZERO)), wanted);
        assert.equal(exact([...values].reverse().reduce(add, ZERO)), wanted);
      }),
    );
  });

  it("keep their value when they are written and read again", () => {
    fc.assert(
      fc.property(decimal(), (text) => {
        const value = parseDecimal(text)!;
        const written = formatDecimal(value);
        assert.match(written, /^\d+\.\d\d(\d*[1-9])?$/);
        assert.equal(exact(parseDecimal(written)!), exact(value));
      }),
    );
  });
});
