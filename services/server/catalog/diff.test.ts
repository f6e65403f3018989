import assert from "node:assert/strict";
import fc from "fast-check";
import { jsonValue } from "../../../test/arbitraries/catalog.js";
import { canonicalBody, canonicalJson } from "./canonical.js";
import { diffDocuments } from "./diff.js";
import type { CatalogDocument, Json } from "./types.js";

describe("canonicalJson", () => {
  it("is the same whatever the order of fields", () => {
    assert.equal(
      canonicalJson({ b: 1, a: [{ d: null, c: "é\n" }, -0, 1e21] }),
      '{"a":[{"c":"é\\n","d":null},0,1e+21],"b":1}',
    );
  });

  it("is valid JSON of the same value", () => {
    fc.assert(fc.property(jsonValue(), (value) => assert.deepEqual(JSON.parse(canonicalJson(value)), value)));
  });
});

describe("canonicalBody", () => {
  const body = (min: number | undefined, extra: object = {}): string =>
    canonicalBody({
      kind: "ClusterTemplate",
      name: "t",
      body: { constraints: { services: { web: min === undefined ? {} : { min } } }, ...extra },
    } as CatalogDocument);

  it("does not tell a missing field from an empty one, but min: 0 from no min", () => {
    assert.equal(
      body(1, { description: "", includes: [], defaults: { services: [], config: {} }, stopBeforeDelete: false }),
      body(1),
    );
    assert.notEqual(body(0), body(undefined));
  });
});

describe("diffDocuments", () => {
  const table: [string, Json | undefined, Json | undefined, string[]][] = [
    ["nothing", { a: 1, b: [1, "x"] }, { b: [1, "x"], a: 1 }, []],
    [
      "a field more, less and other",
      { a: 1, b: { c: 2 }, z: 0 },
      { a: 2, b: { d: 3 }, z: 0 },
      ["a: 1 -> 2", "b.c: 2 -> ", "b.d:  -> 3"],
    ],
    ["a new document", undefined, { a: 1 }, [':  -> {"a":1}']],
    [
      "a list of names, as a set",
      { s: ["a", "b", "d"] },
      { s: ["a", "c", "d", "e"] },
      ['s[1]: "b" -> ', 's[1]:  -> "c"', 's[3]:  -> "e"'],
    ],
    ["another order of names", { s: ["a", "b"] }, { s: ["b", "a"] }, ['s: ["a","b"] -> ["b","a"]']],
    [
      "a list of others, between equal ends",
      { l: [{ a: 1 }, { b: 1 }, { z: 1 }] },
      { l: [{ a: 1 }, { b: 2 }, { c: 1 }, { z: 1 }] },
      ["l[1].b: 1 -> 2", 'l[2]:  -> {"c":1}'],
    ],
    ["items taken from the middle", { l: [1, 2, 3, 4] }, { l: [1, 4] }, ["l[1]: 2 -> ", "l[2]: 3 -> "]],
    [
      "other types",
      { a: [1], b: {}, c: null },
      { a: { x: 1 }, b: [], c: 0 },
      ['a: [1] -> {"x":1}', "b: {} -> []", "c: null -> 0"],
    ],
    ["keys with dots", { "a.b": 1 }, { "a.b": 2 }, ['["a.b"]: 1 -> 2']],
    ["names of an object's own", {}, { toString: 1 }, ["toString:  -> 1"]],
  ];
  for (const [what, before, after, expected] of table) {
    it(`shows ${what}`, () =>
      assert.deepEqual(
        diffDocuments(before, after).map((change) => `${change.path}: ${change.before} -> ${change.after}`),
        expected,
      ));
  }

  it("is empty exactly for equal values, and the other way round it is the other way round", () => {
    fc.assert(
      fc.property(jsonValue(), jsonValue(), (before, after) => {
        const changes = diffDocuments(before, after);
        assert.equal(changes.length === 0, canonicalJson(before) === canonicalJson(after));
        const key = (path: string, a: string, b: string): string => `${path} ${a} ${b}`;
        assert.deepEqual(
          diffDocuments(after, before)
            .map((one) => key(one.path, one.after, one.before))
            .sort(),
          changes.map((one) => key(one.path, one.before, one.after)).sort(),
        );
        assert.deepEqual(diffDocuments(before, before), []);
      }),
    );
  });
});
