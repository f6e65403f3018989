import assert from "node:assert/strict";
import { commandLines, interpreterOf, readShell } from "./shell-text.js";

const kinds = (script: string): string =>
  readShell(script)
    .lines.map((line) => (line.isDocument ? (line.isExpanded ? "e" : "d") : "c"))
    .join("");

describe("shell text", () => {
  it("knows commands from here-documents", () => {
    assert.equal(kinds("a\ncat <<END\nx\nEND\nb"), "cceec");
    assert.equal(kinds("cat <<'END' >f\nx\nEND\nb"), "cddc");
    assert.equal(kinds('cat <<"A B"\nA B\nb'), "cdc");
    assert.equal(kinds("cat <<-END\n\tx\n\tEND\nb"), "ceec");
    assert.equal(kinds("cat <<A <<'B'\nx\nA\ny\nB\nz"), "ceeddc");
    assert.equal(kinds("# cat <<END\nb"), "cc");
    assert.equal(kinds("cat <<<word\nb"), "cc");
    assert.equal(kinds("x=$((1 << 2))\nb"), "cc");
  });

  it("tells which here-documents do not end, and what was meant as their end", () => {
    assert.deepEqual(readShell("cat <<END\nx").open, [{ line: 1, column: 5, word: "END", almost: undefined }]);
    assert.deepEqual(readShell("a\n  cat <<'END'\nx\n  END\n").open, [{ line: 2, column: 7, word: "END", almost: 4 }]);
    assert.deepEqual(readShell("cat <<END\nEND").open, []);
  });

  it("counts commands, not lines", () => {
    const count = (script: string): number => commandLines(readShell(script).lines).length;
    assert.equal(count("# x\n\na b"), 1);
    assert.equal(count("a \\\n  b"), 1);
    assert.equal(count("a &&\n  b |\n  c"), 1);
    assert.equal(count("cat <<END\nx\ny\nEND"), 1);
    assert.equal(count("a\nb"), 2);
  });

  it("finds the interpreter", () => {
    assert.equal(interpreterOf("set -e"), "sh");
    assert.equal(interpreterOf("#!/bin/sh -e\n"), "sh");
    assert.equal(interpreterOf("#!/bin/bash\n"), "bash");
    assert.equal(interpreterOf("#!/usr/bin/env python3\n"), "python3");
  });
});
