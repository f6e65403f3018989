import assert from "node:assert/strict";
import fc from "fast-check";
import { createDemux } from "./demux.js";

function frame(stream: number, text: string): Buffer {
  const bytes = Buffer.from(text);
  const head = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([head, bytes]);
}

describe("docker demux", () => {
  it("gives back what was sent however the stream is cut", () => {
    const frames = fc.array(fc.tuple(fc.constantFrom(1, 2), fc.string({ unit: "binary" })));
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }), (sent, cuts) => {
        const seen = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
        const feed = createDemux((stream, bytes) => seen[stream].push(bytes));
        const whole = Buffer.concat(sent.map(([stream, text]) => frame(stream, text)));
        for (let at = 0, i = 0; at < whole.length; i += 1) {
          const size = cuts[i % cuts.length]!;
          feed(whole.subarray(at, at + size));
          at += size;
        }
        for (const [number, name] of [
          [1, "stdout"],
          [2, "stderr"],
        ] as const) {
          const expected = sent
            .filter(([stream]) => stream === number)
            .map(([, text]) => text)
            .join("");
          assert.deepEqual(Buffer.concat(seen[name]), Buffer.from(expected));
        }
      }),
    );
  });
});
