import assert from "node:assert/strict";
import fc from "fast-check";
import { formatAgo, formatDuration, parseDuration } from "./duration.js";
import { CliError } from "./exit.js";

describe("cli: durations", () => {
  it("reads what people type", () => {
    for (const [text, expected] of [
      ["90s", 90_000],
      ["10m", 600_000],
      ["1h30m", 5_400_000],
      ["500ms", 500],
      ["45", 45_000],
      ["1.5h", 5_400_000],
      ["2d", 172_800_000],
      [" 5M ", 300_000],
    ] as const) {
      assert.equal(parseDuration(text), expected, text);
    }
  });

  it("refuses the rest", () => {
    for (const text of ["", "soon", "-5m", "0", "0s", "5 m", "m", "1m30", "366d", "1e9", "NaN"]) {
      assert.throws(
        () => parseDuration(text),
        (thrown) => thrown instanceof CliError && thrown.exit === 2,
        text,
      );
    }
  });

  it("writes at most two units, which read back to no more than what they were", () => {
    assert.deepEqual([0, 8_400, 72_000, 120_000, 7_380_000, 349_200_000].map(formatDuration), [
      "0s",
      "8s",
      "1m 12s",
      "2m",
      "2h 3m",
      "4d 1h",
    ]);
    assert.equal(formatDuration(-5), "0s");
    fc.assert(
      fc.property(fc.integer({ min: 1000, max: 300 * 86_400_000 }), (milliseconds) => {
        const back = parseDuration(formatDuration(milliseconds).replace(" ", ""));
        assert.ok(back <= milliseconds && back > milliseconds * 0.5);
      }),
    );
  });

  it("writes how long ago something was", () => {
    const ago = (milliseconds: number): string => formatAgo(1e12 - milliseconds, 1e12);
    assert.deepEqual([0, 42_000, 180_000, 18_000_000, 12 * 86_400_000, -180_000].map(ago), [
      "just now",
      "42s ago",
      "3m ago",
      "5h ago",
      "12d ago",
      "in 3m",
    ]);
  });
});
