/** The built Loom with clusters on real containers, as a person has it: `make run`, bin/loom, and what goes wrong. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { LoomProcess } from "../support/loom-process.js";
import { until } from "../support/wait.js";
import { socketProxy } from "../support/socket-proxy.js";
import { IMAGE, needsDocker } from "./daemon.js";

const docker = async (...args: string[]): Promise<string> => (await promisify(execFile)("docker", args)).stdout.trim();
const lines = (text: string): string[] => text.split("\n").filter((line) => line !== "");

/** Containers and networks of this Loom, and of no other on the same daemon. */
async function belongings(loom: LoomProcess): Promise<{ containers: string[]; networks: string[] }> {
  const format = '{{.Names}} {{.Label "loom.uid"}}';
  const found = lines(
    await docker("ps", "--all", "--filter", `label=loom.installation=${loom.folder}`, "--format", format),
  );
  for (const line of found) uids.add(line.split(" ")[1]!);
  const networks = lines(await docker("network", "ls", "--format", "{{.Name}}"));
  return {
    containers: found.map((line) => line.split(" ")[0]!),
    networks: networks.filter((name) => uids.has(name.replace("loom-net-", ""))),
  };
}
const NOTHING = { containers: [], networks: [] };
/** Of every cluster that was seen. */
const uids = new Set<string>();

/** A service whose first action waits, so that a test can break things in the middle of it. */
const catalog = (folder: string): string => `
kind: Provider
name: gated
type: docker
fields:
  host: unix://${folder}/docker.sock
  networkRange: 10.212.0.0/16
  mounts: { /gate: ${folder} }
---
kind: HardwareType
name: tiny
providers: { gated: { flavor: tiny, fields: { memoryMb: 128 } } }
---
kind: ImageType
name: gated-debian
providers: { gated: { image: "${IMAGE}" } }
---
kind: ImageType
name: later
providers: { gated: { image: "loom-later:1" } }
---
kind: Service
name: waiting
actions:
  install:
    type: shell
    fields: { script: 'echo begun; while [ ! -e /gate/open ]; do sleep 0.1; done; echo x >>/var/lib/loom/installed' }
  start: { type: shell, fields: { script: 'test "$(wc -l </var/lib/loom/installed)" = 1' } }
---
kind: ClusterTemplate
name: gated
defaults: { services: [waiting], provider: gated, imageType: gated-debian }
---
kind: ClusterTemplate
name: unimaged
defaults: { services: [waiting], provider: gated, imageType: later }
`;

const DAEMON = (process.env["DOCKER_HOST"] || "unix:///var/run/docker.sock").replace(/^unix:\/\//, "");

/** What one request to the farm is answered with; anything but a page of a web node is thrown. */
async function page(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000), headers: { connection: "close" } });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return /<h1>(.*)<\/h1>/.exec(text)![1]!;
}

async function pages(url: string, count: number): Promise<Set<string>> {
  const names = new Set<string>();
  for (let i = 0; i < count; i += 1) names.add(await page(url));
  return names;
}

interface JobJson {
  readonly name: string;
  readonly state: string;
  readonly message: string;
  readonly reason?: string;
}

describe("Loom on docker", function () {
  this.timeout(300_000);
  needsDocker();
  let loom: LoomProcess;
  before(async () => {
    loom = new LoomProcess();
    await loom.up("--provider", "docker");
  });
  after(async () => {
    try {
      await deleteAll();
    } finally {
      await loom.destroy();
    }
  });

  async function deleteAll(): Promise<void> {
    for (const name of lines(await loom.must("list", "-o", "name"))) {
      await loom.loom("cancel", name, "--wait=ended", "--timeout", "60s");
      await loom.must("delete", name, "--yes", "--wait", "--timeout", "60s");
    }
  }

  const job = (cluster: string, number = 1): Promise<JobJson> =>
    loom.json<JobJson>("describe", `${cluster}/jobs/${number}`);

  /** What is told of the first failed task of a cluster's newest job. */
  async function failedTask(cluster: string): Promise<string> {
    const { tasks } = await loom.json<{ tasks: { name: string; state: string }[] }>("tasks", cluster);
    return loom.must("describe", tasks.find(({ state }) => state === "STATE_FAILED")!.name);
  }

  describe("the first farm", () => {
    const farm = (): string => /^farm: (\S+)$/m.exec(loom.said)![1]!;

    it("answers at the address that was printed, and its provider is said", async () => {
      assert.match(loom.said, /hello, by provider docker \(asked for\)/);
      assert.equal((await pages(farm(), 9)).size, 3);
      const { containers, networks } = await belongings(loom);
      assert.deepEqual([containers.length, networks.length], [4, 1]);
    });

    it("answers every request while any one web node is stopped", async () => {
      const { nodes } = await loom.json<{ nodes: { services: string[]; machine: string }[] }>("nodes", "hello");
      const webs = nodes.filter(({ services }) => services.includes("web"));
      assert.equal(webs.length, 3);
      for (const { machine } of webs) {
        await Promise.all([pages(farm(), 100), docker("stop", machine)]);
        assert.equal((await pages(farm(), 20)).size, 2);
        await Promise.all([pages(farm(), 100), docker("start", machine)]);
        await until("it answers again", async () => (await pages(farm(), 9)).size === 3);
      }
    });

    it("grows without losing a request, and requests reach the new nodes", async () => {
      let growing = true;
      const traffic = (async () => {
        let count = 0;
        for (; growing; count += 1) await page(farm());
        return count;
      })();
      try {
        await loom.must("add-nodes", "hello", "web", "2", "--wait");
      } finally {
        growing = false;
      }
      assert.ok((await traffic) > 100, "too few requests to tell");
      assert.equal((await pages(farm(), 20)).size, 5);
    });

    it("leaves nothing behind when it is deleted", async () => {
      await loom.must("delete", "hello", "--yes", "--wait");
      assert.deepEqual(await belongings(loom), NOTHING);
    });
  });

  describe("redis", () => {
    it("is made, its check passes, and leaves nothing of it when it is deleted", async () => {
      await loom.must("create", "r1", "--template", "redis", "--nodes", "2", "--provider", "docker", "--wait");
      assert.match(await loom.must("logs", "r1"), /has the value/);
      assert.equal((await belongings(loom)).containers.length, 2);
      await loom.must("delete", "r1", "--yes", "--wait");
      assert.deepEqual(await belongings(loom), NOTHING);
    });
  });

  describe("when something breaks in the middle of a create", () => {
    const folder = mkdtempSync(join(tmpdir(), "loom-gate-"));
    const gate = join(folder, "open");
    const daemon = socketProxy(DAEMON, join(folder, "docker.sock"));
    before(async () => {
      await daemon.open();
      const applied = await loom.apply({ "gated.yaml": catalog(folder) });
      assert.equal(applied.code, 0, applied.err);
    });
    afterEach(async () => {
      rmSync(gate, { force: true });
      await deleteAll();
      assert.deepEqual(await belongings(loom), NOTHING);
    });
    after(async () => {
      await daemon.cut();
      rmSync(folder, { recursive: true, force: true });
    });
    const open = (): void => writeFileSync(gate, "");

    /** Begins a create whose nodes wait in their first script. Answers their containers. */
    async function begin(name: string, nodes: number): Promise<string[]> {
      await loom.must("create", name, "--template", "gated", "--nodes", String(nodes));
      await until(
        "the scripts run",
        async () => (await loom.must("logs", name)).match(/begun/g)?.length === nodes,
        60_000,
      );
      const { containers } = await belongings(loom);
      assert.equal(containers.length, nodes);
      return containers;
    }

    it("waits while Docker is stopped, says so, and goes on when it is back", async () => {
      await begin("stopped", 2);
      await daemon.cut();
      await until("the job waits", async () => (await job("stopped")).state === "STATE_WAITING", 60_000);
      assert.match((await job("stopped")).message, /The Docker daemon at unix:.* does not answer .* Start Docker/);
      assert.match(await loom.must("status", "stopped"), /does not answer/);
      await daemon.open();
      open();
      await loom.must("wait", "stopped", "--timeout", "60s");
    });

    it("says that a container was removed by hand, and a retry makes it again", async () => {
      const before = await begin("removed", 2);
      await docker("rm", "--force", before[0]!);
      open();
      const waited = await loom.loom("wait", "removed", "--timeout", "60s");
      assert.equal(waited.code, 1);
      const failed = await job("removed");
      assert.equal(failed.state, "STATE_FAILED");
      assert.match(
        failed.message,
        /The container loom-\w+ of node \d+ is gone: somebody removed it\. A retry of the job makes it again/,
      );
      assert.match(await failedTask("removed"), /MACHINE_MISSING/);
      await loom.must("retry", "removed", "--wait", "--timeout", "60s");
      const { containers } = await belongings(loom);
      assert.equal(containers.length, 2);
      assert.ok(!containers.includes(before[0]!) && containers.includes(before[1]!));
    });

    it("says that an image does not exist and what to do, and a retry goes on when it is there", async () => {
      open();
      const created = await loom.loom("create", "imageless", "--template", "unimaged", "--nodes", "1", "--wait");
      assert.equal(created.code, 1);
      assert.match(created.err, /Docker has no image "loom-later:1" here/);
      assert.match(await failedTask("imageless"), /IMAGE_NOT_FOUND/);
      assert.match((await job("imageless")).message, /make debian-image/);
      await docker("tag", IMAGE, "loom-later:1");
      try {
        await loom.must("retry", "imageless", "--wait", "--timeout", "60s");
      } finally {
        await docker("rmi", "loom-later:1");
      }
    });

    it("goes on after Loom was killed, without a second container", async () => {
      const before = await begin("killed", 3);
      await loom.signal("SIGKILL");
      await loom.up("--no-farm");
      assert.deepEqual((await belongings(loom)).containers.sort(), before.sort());
      open();
      await loom.must("wait", "killed", "--timeout", "60s");
      assert.deepEqual((await belongings(loom)).containers.sort(), before.sort());
    });

    it("waits with a delete while Docker is stopped, and removes everything when it is back", async () => {
      open();
      await loom.must("create", "gone", "--template", "gated", "--nodes", "2", "--wait");
      await daemon.cut();
      await loom.must("delete", "gone", "--yes");
      await until("the job waits", async () => (await job("gone", 2)).state === "STATE_WAITING", 60_000);
      await daemon.open();
      await loom.must("wait", "gone", "--timeout", "60s");
    });
  });
});
