import assert from "node:assert/strict";
import fc from "fast-check";
import { macroProblems, parseMacros } from "./parse.js";

describe("parseMacros", () => {
  it("splits a text into literal parts and macros with their places", () => {
    assert.deepEqual(parseMacros("a%% %host.self%b%no.such%"), [
      { kind: "text", text: "a% " },
      {
        kind: "macro",
        macro: { term: { kind: "hostSelf" }, pattern: undefined, separator: "," },
        offset: 4,
        text: "%host.self%",
      },
      { kind: "text", text: "b" },
      {
        kind: "wrong",
        offset: 16,
        text: "%no.such%",
        message:
          'There is no macro "no.such". Known are cluster.owner, host.self, host.service.NAME, ip.self, ip.service.NAME, ip.PURPOSE.self, ip.PURPOSE.service.NAME, num.service.NAME and instance.self.service.NAME.',
      },
    ]);
  });

  it("keeps every character of a text without doubled percent signs", () => {
    fc.assert(
      fc.property(
        fc.string().filter((text) => !text.includes("%%")),
        (text) => {
          assert.equal(
            parseMacros(text)
              .map((token) => token.text)
              .join(""),
            text,
          );
        },
      ),
    );
    fc.assert(
      fc.property(
        fc
          .array(fc.constantFrom("%host.self%", " ", "%a.b%", "100 % ", "x"))
          .map((parts) => parts.join(""))
          .filter((text) => !text.includes("%%")),
        (text) => {
          assert.equal(
            parseMacros(text)
              .map((token) => token.text)
              .join(""),
            text,
          );
        },
      ),
    );
  });

  it("copes with long texts that are nearly macros", () => {
    for (const text of [
      `%join(${"'".repeat(20_001)}.%`,
      `%${"a.".repeat(50_000)}`.repeat(2),
      "%a ".repeat(50_000),
      `%${"map(".repeat(10_000)}'%`,
    ]) {
      assert.equal(
        parseMacros(text)
          .map((token) => token.text)
          .join(""),
        text,
      );
    }
  });
});

describe("macroProblems", () => {
  it("tells where wrong macros stand", () => {
    assert.deepEqual(
      macroProblems("fine %host.self%, not %ip.service.web[%").map(({ offset, length }) => [offset, length]),
      [[22, 17]],
    );
    assert.deepEqual(macroProblems("100 %"), []);
  });
});
