import { strict as assert } from "node:assert";
import fc from "fast-check";
import { createMasker, mask, MASK } from "./mask.js";
import { createOutput, STREAM_LIMIT } from "./output.js";

describe("secrets in output", () => {
  it("are masked where they stand", () => {
    assert.equal(mask("a hunter2 b hunter2", ["hunter2"]), `a ${MASK} b ${MASK}`);
    assert.equal(mask("nothing", [""]), "nothing");
    assert.equal(mask('{"p":"a\\"b"}', ['a"b']), `{"p":"${MASK}"}`);
  });

  it("are masked whole where one is part of another, or overlaps it", () => {
    assert.equal(mask("xabcdefx", ["abc", "abcdef"]), `x${MASK}x`);
    assert.equal(mask("aabaa", ["aab", "baa"]), MASK);
    const masker = createMasker(["abc", "abcdef"]);
    assert.equal(masker.push("xabc") + masker.push("def!") + masker.flush(), `x${MASK}!`);
  });

  it("are masked the same however the text is cut", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 60 });
    const secret = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(
        letters,
        fc.array(secret, { maxLength: 4 }),
        fc.array(fc.nat(60), { maxLength: 6 }),
        (text, secrets, cuts) => {
          const masker = createMasker(secrets);
          const places = [0, ...cuts.filter((cut) => cut < text.length).sort((a, b) => a - b), text.length];
          let shown = "";
          for (let index = 1; index < places.length; index++)
            shown += masker.push(text.slice(places[index - 1], places[index]));
          shown += masker.flush();
          assert.equal(shown, mask(text, secrets));
          for (const each of secrets) assert.ok(!shown.includes(each));
        },
      ),
    );
  });
});

describe("output", () => {
  function collect(secrets: readonly string[] = []) {
    const chunks: { stream: string; text: string; sequence: number }[] = [];
    return {
      chunks,
      output: createOutput(secrets, (stream, text, sequence) => chunks.push({ stream, text, sequence })),
    };
  }

  it("comes out whole, in order, in chunks of 64 KiB at most that are valid UTF-8", () => {
    const line = fc.string({ unit: fc.constantFrom("a", "é", "€", "😀", "\n"), maxLength: 40_000 });
    fc.assert(
      fc.property(line, fc.integer({ min: 1, max: 30_000 }), (text, size) => {
        const { chunks, output } = collect();
        const bytes = Buffer.from(text);
        for (let at = 0; at < bytes.length; at += size) output.write("stdout", bytes.subarray(at, at + size));
        output.end();
        assert.equal(chunks.map((chunk) => chunk.text).join(""), text);
        assert.deepEqual(
          chunks.map(({ sequence }) => sequence),
          chunks.map((_, index) => index),
        );
        for (const chunk of chunks) {
          assert.ok(Buffer.byteLength(chunk.text) <= 65_536);
          assert.equal(Buffer.from(chunk.text).toString(), chunk.text);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("is cut at line ends", () => {
    const { chunks, output } = collect();
    output.write("stdout", Buffer.from("0123456789\n".repeat(10_000)));
    output.end();
    assert.ok(chunks.length > 1);
    for (const { text } of chunks) assert.ok(text.endsWith("\n"));
  });

  it("shows broken bytes as such", () => {
    const { chunks, output } = collect();
    output.write("stderr", Uint8Array.of(0x61, 0xff, 0xe2, 0x82));
    output.end();
    assert.deepEqual(chunks, [{ stream: "stderr", text: "a\ufffd\ufffd", sequence: 0 }]);
  });

  it("ends at the limit with a note", () => {
    const { chunks, output } = collect();
    const piece = Buffer.from("0123456789abcde\n".repeat(65_536));
    for (let written = 0; written <= STREAM_LIMIT + 2 * piece.length; written += piece.length)
      output.write("stdout", piece);
    output.end();
    const text = chunks.map((chunk) => chunk.text).join("");
    assert.match(text.slice(-100), /keeps the first 10 MB/);
    assert.ok(text.length > STREAM_LIMIT && text.length < STREAM_LIMIT + 100);
  });

  it("is shown after a while without a line end", async () => {
    // The timer of an output alone keeps no process alive.
    const alive = setInterval(() => {}, 1_000);
    const shown = new Promise<string>((resolve) => {
      createOutput([], (_stream, text) => resolve(text)).write("stdout", Buffer.from("50 %"));
    }).finally(() => clearInterval(alive));
    assert.equal(await shown, "50 %");
  });
});
