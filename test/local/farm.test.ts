/** The shipped template web-farm on this machine: it works, also while a web node is off, and its check goes red. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { processesByToken } from "../../services/provisioner/providers/local/processes.js";
import { createLocalProvider } from "../../services/provisioner/providers/local/provider.js";
import type { Provider } from "../../services/provisioner/providers/provider.js";
import { until } from "../support/wait.js";
import { Play, shippedCatalog, type PlayedNode } from "../docker/play.js";

describe("web-farm on local", function () {
  this.timeout(120_000);
  let folder: string;
  let provider: Provider;
  let farm: Play;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "loom-farm-"));
    provider = createLocalProvider({ folder });
    farm = new Play(provider, await shippedCatalog(), "web-farm", { imageType: "this-machine", image: "this-machine" });
    await farm.add("web", "web", "web", "lb");
  });
  after(async () => {
    await farm?.destroy();
    assert.deepEqual(await readdir(folder), ["addresses"]);
    const left = await processesByToken();
    for (const { request } of farm.nodes) assert.equal(left.get(request.token), undefined);
    await rm(folder, { recursive: true });
  });

  const url = (): string => `http://${farm.with("lb")[0]!.address}:8080/`;

  /** The host names of the pages of so many requests, one after the other. Any that fails is thrown. */
  async function pages(count: number): Promise<string[]> {
    const names: string[] = [];
    for (let i = 0; i < count; i += 1) {
      const response = await fetch(url(), { signal: AbortSignal.timeout(20_000) });
      const text = await response.text();
      assert.equal(response.status, 200, text);
      names.push(/<h1>(.*)<\/h1>/.exec(text)![1]!);
    }
    return names;
  }

  function group(node: PlayedNode): number {
    return Number(readFileSync(join(folder, node.request.token, "run", "init"), "latin1").split(" ")[0]);
  }

  it("passes its check, and requests reach every web node in turn", async () => {
    const { exitCode, output } = await farm.check();
    assert.equal(exitCode, 0, output);
    const names = await pages(9);
    for (const { hostname } of farm.with("web")) assert.equal(names.filter((name) => name === hostname).length, 3);
  });

  it("answers every request while any one web node is switched off or frozen", async () => {
    const context = { signal: new AbortController().signal, log: () => {} };
    for (const node of farm.with("web")) {
      const killing = pages(200);
      process.kill(-group(node), "SIGKILL");
      await killing;
      const starting = pages(50);
      await provider.confirm(node.request, context);
      await starting;
      process.kill(-group(node), "SIGSTOP");
      await pages(6);
      process.kill(-group(node), "SIGCONT");
    }
    assert.equal((await farm.check()).exitCode, 0);
  });

  it("has a check that goes red when a web node is stopped, and says which", async () => {
    const node = farm.with("web")[1]!;
    await farm.again(node, "stop");
    const { exitCode, output } = await farm.check();
    assert.equal(exitCode, 1);
    assert.match(output, new RegExp(`no answer through the balancer from: ${node.hostname}`));
    await farm.again(node, "start");
    assert.equal((await farm.check()).exitCode, 0);
  });

  it("says so when its port is in use", async () => {
    const node = farm.with("web")[2]!;
    await farm.again(node, "stop");
    const intruder = createServer((_request, response) => void response.end("mine")).listen(8080, node.address);
    await once(intruder, "listening");
    const { exitCode, output } = await farm.act(node, "start");
    assert.equal(exitCode, 1);
    assert.match(output, /port 8080 of 127\.77\.\d+\.\d+ is in use; choose another one as config\.web\.port/);
    intruder.close();
    await farm.again(node, "start");
  });

  it("grows: the balancer learns the new nodes without losing a request", async () => {
    await farm.add("web", "web");
    const running = pages(200);
    await farm.again(farm.with("lb")[0]!, "configure");
    await running;
    const { exitCode, output } = await farm.check();
    assert.equal(exitCode, 0, output);
    assert.equal(new Set(await pages(5)).size, 5);
  });

  it("comes back by itself after its nodes were off", async () => {
    const context = { signal: new AbortController().signal, log: () => {} };
    for (const node of farm.nodes) process.kill(-group(node), "SIGKILL");
    for (const node of farm.nodes) {
      await until(`${node.hostname} is off`, async () => (await provider.observe(node.request))?.running === false);
    }
    await Promise.all(farm.nodes.map((node) => provider.confirm(node.request, context)));
    const { exitCode, output } = await farm.check();
    assert.equal(exitCode, 0, output);
  });
});
