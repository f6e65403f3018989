import assert from "node:assert/strict";
import { closest, didYouMean, editDistance } from "./suggest.js";

describe("suggestions", () => {
  it("counts edits, neighbours swapped as one", () => {
    const table: [string, string, number][] = [
      ["", "", 0],
      ["web", "web", 0],
      ["web", "wbe", 1],
      ["kitten", "sitting", 3],
      ["", "abc", 3],
      ["ca", "abc", 3],
    ];
    for (const [a, b, distance] of table) assert.equal(editDistance(a, b, 5), distance, `${a} ${b}`);
    assert.equal(editDistance("abcdef", "ghijkl", 2), 3);
  });

  it("finds the nearest name, and none where none is near", () => {
    const known = ["mustCoexist", "cantCoexist", "hardwareTypes", "web", "webs"];
    assert.equal(closest("mustcoexist", known), "mustCoexist");
    assert.equal(closest("hardware-types", known), "hardwareTypes");
    assert.equal(closest("wep", known), "web");
    assert.equal(closest("wb", known), "web");
    assert.equal(closest("redis", known), undefined);
    assert.equal(closest("x".repeat(1_000), known), undefined);
    assert.equal(didYouMean("cantCoexists", known), 'Did you mean "cantCoexist"?');
    assert.equal(didYouMean("redis", known), "");
  });
});
