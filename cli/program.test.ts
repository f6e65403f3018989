import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { assertGolden } from "../test/cli/golden.js";
import { start } from "../test/cli/use-cli.js";
import { allCommands, createProgram, normalized, pathOf } from "./program.js";
import { cliReference } from "./reference.js";

const commands = allCommands(createProgram(() => undefined)).filter((command) => !command.name().startsWith("__"));

describe("cli: program", () => {
  for (const command of commands) {
    const path = pathOf(command);
    it(`${path} --help`, async () => {
      const { exit, out, err } = await start([...path.split(" ").slice(1), "--help"]).ended;
      assert.equal(exit, 0);
      assert.equal(err, "");
      assertGolden(`help-${path.replaceAll(" ", "-")}`, out);
    });
  }

  it("every command has a summary, a description, and flags that say what they do", () => {
    for (const command of commands.slice(1)) {
      assert.notEqual(command.summary(), "", pathOf(command));
      assert.match(command.description(), /^[A-Z]/, pathOf(command));
      for (const option of command.options)
        assert.notEqual(option.description, "", `${pathOf(command)} ${option.flags}`);
    }
  });

  it("no flag of a command hides one of the program's", () => {
    const program = createProgram(() => undefined);
    const global = new Set(
      program.options.filter((option) => !option.hidden).flatMap((option) => [option.short, option.long]),
    );
    for (const command of allCommands(program).slice(1)) {
      for (const option of command.options)
        for (const flag of [option.short, option.long])
          assert.ok(flag === undefined || !global.has(flag), `${pathOf(command)} ${flag}`);
    }
  });

  it("docs/reference/cli.md is up to date", () => {
    const text = readFileSync(new URL("../docs/reference/cli.md", import.meta.url), "utf8");
    assert.equal(text, cliReference(), "Run: node --import tsx tools/cli-reference.ts");
  });

  it("says what may have been meant", async () => {
    for (const [argv, pattern] of [
      [["creat"], /unknown command 'creat'[^]*Did you mean create\?/],
      [["list", "--colums", "a"], /unknown option '--colums'[^]*Did you mean --columns\?[^]*See: loom list --help/],
      [["create", "x", "-t", "t"], /required option '-n, --nodes <n>' not specified/],
      [["create", "x", "-t", "t", "-n", "none"], /whole number from 1 to 10000/],
      [["--columns", "a", "login", "http://x"], /loom login has no --columns/],
      [["nodes", "a", "b"], /too many arguments/],
    ] as const) {
      const { exit, out, err } = await start(argv).ended;
      assert.equal(exit, 2, argv.join(" "));
      assert.equal(out, "");
      assert.match(err, pattern);
    }
  });

  it("--wait takes its state only after =", () => {
    assert.deepEqual(normalized(["create", "--wait", "x", "--wait=running", "--", "--wait"]), [
      "create",
      "--wait=end",
      "x",
      "--wait=running",
      "--",
      "--wait",
    ]);
  });

  it("an error that nobody foresaw shows its stack only with --debug", async () => {
    const env = { HOME: "/nonexistent", LOOM_URL: "http://127.0.0.1:1" };
    assert.doesNotMatch((await start(["list"], { env }).ended).err, /\.ts:\d/);
    assert.match((await start(["list", "--debug"], { env }).ended).err, /\.ts:\d/);
  });

  it("prints its version without talking to anybody", async () => {
    const { exit, out } = await start(["version"]).ended;
    assert.equal(exit, 0);
    assert.match(out, /^loom \d+\.\d+\.\d+\n$/);
  });
});
