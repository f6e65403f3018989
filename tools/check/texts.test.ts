import assert from "node:assert/strict";
import { deadLinks, machinePaths, outsidePages, registryHosts, tooLong, unknownPages, untypedTodos } from "./texts.js";

describe("texts", () => {
  it("wants a kind on marks of unfinished work", () => {
    assert.deepEqual(untypedTodos("x.ts", "ok\n// TODO: later\n// TODO-security: later\n// FIXME"), [
      { file: "x.ts", line: 2, message: "TODO: write TODO-correctness, -robustness, -performance or -security" },
      { file: "x.ts", line: 4, message: "FIXME: write TODO-correctness, -robustness, -performance or -security" },
    ]);
  });

  it("finds hosts of registries, but not packages that are called like one", () => {
    const hosts = [
      "https://registry.npmjs.org/x",
      "deb.debian.org/debian",
      "files.pythonhosted.org",
      "ghcr.io/a/b",
      "registry-1.docker.io",
    ];
    for (const host of hosts) assert.equal(registryHosts("x", `a ${host} b`).length, 1, host);
    assert.deepEqual(registryHosts("x", "apt-get install docker.io # from Debian"), []);
  });

  it("finds folders of this machine, whole", () => {
    assert.equal(machinePaths("x", "see /data/main/x and /data/main", ["/data/main"])[0]?.line, 1);
    assert.deepEqual(machinePaths("x", "/data/mainly\nhttp://a/data/main", ["/data/main"]), []);
  });

  it("finds links that lead nowhere", () => {
    const files: Record<string, string> = { "docs/a.md": "# Title\n## Two words, `code`\n", "docs/b": "" };
    const read = (path: string): string | undefined => files[path];
    const links = (text: string): string[] =>
      deadLinks("docs/x.md", `# Here\n${text}`, read).map((finding) => `${finding.line} ${finding.message}`);
    assert.deepEqual(
      links("[a](a.md) [b](b) [c](a.md#two-words-code) [d](#here) [e](https://x.org/y) [f](../docs/a.md)"),
      [],
    );
    assert.deepEqual(links("[a](gone.md)\n[b](a.md#three) [c](#there)"), [
      "2 the link gone.md leads nowhere",
      "3 the link a.md#three leads nowhere",
      "3 the link #there leads nowhere",
    ]);
    assert.deepEqual(links("```\n[a](gone.md)\n```"), []);
  });

  it("finds pages that are nowhere", () => {
    const names = new Set(["architecture.md"]);
    assert.deepEqual(unknownPages("x.ts", "// docs/architecture.md, architecture.md 3", names), []);
    assert.equal(
      unknownPages("x.ts", "// (availability.md 4.3)", names)[0]?.message,
      "names the page availability.md, which is not in the project",
    );
    assert.deepEqual(unknownPages("x.ts", "*.md .md", names), []);
  });

  it("finds files that are too long and pages of elsewhere", () => {
    assert.equal(tooLong("x.ts", "\n".repeat(301)).length, 1);
    assert.deepEqual(tooLong("x.ts", "\n".repeat(300)), []);
    assert.equal(outsidePages("x.ts", "see ../shared/design/x.md").length, 1);
  });
});
