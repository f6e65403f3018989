import assert from "node:assert/strict";
import fc from "fast-check";
import { jsonFault } from "./json-fault.js";

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe("coopr: jsonFault", () => {
  const table: readonly (readonly [text: string, offset: number, message: RegExp])[] = [
    ["", 0, /ends where a value is missing/],
    ["broken", 0, /should be a value, not "b"/],
    ['{"a" 1}', 5, /should be a colon, not "1"/],
    ['{"a": 1,}', 8, /should be a key in double quotes, not "}"/],
    ["[1,]", 3, /should be a value, not "]"/],
    ['{"a": [1 2]}', 9, /should be a comma or ], not "2"/],
    ['{"a": "x', 6, /no end/],
    ['{"a": 1', 7, /ends where a comma or } is missing/],
    ["{a: 1}", 1, /a key in double quotes or }, not "a"/],
    ["{} {}", 3, /goes on after its document/],
    ["[01]", 1, /should be a value or ]/],
  ];
  for (const [text, offset, message] of table)
    it(`finds the mistake in ${JSON.stringify(text)}`, () => {
      const fault = jsonFault(text);
      assert.equal(fault?.offset, offset);
      assert.match(fault.message, message);
    });

  it("agrees with JSON.parse on whether a text is JSON", () => {
    const pieces = fc.constantFrom(
      ..."{}[]:,".split(""),
      '"a"',
      '"\\u00e9"',
      '"\\x"',
      '"\u001f"',
      '"\u007f"',
      '"',
      "1",
      "-0.5e3",
      "01",
      "true",
      "nul",
      "null",
      " ",
      "\n",
      "a",
      '{"a":',
      "[1,",
    );
    const texts = fc.oneof(
      fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join("")),
      fc.json(),
      fc.tuple(fc.json(), fc.nat(), pieces).map(([json, at, piece]) => {
        const place = at % (json.length + 1);
        return json.slice(0, place) + piece + json.slice(place);
      }),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const fault = jsonFault(text);
        assert.equal(fault === undefined, parses(text));
        assert.ok(fault === undefined || fault.offset <= text.length);
      }),
      { numRuns: 3000 },
    );
  });

  it("copes with what is deep", () => {
    assert.equal(jsonFault("[".repeat(200_000))?.offset, 200_000);
  });
});
