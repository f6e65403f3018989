/** Commands on containers, and what is said of containers that run none. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describeExec } from "../support/exec-suite.js";
import { LoomProcess } from "../support/loom-process.js";
import { needsDocker } from "./daemon.js";

const docker = async (...args: string[]): Promise<string> => (await promisify(execFile)("docker", args)).stdout.trim();

describe("loom exec and loom ssh on docker", function () {
  this.timeout(240_000);
  needsDocker();
  let loom: LoomProcess;
  before(async () => {
    loom = new LoomProcess({ flags: ["--provider", "docker"] });
    await loom.up();
  });
  after(async () => {
    if (loom === undefined) return;
    await loom.loom("delete", "hello", "--yes", "--wait");
    await loom.destroy();
  });

  describeExec(() => loom);

  it("a node that is off or gone is told, with what mends it", async () => {
    const { nodes } = await loom.json<{ nodes: { number: number; machine: string }[] }>("nodes", "hello");
    const machine = (number: number): string => nodes.find((node) => node.number === number)!.machine;
    await docker("stop", "--time", "0", machine(1001));
    await docker("rm", "--force", machine(1002));
    for (const [node, words] of [
      ["1001", /does\s+not\s+run[^]*loom\s+repair\s+hello-/],
      ["1002", /is\s+gone[^]*loom\s+repair\s+hello-/],
    ] as const) {
      const { code, err } = await loom.loom("exec", "hello", node, "--", "true");
      assert.equal(code, 255);
      assert.match(err, words);
    }
    const repaired = await loom.loom("repair", "hello", "--wait");
    assert.equal(repaired.code, 0, repaired.err);
    for (const node of ["1001", "1002"]) assert.equal((await loom.loom("exec", "hello", node, "--", "true")).code, 0);
  });
});
