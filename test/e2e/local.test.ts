/** The whole story on this machine by the built program and bin/loom: a farm that grows, survives and goes again. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processesByToken } from "../../services/provisioner/providers/local/processes.js";
import { LoomProcess } from "../support/loom-process.js";
import { until } from "../support/wait.js";

interface NodeJson {
  readonly number: number;
  readonly hostname: string;
  readonly state: string;
  readonly services: readonly string[];
  /** Folder of the node. */
  readonly machine: string;
}

interface JobJson {
  readonly name: string;
  readonly state: string;
  readonly taskCount: number;
  readonly doneCount: number;
}

/** A service whose installation waits for the file `open` and writes down that it ran. */
const slow = (gate: string): string => `
kind: Service
name: slow
actions:
  install:
    type: shell
    fields:
      script: 'echo begun; while [ ! -e ${gate}/open ]; do sleep 0.1; done; echo x >>${gate}/ran; echo through'
---
kind: ClusterTemplate
name: slow
defaults: { services: [slow], provider: local, imageType: this-machine }
`;

describe("Loom on this machine", function () {
  this.timeout(180_000);
  let loom: LoomProcess;
  let farm = "";
  let cluster = "";

  before(async () => {
    loom = new LoomProcess({ flags: ["--provider", "local"] });
    await loom.up();
  });
  after(async () => {
    if (loom === undefined) return;
    // Only a failed test leaves clusters; their processes must not stay.
    const { out } = await loom.loom("list", "-o", "name");
    for (const name of out.split("\n").filter((line) => line !== "")) {
      await loom.loom("cancel", name, "--yes", "--wait");
      await loom.loom("delete", name, "--yes", "--wait");
    }
    await loom.destroy();
  });

  const nodes = async (): Promise<NodeJson[]> => (await loom.json<{ nodes: NodeJson[] }>("nodes", "hello")).nodes;
  const webs = async (): Promise<NodeJson[]> => (await nodes()).filter((node) => node.services.includes("web"));
  const jobs = async (name: string): Promise<JobJson[]> => (await loom.json<{ jobs: JobJson[] }>("jobs", name)).jobs;

  /** The node that one request through the balancer reached. Anything but its page is thrown. */
  async function page(): Promise<string> {
    const response = await fetch(farm, { signal: AbortSignal.timeout(20_000), headers: { connection: "close" } });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    return /<h1>(.*)<\/h1>/.exec(text)![1]!;
  }
  async function reached(requests: number): Promise<Set<string>> {
    const found = new Set<string>();
    for (let i = 0; i < requests; i += 1) found.add(await page());
    return found;
  }

  it("starts with a farm whose every web node answers, and says where", async () => {
    farm = /^farm: (\S+)$/m.exec(loom.said)![1]!;
    assert.match(loom.said, /^- making the first cluster, hello, by provider local/m);
    assert.match(loom.said, /^loom: bin\/loom status hello/m);
    assert.ok(!loom.said.includes(loom.token));
    assert.deepEqual(await reached(12), new Set((await webs()).map((node) => node.hostname)));
    assert.equal((await nodes()).length, 4);
  });

  it("writes a context that works at once and that nobody else can read", () => {
    const path = join(loom.home, "config", "loom", "context.json");
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(join(loom.folder, "admin-token")).mode & 0o777, 0o600);
  });

  it("gives records as JSON, YAML, names and tables", async () => {
    const { clusters } = await loom.json<{ clusters: { name: string; state: string }[] }>("list");
    assert.equal(clusters.length, 1);
    assert.equal(clusters[0]!.state, "STATE_ACTIVE");
    cluster = clusters[0]!.name;
    assert.equal((await loom.must("list", "-o", "name")).trim(), cluster);
    assert.match(await loom.must("list", "-o", "yaml"), new RegExp(`name: ${cluster}`));
    assert.equal((JSON.parse(await loom.must("list", "-o", "jsonl")) as { name: string }).name, cluster);
    assert.match(await loom.must("list"), /^NAME +STATE/);
  });

  it("completes what is being typed from what there is", async () => {
    assert.deepEqual((await loom.must("__complete", "template", "web")).trim(), "web-farm");
    assert.ok((await loom.must("__complete", "cluster")).split("\n").includes("hello"));
    assert.match(await loom.must("completion", "bash"), /__complete/);
  });

  it("tells failures apart by the exit code", async () => {
    assert.equal((await loom.loom("status", "nobody")).code, 2);
    assert.equal((await loom.loom("create", "x", "--template", "web-frm", "--nodes", "3")).code, 2);
    assert.equal((await loom.loom("create", "x", "--template", "web-farm", "--nodes", "3", "--dry-run")).code, 0);
    const changes = ["create", "x", "--template", "web-farm", "--nodes", "3", "--dry-run", "--detailed-exit-code"];
    assert.equal((await loom.loom(...changes)).code, 4);
    // A primary runs once, so that it cannot fill two nodes.
    const { code, err } = await loom.loom("plan", "--template", "redis", "--nodes", "2", "--services", "redis-primary");
    assert.equal(code, 3, err);
    assert.equal((await loom.loom("--url", "http://127.0.0.1:9", "list")).code, 5);
    assert.equal((await loom.loomWith({ env: { LOOM_TOKEN: "wrong" } }, "list")).code, 2);
  });

  it("answers every request while any one web node is stopped", async () => {
    for (const node of await webs()) {
      const group = Number(readFileSync(join(node.machine, "run", "init"), "latin1").split(" ")[0]);
      process.kill(-group, "SIGSTOP");
      try {
        assert.ok(!(await reached(8)).has(node.hostname));
      } finally {
        process.kill(-group, "SIGCONT");
      }
      await until(`${node.hostname} is back`, async () => (await page()) === node.hostname);
    }
  });

  it("grows while it answers, and requests reach the new nodes", async () => {
    const before = new Set((await webs()).map((node) => node.hostname));
    let growing = true;
    const growth = loom.must("add-nodes", "hello", "web", "2", "--wait").finally(() => (growing = false));
    while (growing) await page();
    await growth;
    const after = (await webs()).map((node) => node.hostname);
    assert.equal(after.length, 5);
    const seen = await reached(20);
    assert.deepEqual(seen, new Set(after));
    assert.equal([...seen].filter((name) => !before.has(name)).length, 2);
  });

  it("answers while Loom is stopped, and is found again with documents that were edited", async () => {
    const folder = join(loom.home, "edited");
    await loom.must("catalog", "export", folder);
    const path = readdirSync(folder, { recursive: true, encoding: "utf8" }).find((name) =>
      name.endsWith("large.yaml"),
    )!;
    const text = readFileSync(join(folder, path), "utf8");
    writeFileSync(join(folder, path), text.replace(/^description: .*$/m, "description: Edited here."));
    assert.match((await loom.loom("catalog", "apply", folder)).err, /1 changed/);

    assert.equal(await loom.signal("SIGINT"), 0);
    assert.match(loom.said, /Stopping\. Clusters go on/);
    assert.equal((await loom.loom("list")).code, 5);
    assert.equal((await reached(10)).size, 5);

    await loom.up();
    assert.match(loom.said, /^- found 1 cluster: hello-\w+ ACTIVE$/m);
    assert.match(loom.said, /^- kept 1 catalog document edited here: HardwareType large$/m);
    assert.equal(/^farm: (\S+)$/m.exec(loom.said)![1], farm);
    assert.match(await loom.must("catalog", "get", "hardwareType/large"), /Edited here\./);
    assert.equal((await nodes()).length, 6);
  });

  it("brings the farm back where the machine was off meanwhile", async () => {
    assert.equal(await loom.signal("SIGINT"), 0);
    for (const folder of readdirSync(join(loom.folder, "nodes")).filter((name) => name !== "addresses"))
      process.kill(
        -Number(readFileSync(join(loom.folder, "nodes", folder, "run", "init"), "latin1").split(" ")[0]),
        "SIGKILL",
      );
    await assert.rejects(page());
    await loom.up();
    assert.match(loom.said, /^- switched on 6 of this machine's nodes, which were off$/m);
    await until("all web nodes answer", async () => (await reached(10).catch(() => new Set())).size === 5);
  });

  it("follows the log of a script that runs", async () => {
    assert.equal((await loom.apply({ "slow.yaml": slow(loom.home) })).code, 0);
    await loom.must("create", "slow", "--template", "slow", "--nodes", "1");
    const following = spawn(join(process.cwd(), "bin", "loom"), ["logs", "slow", "-f"], { env: loom.env });
    let read = "";
    following.stdout.setEncoding("utf8").on("data", (text: string) => (read += text));
    const ended = new Promise((resolve) => following.once("close", resolve));
    await until("the script's first line", () => read.includes("begun"));
    assert.ok(!read.includes("through"));
    following.kill("SIGINT");
    assert.equal(await ended, 130);
  });

  it("stops waiting after a while, and the job goes on", async () => {
    const { code, err } = await loom.loom("wait", "slow", "--timeout", "1s");
    assert.equal(code, 6, err);
    assert.equal((await jobs("slow"))[0]!.state, "STATE_RUNNING");
  });

  it("goes on with a job after Ctrl-C, and what was done is not done again", async () => {
    const [before] = await jobs("slow");
    assert.equal(await loom.signal("SIGINT"), 0);
    writeFileSync(join(loom.home, "open"), "");
    await until("the script ends without Loom", () => existsSync(join(loom.home, "ran")));
    await loom.up();
    assert.match(loom.said, /^- 1 job not ended: create of slow-\w+$/m);
    await loom.must("wait", "slow");
    const [after] = await jobs("slow");
    assert.deepEqual([after!.name, after!.state], [before!.name, "STATE_COMPLETE"]);
    assert.equal(readFileSync(join(loom.home, "ran"), "utf8"), "x\n");
    assert.match(await loom.must("logs", "slow"), /through/);
  });

  it("deletes clusters and leaves no process and no folder", async () => {
    const folders = (await nodes()).map((node) => node.machine);
    assert.ok(folders.every((folder) => existsSync(folder)));
    await loom.must("delete", "slow", "--yes", "--wait");
    await loom.must("delete", "hello", "--yes", "--wait");
    assert.deepEqual(
      folders.filter((folder) => existsSync(folder)),
      [],
    );
    const left = await processesByToken();
    for (const folder of folders) assert.equal(left.get(folder.split("/").at(-1)!), undefined);
    assert.deepEqual(readdirSync(join(loom.folder, "nodes")), ["addresses"]);
    await assert.rejects(fetch(farm, { signal: AbortSignal.timeout(20_000) }));
    assert.match((await loom.loom("list")).err, /No clusters/);
  });

  it("does not make the first cluster again where somebody deleted it", async () => {
    assert.equal(await loom.signal("SIGTERM"), 0);
    await loom.up();
    assert.match(loom.said, /^- found no clusters$/m);
    assert.match(loom.said, /The first cluster was deleted and is not made again by itself/);
    assert.doesNotMatch(loom.said, /^farm:/m);
  });
});
