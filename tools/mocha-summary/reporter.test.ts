import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Counts } from "./reporter.js";

const FIXTURE = `
import assert from "node:assert/strict";
import { skipBecause } from ${JSON.stringify(resolve("tools/mocha-summary/skip.ts"))};
describe("area", () => {
  it("holds", () => {});
  it("does not hold", () => assert.equal(1, 2, "one is not two"));
  it("cannot run", function () { skipBecause(this, "no such machine"); });
});
describe("whole suite", () => {
  before(function () { skipBecause(this, "nothing to test with"); });
  it("is never run", () => assert.fail());
});
describe("hook", () => {
  before(() => { throw new Error("no set-up"); });
  it("is not reached", () => {});
});
`;

describe("mocha summary", () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "loom-reporter-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  function run(source: string, ...flags: string[]): { status: number | null; output: string; counts: Counts } {
    const file = join(folder, "fixture.test.ts");
    const counts = join(folder, "counts.json");
    writeFileSync(file, source);
    const reporter = ["--reporter", "tools/mocha-summary/reporter.ts", "--reporter-option", `counts=${counts}`];
    const { status, stdout, stderr } = spawnSync("node_modules/.bin/mocha", [...reporter, ...flags, file], {
      encoding: "utf8",
    });
    return { status, output: stdout + stderr, counts: JSON.parse(readFileSync(counts, "utf8")) as Counts };
  }

  for (const mode of [[], ["--parallel", "--jobs", "2"]]) {
    it(`counts, names failures and says why tests are skipped ${mode.join(" ")}`, () => {
      const { status, output, counts } = run(FIXTURE, ...mode);
      assert.deepEqual(counts, { passed: 1, failed: 2, skipped: 2 }, output);
      assert.equal(status, 2);
      assert.match(output, /FAIL .*fixture\.test\.ts {2}1 passed, 2 failed, 2 skipped/);
      assert.match(output, /one is not two/);
      assert.match(output, /area cannot run: no such machine/);
      assert.match(output, /whole suite is never run: nothing to test with/);
    });
  }

  it("takes a skip without a reason as a failure", () => {
    const { status, output, counts } = run(`it.skip("forgotten", () => {}); it("holds", () => {});`);
    assert.deepEqual(counts, { passed: 1, failed: 1, skipped: 0 });
    assert.equal(status, 1);
    assert.match(output, /forgotten: skipped without a reason/);
  });
});
