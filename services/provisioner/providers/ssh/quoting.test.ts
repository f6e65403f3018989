import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { commandLine } from "./quoting.js";

/** What a shell makes of the line: each word, and the variable. */
const taken = (line: string): string => execFileSync("/bin/sh", ["-c", line], { encoding: "utf8" });

describe("a command as one line", () => {
  const word = fc
    .array(
      fc.oneof(fc.constantFrom("'", '"', "\\", "$", "`", "\n", "!", "*", " ", ";", "é", "~", "#", "-"), fc.string()),
    )
    .map((parts) => parts.join("").replaceAll("\0", ""));

  it("is taken apart by a shell as it was put together", () => {
    fc.assert(
      fc.property(fc.array(word, { maxLength: 4 }), word, (words, value) => {
        const line = commandLine(["sh", "-c", 'printf "%s\\0" "$VALUE" "$@"', "sh", ...words], { VALUE: value });
        assert.equal(taken(line), [value, ...words].map((text) => `${text}\0`).join(""));
      }),
      { numRuns: 50 },
    );
  });

  it("runs through sudo where it is to, without ever asking", () => {
    assert.equal(commandLine(["id", "-u"], { A: "b c" }, true), "exec sudo -n -- env 'A=b c' 'id' '-u'");
    assert.equal(commandLine(["id"]), "exec 'id'");
  });

  it("holds no zero byte and no odd name of a variable", () => {
    assert.throws(() => commandLine(["a\0b"]), { reason: "INVALID_FIELD" });
    assert.throws(() => commandLine(["a"], { "A B": "" }), { reason: "INVALID_FIELD" });
  });
});
