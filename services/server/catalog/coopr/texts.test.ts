import assert from "node:assert/strict";
import fc from "fast-check";
import { expandMacros } from "../../macros/expand.js";
import { parseMacros } from "../../macros/parse.js";
import type { Json } from "../types.js";
import { nativeName } from "./names.js";
import { carriedText, carriedTexts, withoutMacros } from "./texts.js";

const self = { number: 1000, hostname: "h", addresses: { internal: "10.0.0.1" }, services: ["web"] };
const expand = (text: string): Json =>
  expandMacros(text, { owner: "anna", self, nodesOf: (service) => (service === "web" ? [self] : []) });

const texts = fc.oneof(
  fc.string(),
  fc
    .array(
      fc.constantFrom(
        "%",
        "%%",
        "%host.self%",
        "%ip.self%",
        "%host.no%",
        "%host.service.web[7]%",
        "host.self",
        " ",
        "a.b",
        "100",
      ),
      { maxLength: 8 },
    )
    .map((parts) => parts.join("")),
);

describe("coopr: texts", () => {
  it("come to the same here as in the source", () => {
    for (const [text, value] of [
      ["%host.self%", "h"],
      ["50 %", "50 %"],
      ["50 %%", "50 %%"],
      ["a%%b %host.self% 5% %%", "a%%b h 5% %%"],
      ["%host.self%%ip.self%", "h10.0.0.1"],
      ["%host.self%%%", "h%%"],
      ["%%host.self%%", "%%host.self%%"],
      ["%%%host.self%", "%%h"],
    ] as const)
      assert.equal(expand(carriedText(text)), value, text);
    assert.deepEqual(carriedTexts({ "a%%": ["%%", 1, null, { b: "x" }] }), { "a%%": ["%%%%", 1, null, { b: "x" }] });
  });

  it("without macros are what they are", () => {
    fc.assert(
      fc.property(
        texts.filter((text) => parseMacros(text).every((token) => token.kind === "text")),
        (text) => assert.equal(expand(carriedText(text)), text),
      ),
      { numRuns: 1000 },
    );
  });

  it("keep the macros they have, in their order", () => {
    const macros = (text: string): string[] =>
      parseMacros(text).flatMap((token) => (token.kind === "text" ? [] : [token.text]));
    fc.assert(
      fc.property(texts, (text) => assert.deepEqual(macros(carriedText(text)), macros(text))),
      { numRuns: 1000 },
    );
  });

  it("have no wrong macro left, nor one that is named, and read as they are written", () => {
    fc.assert(
      fc.property(texts, (text) => {
        const named = new Set(["%host.service.web[7]%", "%host.self%"]);
        const literal = withoutMacros(text, named);
        for (const token of parseMacros(literal)) {
          assert.notEqual(token.kind, "wrong", literal);
          assert.ok(token.kind === "text" || !named.has(token.text), literal);
        }
        const read = parseMacros(text).map((token) =>
          token.kind === "macro" && !named.has(token.text) ? "10.0.0.1" : token.text,
        );
        if (!/%(?!ip\.self%)[^%]*%/.test(text.replaceAll(/%host\.(?:self|no|service\.web\[7\])%/g, ""))) return;
        assert.equal(expand(literal), read.join(""));
      }),
      { numRuns: 1000 },
    );
    assert.equal(expand(withoutMacros("x%%%host.no%5% %ip.self%", new Set())), "x%%host.no%5% 10.0.0.1");
  });
});

describe("coopr: nativeName", () => {
  it("keeps names, mends those that begin otherwise, and refuses what is none", () => {
    for (const [name, native] of [
      ["web", "web"],
      ["_web", "x_web"],
      [".a-b", "x.a-b"],
      ["-", "x-"],
      ["", undefined],
      ["a b", undefined],
      ["a/b", undefined],
      ["é", undefined],
      ["a".repeat(256), undefined],
    ] as const)
      assert.equal(nativeName(name), native);
    assert.equal(nativeName(`_${"a".repeat(254)}`)?.length, 255);
  });

  it("gives back what it gave", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[\w.-]{1,255}$/)), (text) => {
        const name = nativeName(text);
        if (name !== undefined) assert.equal(nativeName(name), name);
      }),
    );
  });
});
