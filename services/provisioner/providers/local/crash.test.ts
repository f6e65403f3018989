import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { context, machine } from "../../../../test/conformance/machines.js";
import { candidates, parseRange, releaseAddresses, reserveAddress } from "./addresses.js";
import { killByToken, processesByToken } from "./processes.js";
import { createLocalProvider } from "./provider.js";

describe("provider local: crashes and left-overs", function () {
  this.timeout(60_000);
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), "loom-local-"))));
  afterEach(() => rm(folder, { recursive: true }));

  it("goes on from wherever Loom was killed", async () => {
    const program = fileURLToPath(new URL("../../../../test/support/make-local-node.ts", import.meta.url));
    for (const delay of [0, 7, 13, 21, 34, 48, 63, 81, 104, 130]) {
      const uid = randomUUID();
      const child = spawn(process.execPath, ["--import", "tsx", program, folder, uid], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      await once(child.stdout, "data");
      await sleep(delay);
      child.kill("SIGKILL");
      await once(child, "close");
      const provider = createLocalProvider({ folder });
      const request = machine({ provider, fields: {}, flavor: "small", image: "this-machine" }, uid, 1000, 1);
      await provider.create(request, context());
      await provider.confirm(request, context());
      assert.equal((await provider.inventory({})).length, 1);
      await provider.delete(request, context());
      assert.deepEqual(readdirSync(folder), ["addresses"], `${delay} ms`);
      assert.deepEqual(readdirSync(join(folder, "addresses")), [], `${delay} ms`);
      assert.equal((await processesByToken()).get(request.token), undefined);
    }
  });

  it("removes every process of a node, wherever it went", async () => {
    const provider = createLocalProvider({ folder });
    const request = machine({ provider, fields: {}, flavor: "small", image: "this-machine" }, randomUUID(), 1000, 1);
    await provider.create(request, context());
    const quiet = { signal: new AbortController().signal, onOutput: () => {} };
    await provider
      .channel(request)
      .run(
        [
          "sh",
          "-c",
          "for i in 1 2 3 4 5; do setsid sh -c 'trap \"\" TERM HUP; sleep 1000; sleep 1000' >/dev/null 2>&1 & done; setsid sleep 1000 >/dev/null 2>&1 &",
        ],
        quiet,
      );
    assert.ok((await processesByToken()).get(request.token)!.length >= 8);
    await provider.delete(request, context());
    assert.equal((await processesByToken()).get(request.token), undefined);
  });

  it("gives no address away that a left-over holds, until it is clear that it is one", async () => {
    const range = parseRange("127.79.0.0/28");
    const addresses = join(folder, "addresses");
    const taken: string[] = [];
    for (let n = 0; n < 15; n++) taken.push(await reserveAddress(addresses, `token-${n}`, range, async () => false));
    assert.equal(new Set(taken).size, 15);
    await assert.rejects(
      reserveAddress(addresses, "one-more", range, async () => false),
      (error: { reason?: string }) => error.reason === "PROVIDER_ERROR",
    );
    assert.equal(await reserveAddress(addresses, "token-3", range, async () => false), taken[3]);
    assert.equal(await reserveAddress(addresses, "one-more", range, async (token) => token === "token-7"), taken[7]);
    await releaseAddresses(addresses, "token-1");
    assert.equal(await reserveAddress(addresses, "another", range, async () => false), taken[1]);
    assert.ok(readdirSync(addresses).every((name) => !name.startsWith(".")));
  });

  it("passes over an address somebody listens on", async () => {
    const { createServer } = await import("node:net");
    const range = parseRange("127.79.1.0/24");
    const [first] = candidates("token", range);
    const server = createServer().listen(0, first);
    await once(server, "listening");
    assert.notEqual(await reserveAddress(join(folder, "addresses"), "token", range, async () => false), first);
    server.close();
  });

  it("refuses ranges that are none", () => {
    for (const text of ["127.0.0.0/29", "10.0.0.0/8", "127.77.1.0/16", "127.300.0.0/16", "127.77.0.0", ""]) {
      assert.throws(
        () => parseRange(text),
        (error: { reason?: string }) => error.reason === "INVALID_CONFIG",
      );
    }
    assert.deepEqual(parseRange("127.0.0.0/8").size, 2 ** 24);
  });

  it("keeps out of folders that are not its own", async () => {
    mkdirSync(join(folder, "somebody-elses"));
    writeFileSync(join(folder, "file"), "");
    const provider = createLocalProvider({ folder });
    assert.deepEqual(await provider.inventory({}), []);
    const request = machine({ provider, fields: {}, flavor: "small", image: "this-machine" }, randomUUID(), 1000, 1);
    await assert.rejects(provider.delete({ ...request, token: "../somebody-elses" }, context()));
    await provider.delete(request, context());
    assert.ok(existsSync(join(folder, "somebody-elses")));
    await killByToken(request.token, new AbortController().signal);
  });
});
