import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

describe("record-terminal", () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), "loom-record-"))));
  after(() => rmSync(folder, { recursive: true }));

  it("draws what the terminal showed: in place, in colour, escaped", () => {
    const out = join(folder, "film.svg");
    const redraw = String.raw`printf 'old <line>\n\033[1A\033[2K\033[32mnew\033[0m & done\n'`;
    // The first Ctrl-C is lost, as it may be anywhere.
    const wait = `sh -c 'trap "trap - INT" INT; echo ready; while :; do sleep 0.1; done' => ready`;
    const { status, stderr } = spawnSync("python3", ["tools/record-terminal/record.py", out, wait, redraw], {
      encoding: "utf8",
    });
    assert.equal(status, 0, stderr);
    const svg = readFileSync(out, "utf8");
    assert.match(svg, /<tspan x="0\.0" fill="#7ee787">new<\/tspan><tspan x="[\d.]+">&amp;\u00a0done<\/tspan>/);
    assert.match(svg, />ready</);
    // The line that was drawn over is not in the last frame.
    const gone = /<text id="(r\d+)">[^/]*old\u00a0&lt;line&gt;/.exec(svg)?.[1];
    const last = svg.slice(svg.lastIndexOf("<g transform"));
    assert.ok(gone === undefined || !last.includes(`"#${gone}"`));
    assert.equal(
      spawnSync("python3", ["-c", "import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])", out]).status,
      0,
    );
  });
});
