import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseConfig } from "./config-flags.js";
import { CliError } from "./exit.js";

describe("cli: --config", () => {
  const folder = mkdtempSync(join(tmpdir(), "loom-config-"));
  after(() => rmSync(folder, { recursive: true }));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return `@${join(folder, name)}`;
  };

  it("makes a tree of paths, values as JSON where they are JSON", async () => {
    assert.deepEqual(
      await parseConfig(["a.b=1", "a.c=true", "d=text", 'e={"f":[1]}', "g=", "h=1.2.3", "i=a=b", "j=-5", "k=null"]),
      {
        a: { b: 1, c: true },
        d: "text",
        e: { f: [1] },
        g: "",
        h: "1.2.3",
        i: "a=b",
        j: -5,
        k: null,
      },
    );
  });

  it("keeps numbers as texts that would not come back as they were typed", async () => {
    assert.deepEqual(await parseConfig(["a=1.10", "b=12345678901234567890", "c=1e5", "d=0.5", "e=-0", "f=0123"]), {
      a: "1.10",
      b: "12345678901234567890",
      c: "1e5",
      d: 0.5,
      e: "-0",
      f: "0123",
    });
  });

  it("merges files and flags in their order", async () => {
    assert.deepEqual(
      await parseConfig([
        file("a.yaml", "web: {port: 1, name: x}\nlist: [1, 2]\n"),
        "web.port=2",
        file("b.json", '{"list": [3]}'),
      ]),
      {
        web: { port: 2, name: "x" },
        list: [3],
      },
    );
  });

  it("does not reach the prototype of objects", async () => {
    const config = await parseConfig(["__proto__.polluted=1", "constructor.x=2"]);
    assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
    assert.deepEqual(Object.keys(config).sort(), ["__proto__", "constructor"]);
  });

  it("refuses what is neither", async () => {
    for (const flag of [
      "novalue",
      "=1",
      "a..b=1",
      ".a=1",
      "@/nonexistent/file",
      file("bad.yaml", "a: [1"),
      file("list.yaml", "[1]"),
    ]) {
      await assert.rejects(parseConfig([flag]), (thrown) => thrown instanceof CliError && thrown.exit === 2, flag);
    }
  });
});
