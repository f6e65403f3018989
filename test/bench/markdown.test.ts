import assert from "node:assert/strict";
import { figure, percent, rewrite, table } from "./markdown.js";

const PAGE =
  "# Page\n\n<!-- a: written by make bench -->\nold\n<!-- a: end -->\n\nWords.\n\n<!-- b: written by make bench -->\n<!-- b: end -->\n";

describe("pages that programs write", () => {
  it("replaces what stands between marks, and nothing else", () => {
    const once = rewrite(PAGE, { a: "new" });
    assert.equal(once, PAGE.replace("\nold\n", "\n\nnew\n\n"));
    assert.equal(rewrite(once, { a: "new" }), once);
  });

  it("refuses a page without the marks", () => {
    assert.throws(() => rewrite(PAGE, { c: "new" }), /no marks for c/);
  });

  it("makes tables", () => {
    assert.equal(table(["a", "b"], [["x", "1"]]), "| a | b |\n|---|---:|\n| x | 1 |");
  });

  it("writes figures with the digits they deserve", () => {
    assert.deepEqual([0.01234, 1.26, 12.6, 126.4, 1264.4, 10_000].map(figure), [
      "0.012",
      "1.3",
      "13",
      "126",
      "1,264",
      "10,000",
    ]);
    assert.deepEqual([0.0512, 0.304, 1].map(percent), ["5.1 %", "30 %", "100 %"]);
  });
});
