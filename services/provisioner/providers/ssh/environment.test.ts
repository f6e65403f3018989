import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import fc from "fast-check";
import { environmentText, readEnvironment } from "./environment.js";

const WORD = "0123456789abcdef";
const GATE = `word=$1 input=$2\nshift 2\n${readEnvironment("own")}\nexec "$@"`;

/** What a command behind the gate prints. */
function through(shell: readonly string[], kind: string, sent: string, command: readonly string[]): Buffer {
  const [program, ...rest] = shell;
  const { stdout } = spawnSync(program!, [...rest, "-c", GATE, "gate", WORD, kind, ...command], {
    input: sent,
    // bash reads the home's .bashrc where its input is a socket.
    env: { PATH: process.env["PATH"], HOME: "/nowhere" },
  });
  return stdout;
}

describe("an environment that comes through standard input", () => {
  const shells = [["/bin/sh"], ["/bin/bash", "--posix"]].filter(([path]) => existsSync(path!));
  const value = fc
    .array(fc.oneof(fc.constantFrom("'", '"', "\\", "$", "`", "\n", "\r", " ", WORD, "Ákos’∈\u0081"), fc.string()))
    .map((parts) => parts.join("").replaceAll("\0", ""))
    // A line of nothing but the word would be its end. It is random, and made for each command.
    .filter((text) => !text.split("\n").includes(WORD));

  for (const shell of shells)
    it(`arrives whole in ${shell[0]}, and so does the input after it`, () => {
      const command = ["/bin/sh", "-c", 'printf "%s\\0%s\\0" "$A" "$line"; cat'];
      fc.assert(
        fc.property(value, value, value, (a, line, input) => {
          const sent = environmentText({ A: a, line }, WORD) + input;
          assert.equal(through(shell, "pipe", sent, command).toString(), `${a}\0${line}\0${input}`);
          assert.equal(through(shell, "none", sent, command).toString(), `${a}\0${line}\0`);
        }),
        { numRuns: 40 },
      );
    });

  it("starts nothing when it was cut off, and nothing fails for a name that the shell keeps", () => {
    const whole = environmentText({ UID: "1", A: "b" }, WORD);
    for (const shell of shells) {
      assert.equal(through(shell, "pipe", whole, ["printenv", "A"]).toString(), "b\n");
      for (let end = 0; end < whole.length - 1; end++) {
        // Its last byte is a line break, without which the word may be half of it.
        if (end % 9 === 0) assert.equal(through(shell, "pipe", whole.slice(0, end), ["echo", "ran"]).toString(), "");
      }
    }
  });

  it("holds no zero byte and no odd name of a variable", () => {
    assert.throws(() => environmentText({ A: "a\0b" }, WORD), { reason: "INVALID_FIELD" });
    assert.throws(() => environmentText({ "A B": "" }, WORD), { reason: "INVALID_FIELD" });
  });
});
