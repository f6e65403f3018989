/** Commands on containers, and what is said of containers that run none. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { createDockerProvider } from "../../services/provisioner/providers/docker/provider.js";
import { context, machine } from "../conformance/machines.js";
import { describeExec } from "../support/exec-suite.js";
import { LoomProcess } from "../support/loom-process.js";
import { IMAGE, needsDocker } from "./daemon.js";

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

describe("a reader on docker that takes its time", function () {
  this.timeout(120_000);
  needsDocker();

  it("gets all that a command has printed that ended long ago", async () => {
    const provider = createDockerProvider();
    const request = machine(
      { provider, fields: {}, flavor: "small", hardwareFields: {}, image: IMAGE },
      randomUUID(),
      1000,
      1,
    );
    /** Bytes that came of so many, where the first of them are held back until the command has ended and longer. */
    async function come(size: number): Promise<number> {
      let bytes = 0;
      const command = await provider.channel(request).open(["head", "-c", String(size), "/dev/zero"], {
        env: {},
        terminal: undefined,
        signal: new AbortController().signal,
        onOutput(_, part) {
          bytes += part.length;
          // Longer than a command is looked at, and than the daemon keeps what nobody reads.
          return bytes === part.length ? sleep(10_000) : undefined;
        },
      });
      assert.deepEqual(await command.ended, { exitCode: 0 });
      return bytes;
    }
    try {
      await provider.create(request, context());
      await provider.confirm(request, context());
      // What fits into the sockets, into the daemon, and with the last of them into the command's own pipe as well.
      const sizes = [200_000, 1_000_000, 1_250_000, 1_300_000, 1_325_000, 1_350_000];
      assert.deepEqual(await Promise.all(sizes.map(come)), sizes);
    } finally {
      await provider.delete(request, context());
    }
  });
});
