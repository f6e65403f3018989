import assert from "node:assert/strict";
import { plot, type Series } from "./plot.js";

const line = (label: string, points: Series["points"], colour = 0): Series => ({
  label,
  points,
  colour,
  line: "solid",
});
const draw = (...series: Series[]): string => plot({ title: "T < U", x: "nodes", y: "ms", series });
const ticks = (svg: string): string[] =>
  [...svg.matchAll(/text-anchor="(?:middle|end)">([\d.,]+)</g)].map(([, text]) => text!);

describe("plot", () => {
  it("has ticks at powers of ten, and between them where these are few", () => {
    const wide = draw(
      line("a", [
        [10, 0.3],
        [10_000, 700],
      ]),
    );
    assert.deepEqual(ticks(wide), ["10", "100", "1,000", "10,000", "1", "10", "100", "1,000"]);
    const narrow = draw(
      line("a", [
        [10, 3],
        [100, 30],
      ]),
    );
    assert.deepEqual(ticks(narrow), ["10", "20", "50", "100", "2", "5", "10", "20", "50"]);
  });

  it("keeps points inside the frame and labels apart", () => {
    const svg = draw(
      line("a", [
        [10, 1],
        [100, 5],
      ]),
      line("b", [
        [10, 2],
        [100, 5],
      ]),
      line("c", { level: 5.1 }),
    );
    const [, left, top, width, height] = /class="frame" x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"/
      .exec(svg)!
      .map(Number);
    for (const [, x, y] of svg.matchAll(/<circle class="\w+" cx="([\d.]+)" cy="([\d.]+)"/g)) {
      assert.ok(Number(x) >= left! && Number(x) <= left! + width!, `x ${x}`);
      assert.ok(Number(y) >= top! && Number(y) <= top! + height!, `y ${y}`);
    }
    const labels = [...svg.matchAll(/y="([\d.]+)">[abc]</g)].map(([, y]) => Number(y)).toSorted((a, b) => a - b);
    assert.equal(labels.length, 3);
    for (const [index, y] of labels.entries()) if (index > 0) assert.ok(y - labels[index - 1]! >= 16.9);
  });

  it("writes text as text", () => {
    assert.match(
      draw(
        line("a & b", [
          [1, 1],
          [10, 10],
        ]),
      ),
      /T &lt; U[^]*a &amp; b/,
    );
  });
});
