/** The shipped templates on real Debian containers: they work, and their checks go red when they do not. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { createDockerProvider } from "../../services/provisioner/providers/docker/provider.js";
import { needsDocker } from "./daemon.js";
import { Play, shippedCatalog } from "./play.js";
import type { PlayedNode } from "./play.js";

const provider = createDockerProvider();
const docker = (...args: string[]) => promisify(execFile)("docker", args);

/** Runs a command on the node's container; answers what it printed. */
async function on(node: PlayedNode, command: string): Promise<string> {
  let output = "";
  await provider.channel(node.request).run(["sh", "-c", command], {
    signal: AbortSignal.timeout(60_000),
    onOutput: (_stream, bytes) => (output += Buffer.from(bytes).toString()),
  });
  return output;
}

describe("web-farm on docker", function () {
  this.timeout(300_000);
  needsDocker();
  let farm: Play;
  before(async () => {
    farm = new Play(provider, await shippedCatalog(), "web-farm");
    await farm.add("web", "web", "web", "lb");
  });
  after(() => farm?.destroy());

  const url = (): string => `http://${farm.with("lb")[0]!.address}:8080/`;

  /** The host names of the pages of so many requests, one after the other. Any that fails is thrown. */
  async function pages(count: number): Promise<string[]> {
    const names: string[] = [];
    for (let i = 0; i < count; i += 1) {
      const response = await fetch(url(), { signal: AbortSignal.timeout(10_000), headers: { connection: "close" } });
      const text = await response.text();
      assert.equal(response.status, 200, text);
      names.push(/<h1>(.*)<\/h1>/.exec(text)![1]!);
    }
    return names;
  }

  it("passes its check, and requests reach every web node", async () => {
    const { exitCode, output } = await farm.check();
    assert.equal(exitCode, 0, output);
    assert.deepEqual(new Set(await pages(9)), new Set(farm.with("web").map((node) => node.hostname)));
  });

  it("answers every request while any one web node is stopped, killed or started", async () => {
    for (const node of farm.with("web")) {
      await Promise.all([pages(100), on(node, "kill -KILL $(pgrep nginx)")]);
      const container = `loom-${node.request.token}`;
      for (const verb of ["stop", "start", "kill", "start"]) await Promise.all([pages(100), docker(verb, container)]);
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

  it("grows: the balancer learns the new nodes without losing a request", async () => {
    await farm.add("web");
    const running = pages(200);
    await farm.renew(farm.with("lb")[0]!);
    await running;
    const { exitCode, output } = await farm.check();
    assert.equal(exitCode, 0, output);
    assert.ok((await pages(8)).includes(farm.with("web").at(-1)!.hostname));
  });

  it("comes back by itself after its machines were off", async () => {
    const context = { signal: AbortSignal.timeout(60_000), log: () => {} };
    await docker("kill", ...farm.nodes.map((node) => `loom-${node.request.token}`));
    await Promise.all(farm.nodes.map((node) => provider.confirm(node.request, context)));
    const { exitCode, output } = await farm.check();
    assert.equal(exitCode, 0, output);
  });
});

describe("redis on docker", function () {
  this.timeout(300_000);
  needsDocker();
  let redis: Play;
  before(async () => {
    redis = new Play(provider, await shippedCatalog(), "redis");
    await redis.add("redis-primary", "redis-replica");
  });
  after(() => redis?.destroy());

  it("passes its check with a password of its own", async () => {
    const { exitCode, output } = await redis.check();
    assert.equal(exitCode, 0, output);
    assert.match(await on(redis.nodes[0]!, "redis-cli get loom:check"), /NOAUTH/);
  });

  it("shows the password in no list of processes and no output", async () => {
    const password = [...redis.secrets.values()][0]!;
    const check = redis.check();
    for (const node of redis.nodes) {
      assert.ok(
        !(await on(node, "for i in 1 2 3 4 5; do ps axww; sleep 0.1; done; cat /var/lib/loom/log/*")).includes(
          password,
        ),
      );
    }
    assert.ok(!(await check).output.includes(password));
  });

  it("has a check that goes red when the replication is cut", async () => {
    const [primary, replica] = [redis.nodes[0]!, redis.nodes[1]!];
    const password = [...redis.secrets.values()][0]!;
    await on(replica, `REDISCLI_AUTH='${password}' redis-cli replicaof no one`);
    const { exitCode, output } = await redis.check();
    assert.equal(exitCode, 1);
    assert.match(output, /does not have the value written to the primary/);
    await redis.again(replica, "stop");
    await redis.again(replica, "configure");
    await redis.again(replica, "start");
    assert.equal((await redis.check()).exitCode, 0);
    await redis.again(primary, "stop");
    assert.match((await redis.check()).output, /the primary takes no writes/);
    await redis.again(primary, "start");
    assert.equal((await redis.check()).exitCode, 0);
  });

  it("grows by a replica", async () => {
    await redis.add("redis-replica");
    const { exitCode, output } = await redis.check();
    assert.equal(exitCode, 0, output);
    assert.equal(output.match(/has the value/g)!.length, 2);
  });
});
