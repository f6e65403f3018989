import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";

const SCRIPT = fileURLToPath(new URL("./loom-config", import.meta.url));

describe("loom-config", () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), "loom-config-"))));
  after(() => rmSync(folder, { recursive: true }));

  function ask(config: unknown, ...args: string[]): { code: number | null; out: string } {
    const file = join(folder, "config.json");
    writeFileSync(file, `${JSON.stringify(config)}\n`);
    const { status, stdout } = spawnSync("sh", [SCRIPT, ...args], {
      env: { PATH: process.env.PATH, LOOM_CONFIG: file },
      encoding: "utf8",
    });
    return { code: status, out: stdout };
  }

  it("finds values at every depth", () => {
    const config = {
      a: { "b.c": [1, { d: 'x "y"\n\\z' }] },
      port: 8080,
      on: true,
      none: null,
      list: [],
      b: { port: 1 },
    };
    assert.deepEqual(ask(config, "port"), { code: 0, out: "8080\n" });
    assert.deepEqual(ask(config, "b", "port"), { code: 0, out: "1\n" });
    assert.deepEqual(ask(config, "a", "b.c", "1", "d"), { code: 0, out: 'x "y"\n\\z\n' });
    assert.deepEqual(ask(config, "a"), { code: 0, out: `${JSON.stringify(config.a)}\n` });
    assert.deepEqual(ask(config, "on"), { code: 0, out: "true\n" });
    assert.deepEqual(ask(config, "list"), { code: 0, out: "[]\n" });
  });

  it("says where there is no value, or prints the default", () => {
    for (const path of [["none"], ["x"], ["port", "x"], ["list", "0"]]) {
      const config = { none: null, port: 1, list: [] };
      assert.deepEqual(ask(config, ...path), { code: 1, out: "" });
      assert.deepEqual(ask(config, "-d", "6379", ...path), { code: 0, out: "6379\n" });
    }
  });

  it("gives back any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string(), (text, key) => {
        const config = { before: { [key]: ["]}", text] }, [key]: text };
        assert.equal(ask(config, key).out, `${text}\n`.replaceAll("\0", ""));
      }),
      { numRuns: 25 },
    );
  });
});
