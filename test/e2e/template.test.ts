/** An author's way by the built program on this machine: begin, check, try, mend, try again, apply. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LoomProcess } from "../support/loom-process.js";

const LOOM = fileURLToPath(new URL("../../bin/loom", import.meta.url));

describe("a template from its author's folder", function () {
  this.timeout(120_000);
  let loom: LoomProcess;
  let folder = "";
  let service = "";
  let catalog = "";

  before(async () => {
    loom = new LoomProcess({ flags: ["--provider", "local"] });
    await loom.up();
    await loom.must("delete", "hello", "--yes", "--wait");
    folder = join(loom.home, "greeters");
    service = join(folder, "services", "greeters-server.yaml");
    catalog = await documents();
  });
  after(async () => {
    if (loom === undefined) return;
    // Only a failed test leaves clusters; their processes must not stay.
    const { out } = await loom.loom("list", "-o", "name");
    for (const name of out.split("\n").filter((line) => line !== "")) {
      await loom.loom("cancel", name, "--wait");
      await loom.loom("delete", name, "--yes", "--wait");
    }
    await loom.destroy();
  });

  /** Every document of the catalog with its version. */
  const documents = async (): Promise<string> => {
    const { documents: found } = await loom.json<{ documents: { name: string; version: number; etag: string }[] }>(
      "catalog",
      "list",
    );
    return JSON.stringify(found.map(({ name, version, etag }) => [name, version, etag]));
  };

  /** The line of the file, from 1. */
  const lineOf = (text: string): number =>
    readFileSync(service, "utf8")
      .split("\n")
      .findIndex((line) => line.includes(text)) + 1;

  function edit(before: string, after: string): void {
    const text = readFileSync(service, "utf8");
    assert.ok(text.includes(before), `${before} is not in ${service}`);
    writeFileSync(service, text.replace(before, after));
  }

  async function nothingIsLeft(): Promise<void> {
    assert.equal((await loom.must("list", "-o", "name")).trim(), "");
    assert.deepEqual(
      readdirSync(join(loom.folder, "nodes")).filter((name) => name !== "addresses"),
      [],
    );
    assert.equal(await documents(), catalog, "the catalog is as it was");
  }

  it("begins, is right and comes up as it is", async () => {
    await loom.must("template", "new", "greeters", "--dir", folder);
    assert.equal((await loom.loom("template", "lint", folder, "--strict")).code, 0);
    const { code, out, err } = await loom.loom("template", "try", folder, "--nodes", "2");
    assert.equal(code, 0, err);
    assert.match(err, /check passed:\n {4}\| http:\/\/127\.\S+ Hello from try-greeters\S+-1000\S*\n {4}\| .*-1001/);
    assert.match(out, /^greeters-server: http:\/\/127\.\S+:8080$/m);
    await nothingIsLeft();
  });

  it("shows what the shell cannot read, and makes nothing", async () => {
    edit(
      "if loom-service status greeters-server >/dev/null; then",
      "if loom-service status greeters-server >/dev/null;",
    );
    for (const argv of [["lint"], ["try"]]) {
      const { code, out, err } = await loom.loom("template", ...argv, folder);
      assert.equal(code, 2);
      assert.match(out + err, /greeters-server\.yaml\n {2}\d+:\d+ error \[shell-syntax\]/);
    }
    edit(">/dev/null;", ">/dev/null; then");
    await nothingIsLeft();
  });

  it("shows the log of a script that fails, and its line in the file", async () => {
    const command = 'loom-service start greeters-server node "$LOOM_HOME/greeters-server/server.mjs"';
    edit(command, `no-such-command\n            ${command}`);
    assert.equal((await loom.loom("template", "lint", folder)).code, 0, "no shell knows all commands");
    const { code, err } = await loom.loom("template", "try", folder);
    assert.equal(code, 1);
    assert.match(err, /starting greeters-server on node 1000 printed:\n {4}\| .*no-such-command: not found/);
    assert.match(
      err,
      new RegExp(
        `greeters-server\\.yaml:${lineOf("no-such-command")}:13 actions\\.start\\.variants\\[1\\]\\.fields\\.script\n +\\d+ \\| +no-such-command\n`,
      ),
    );
    await nothingIsLeft();
    edit("no-such-command\n            ", "");
  });

  it("leaves nothing behind when Ctrl-C comes in the middle", async () => {
    edit("mkdir -p", "sleep 600; mkdir -p");
    const child = spawn(LOOM, ["template", "try", folder], { env: loom.env, stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    const begun = new Promise<void>((resolve) => {
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        if (said.includes("Cluster try-greeters")) resolve();
      });
    });
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    await begun;
    child.kill("SIGINT");
    assert.equal(await ended, 130, said);
    assert.match(said, /Deleted: nothing of try-greeters-\S+ is left\./);
    await nothingIsLeft();
    edit("sleep 600; mkdir -p", "mkdir -p");
  });

  it("is tried again, then applied, and everybody can create it", async () => {
    edit("greeting: Hello", "greeting: Ahoy");
    const { code, err } = await loom.loom("template", "try", folder);
    assert.equal(code, 0, err);
    assert.match(err, /Ahoy from/);
    await nothingIsLeft();
    await loom.must("catalog", "apply", folder);
    await loom.must("create", "greet", "--template", "greeters", "--nodes", "1", "--wait");
    await loom.must("delete", "greet", "--yes", "--wait");
  });
});
