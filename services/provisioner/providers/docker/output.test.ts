import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { setImmediate as settled } from "node:timers/promises";
import { readOutput } from "./output.js";

/** A stream, what was taken of it, and a reader that takes one chunk each time it is let. */
function bench(mostBytes?: number) {
  const stream = new PassThrough({ highWaterMark: 1_000_000 });
  const taken: string[] = [];
  let go: (() => void) | undefined;
  const output = readOutput(
    stream,
    (chunk) => {
      taken.push(chunk.toString());
      return new Promise<void>((resolve) => (go = resolve));
    },
    mostBytes,
  );
  return {
    stream,
    taken,
    output,
    async write(...chunks: string[]) {
      for (const chunk of chunks) {
        stream.write(chunk);
        await settled();
      }
    },
    async letGo() {
      go!();
      await settled();
      await settled();
    },
  };
}

describe("reading what a command prints", () => {
  it("reads no faster than it is taken while the command runs", async () => {
    const at = bench();
    await at.write("a", "b");
    assert.deepEqual([at.taken, at.stream.isPaused(), at.output.isHeld()], [["a"], true, true]);
    // Nobody can say that nothing comes any more.
    assert.equal(at.output.silentMs(), 0);
    await at.letGo();
    assert.deepEqual(at.taken, ["a", "b"]);
    await at.letGo();
    assert.deepEqual([at.stream.isPaused(), at.output.isHeld()], [false, false]);
  });

  it("reads all that is there once the command has ended, and hands it on in order", async () => {
    const at = bench();
    await at.write("a", "b");
    at.output.commandEnded();
    await at.write("c", "d");
    assert.deepEqual([at.taken, at.stream.isPaused(), at.stream.readableLength], [["a"], false, 0]);
    let isTaken = false;
    const end = at.output.taken().then(() => (isTaken = true));
    while (at.taken.join("") !== "abcd") await at.letGo();
    assert.equal(isTaken, false);
    await at.letGo();
    await end;
  });

  it("keeps no more than so much", async () => {
    const at = bench(3);
    at.output.commandEnded();
    await at.write("a", "bb", "cc", "dd", "ee");
    assert.deepEqual([at.stream.isPaused(), at.output.silentMs()], [true, 0]);
    for (let round = 0; round < 5; round += 1) await at.letGo();
    assert.equal(at.taken.join(""), "abbccddee");
    assert.equal(at.stream.isPaused(), false);
  });

  it("lets those go who wait for a reader that is gone", async () => {
    const at = bench();
    await at.write("a", "b");
    const end = at.output.taken();
    at.output.drop();
    await end;
    await at.write("c");
    assert.deepEqual(at.taken, ["a"]);
  });
});
