/** Commands for authors: what is written, and what is said of it. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { shippedCatalog } from "../../services/common/shipped-catalog.js";
import { assertGolden } from "./golden.js";
import { edit, useFolder } from "./use-folder.js";
import { start } from "./use-cli.js";

describe("cli: templates", () => {
  useFolder();

  describe("new", () => {
    it("writes documents that are right, for one service and for several", async () => {
      for (const [name, flags, files] of [
        ["greeters", [], ["README.md", "services", "templates"]],
        ["shop", ["--services", "front,back", "--dir", "d/e"], ["README.md", "services", "templates"]],
      ] as const) {
        const { exit, out, err } = await start(["template", "new", name, ...flags]).ended;
        assert.equal(exit, 0, err);
        const made = name === "shop" ? "d/e" : name;
        assert.deepEqual(readdirSync(made).sort(), files);
        assert.match(out, new RegExp(`^${made}/templates/${name}\\.yaml$`, "m"));
        const lint = await start(["template", "lint", made, "--strict"]).ended;
        assert.deepEqual([lint.exit, lint.out], [0, ""]);
        assert.match(lint.err, /^\d documents, no errors\n$/, "not even a note");
        assert.equal((await start(["catalog", "validate", made]).ended).exit, 2, "what comes with Loom is not in it");
      }
      assert.deepEqual(readdirSync("d/e/services").sort(), ["back.yaml", "front.yaml"]);
    });

    it("overwrites nothing", async () => {
      await start(["template", "new", "greeters"]).ended;
      edit("greeters/services/greeters-server.yaml", "Hello", "Mine");
      const before = readFileSync("greeters/services/greeters-server.yaml", "utf8");
      const again = await start(["template", "new", "greeters"]).ended;
      assert.equal(again.exit, 2);
      assert.match(again.err, /already: nothing was written/);
      assert.equal(readFileSync("greeters/services/greeters-server.yaml", "utf8"), before);
      // Another template beside the first one; the README stays its author's.
      writeFileSync("greeters/README.md", "mine");
      const other = await start(["template", "new", "others", "--dir", "greeters"]).ended;
      assert.equal(other.exit, 0, other.err);
      assert.equal(readFileSync("greeters/README.md", "utf8"), "mine");
    });

    it("refuses names that cannot be, and those of what comes with Loom", async () => {
      for (const argv of [
        ["Big"],
        ["a_b"],
        ["a-"],
        ["x".repeat(41)],
        ["ok", "-s", "a,B"],
        ["ok", "-s", "a,a"],
        ["web-farm"],
        ["ok", "-s", "web"],
      ]) {
        const { exit, err } = await start(["template", "new", ...argv]).ended;
        assert.equal(exit, 2, `${argv.join(" ")}: ${err}`);
        assert.deepEqual(readdirSync("."), []);
      }
    });
  });

  describe("lint", () => {
    beforeEach(() => start(["template", "new", "greeters"]).ended.then(() => undefined));
    const SERVICE = "greeters/services/greeters-server.yaml";

    it("shows every problem with its line, and a mark below the place", async () => {
      edit(
        SERVICE,
        "if loom-service status greeters-server >/dev/null; then loom-service restart greeters-server; fi",
        "loom-service restart greeters-server; fi",
      );
      edit(SERVICE, "$(loom-config greeters-server greeting)", "$(loom-config greeters-server greting)");
      edit("greeters/templates/greeters.yaml", "services: [greeters-server]", "services: [greeter-server]");
      const { exit, out, err } = await start(["template", "lint", "greeters"]).ended;
      assert.equal(exit, 2);
      assertGolden("template-lint", out + err);
      const lines = readFileSync(SERVICE, "utf8").split("\n");
      const [, line, column] = /^ {2}(\d+):(\d+) error \[shell-syntax\]$/m.exec(out)!;
      assert.equal(lines[Number(line) - 1]!.slice(Number(column) - 1), "fi");
    });

    it("as JSON, one line each, names of files; in this folder where none is named", async () => {
      edit(SERVICE, "set -eu\n            port=", "port=");
      const json = await start(["template", "lint", "greeters", "-o", "json"]).ended;
      const { documents, problems } = JSON.parse(json.out) as {
        documents: number;
        problems: Record<string, unknown>[];
      };
      assert.equal(documents, 2);
      assert.deepEqual(
        problems.map(({ rule, severity, document, file, path }) => [rule, severity, document, file, path]),
        [["set-e", "warning", "Service/greeters-server", SERVICE, "actions.configure.variants[0].fields.script"]],
      );
      process.chdir("greeters");
      assert.equal((await start(["template", "lint", "-o", "name"]).ended).out, "services/greeters-server.yaml\n");
      assert.equal(
        (JSON.parse((await start(["template", "lint", "-o", "jsonl"]).ended).out) as { line: number }).line,
        problems[0]!["line"],
      );
      assert.equal((await start(["template", "lint"]).ended).exit, 0, "a warning is no error");
      assert.equal((await start(["template", "lint", "--strict"]).ended).exit, 2);
    });

    it("knows the documents of another folder where one is named", async () => {
      edit("greeters/templates/greeters.yaml", "services: [greeters-server]", "services: [greeters-server, web]");
      assert.equal((await start(["template", "lint", "greeters"]).ended).exit, 0);
      const { exit, out } = await start(["template", "lint", "greeters", "--catalog", "greeters"]).ended;
      assert.equal(exit, 2);
      assert.match(out, /There is no service "web"/);
    });

    it("has nothing against what comes with Loom", async () => {
      const { exit, err } = await start(["template", "lint", shippedCatalog(), "--strict"]).ended;
      assert.equal(exit, 0, err);
    });

    it("reads scripts as their own shells do, and passes over those of others", async () => {
      const script = (text: string): void =>
        writeFileSync(
          "one.yaml",
          `kind: Service\nname: one\nactions:\n  start:\n    fields:\n      script: |\n        ${text.split("\n").join("\n        ")}\n`,
        );
      script("#!/bin/bash\nset -e\nxs=(a b)\necho ${xs[@]}");
      assert.equal((await start(["template", "lint", "one.yaml"]).ended).out, "");
      script("#!/bin/bash\nset -e\nwhile true; do\n  x\n");
      assert.match((await start(["template", "lint", "one.yaml"]).ended).out, /\[shell-syntax\]/);
      script("#!/usr/bin/env python3\nif True:\n  print('(')");
      assert.equal((await start(["template", "lint", "one.yaml"]).ended).out, "");
      script("set -e\nif true; then\n  x\n");
      const { out } = await start(["template", "lint", "one.yaml"]).ended;
      assert.match(out, /An "if" has no "fi"\./);
    });
  });
});
