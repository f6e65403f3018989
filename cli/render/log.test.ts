/* oxlint-disable no-control-regex -- control characters are what these tests look for */
import assert from "node:assert/strict";
import fc from "fast-check";
import { ReadLogsResponse_Stream as Stream } from "../../gen/web/loom/v1/job_pb.js";
import { createPalette } from "./colour.js";
import { createLogPrinter, withoutControls } from "./log.js";

const piece = (text: string): Parameters<ReturnType<typeof createLogPrinter>["add"]>[0] => ({
  task: "t",
  attempt: 1,
  node: 1000,
  service: "web",
  action: "START",
  stream: Stream.STDOUT,
  text,
});

describe("cli: log lines", () => {
  it("keeps colours where the terminal shows them, and nothing else a script may send", () => {
    const text = "\u001b[31mred\u001b[0m\u001b[2J\u001b]0;title\u0007\u0008\tx\u009b5n";
    assert.equal(withoutControls(text, true), "\u001b[31mred\u001b[0m\tx5n");
    assert.equal(withoutControls(text, false), "red\tx5n");
  });

  it("leaves no way to move the cursor, whatever is printed", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("\u001b", "[", "]", "2", "J", "m", ";", "\u0007", "\\", "\u009b", "a") }),
        (text) => {
          assert.doesNotMatch(
            withoutControls(text, true).replace(/\u001b\[[0-9;:]*m/g, ""),
            /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/,
          );
          assert.doesNotMatch(withoutControls(text, false), /\u001b/);
        },
      ),
      { examples: [["\u001b[\u0007m"]] },
    );
  });

  it("prints the same lines however the text is cut", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom("a", "b", "\n", "\r\n", " ") })), (parts) => {
        const lines: string[] = [];
        const printer = createLogPrinter((line) => lines.push(line), createPalette(false), false);
        for (const part of parts) printer.add(piece(part));
        printer.end();
        const whole = parts
          .join("")
          .split("\n")
          .map((line) => line.replace(/\r$/, ""));
        if (whole.at(-1) === "") whole.pop();
        assert.deepEqual(
          lines.map((line) => line.trimEnd()),
          whole.map((line) => line.trimEnd()),
        );
      }),
    );
  });

  it("prints the last drawing of a line that was drawn over", () => {
    const lines: string[] = [];
    const printer = createLogPrinter((line) => lines.push(line), createPalette(false), true);
    printer.add(piece(" 10%\r 50%\r100%\n"));
    assert.deepEqual(lines, ["1000/web/start | 100%"]);
  });
});
