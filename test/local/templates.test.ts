/** The shipped templates redis and static-site on this machine: they work, grow, and their checks go red. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { processesByToken } from "../../services/provisioner/providers/local/processes.js";
import { createLocalProvider } from "../../services/provisioner/providers/local/provider.js";
import type { Provider } from "../../services/provisioner/providers/provider.js";
import { until } from "../support/wait.js";
import { Play, shippedCatalog, type PlayedNode } from "../docker/play.js";

const THIS_MACHINE = { imageType: "this-machine", image: "this-machine" };
const context = () => ({ signal: AbortSignal.timeout(60_000), log: () => {} });

describe("templates on local", function () {
  this.timeout(120_000);
  let folder: string;
  let provider: Provider;
  let played: Play | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "loom-templates-"));
    provider = createLocalProvider({ folder });
  });
  afterEach(async () => {
    await played?.destroy();
    assert.deepEqual(await readdir(folder), ["addresses"]);
    const left = await processesByToken();
    for (const { request } of played?.nodes ?? []) assert.equal(left.get(request.token), undefined);
    await rm(folder, { recursive: true });
  });

  async function play(template: string, ...services: string[]): Promise<Play> {
    played = new Play(provider, await shippedCatalog(), template, THIS_MACHINE);
    await played.add(...services);
    return played;
  }

  async function green(cluster: Play): Promise<string> {
    const { exitCode, output } = await cluster.check();
    assert.equal(exitCode, 0, output);
    return output;
  }

  async function red(cluster: Play, says: RegExp): Promise<void> {
    const { exitCode, output } = await cluster.check();
    assert.equal(exitCode, 1, output);
    assert.match(output, says);
  }

  /** Switches the node off as a power cut would, and on again. */
  async function powerCut(node: PlayedNode): Promise<void> {
    const init = readFileSync(join(folder, node.request.token, "run", "init"), "latin1");
    process.kill(-Number(init.split(" ")[0]), "SIGKILL");
    await until("it is off", async () => !(await processesByToken()).has(node.request.token));
    await provider.confirm(node.request, context());
  }

  it("redis: what is written on the primary is on every replica, after growth and power cuts too", async () => {
    const redis = await play("redis", "redis-primary", "redis-replica");
    assert.equal((await green(redis)).match(/has the value/g)!.length, 1);
    await redis.add("redis-replica");
    await redis.renew(redis.with("redis-primary")[0]!);
    assert.equal((await green(redis)).match(/has the value/g)!.length, 2);
    for (const node of redis.nodes) await powerCut(node);
    await green(redis);
  });

  it("redis: a new machine under the address of the old primary takes the data, and its replicas keep them", async () => {
    const redis = await play("redis", "redis-primary", "redis-replica", "redis-replica");
    const [primary, ...replicas] = redis.nodes as [PlayedNode, ...PlayedNode[]];
    const password = redis.secrets.get("redis.password")!;
    const ask = async (node: PlayedNode, ...command: string[]): Promise<string> => {
      const cli = join(folder, replicas[0]!.request.token, "redis", "cli.mjs");
      const env = { ...process.env, REDISCLI_AUTH: password };
      const { stdout } = await promisify(execFile)("node", [cli, node.address, "6379", ...command], { env });
      return stdout.trim();
    };
    assert.equal(await ask(primary, "set", "kept", "yes"), "OK");
    await green(redis);
    await redis.again(primary, "stop");
    await rm(join(folder, primary.request.token, "redis"), { recursive: true });
    for (const action of ["install", "configure", "start"]) await redis.again(primary, action);
    for (const replica of replicas) await redis.renew(replica);
    for (const node of redis.nodes) assert.equal(await ask(node, "get", "kept"), "yes", node.hostname);
    assert.match(await ask(primary, "info", "replication"), /^role:master$/m);
    await green(redis);
  });

  it("redis: the check goes red when a server is stopped, and says which", async () => {
    const redis = await play("redis", "redis-primary", "redis-replica");
    const [primary, replica] = redis.nodes as [PlayedNode, PlayedNode];
    await redis.again(replica, "stop");
    await red(redis, new RegExp(`the replica ${replica.address} does not have the value`));
    await redis.again(replica, "start");
    await redis.again(primary, "stop");
    await red(redis, /the primary takes no writes/);
    await redis.again(primary, "start");
    await green(redis);
  });

  it("static-site: every node has the pages, and the check says which has not", async () => {
    const site = await play("static-site", "site", "site");
    const [, second] = site.nodes as [PlayedNode, PlayedNode];
    await green(site);
    const answer = await fetch(`http://${second.address}:8080/`);
    assert.equal(answer.headers.get("content-type"), "text/html; charset=utf-8");
    assert.match(await answer.text(), /<h1>It works<\/h1>/);
    assert.equal((await fetch(`http://${second.address}:8080/none`)).status, 404);
    // Not an address at all: the server answers, and goes on.
    assert.equal((await fetch(`http://${second.address}:8080/%zz`)).status, 400);
    await site.add("site");
    await powerCut(second);
    await green(site);
    await site.again(second, "stop");
    await red(site, new RegExp(`${second.address} does not have the page index.html`));
  });
});
