/** Provisioners of other machines by the built program and bin/loom: pasted commands, kill -9, drains, other networks. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { skipBecause } from "../../tools/mocha-summary/skip.js";
import { FarProvisioner } from "../support/far-provisioner.js";
import { LoomProcess } from "../support/loom-process.js";
import { until } from "../support/wait.js";

/** A service on nodes of provider `far` whose start waits for the file `open` and writes down that it ran. */
const catalog = (gate: string): string => `
kind: Provider
name: far
type: local
provisioner: rack-2
fields: { addressRange: 127.91.0.0/16 }
---
kind: HardwareType
name: far
providers: { far: { flavor: small } }
---
kind: ImageType
name: far
providers: { far: { image: this-machine } }
---
kind: Service
name: slow
actions:
  start:
    type: shell
    fields:
      script: 'echo begun; while [ ! -e ${gate}/open ]; do sleep 0.1; done; echo x >>${gate}/ran; echo through'
---
kind: ClusterTemplate
name: slow
defaults: { services: [slow], provider: far, imageType: far, hardwareType: far }
`;

describe("a provisioner of another machine", function () {
  this.timeout(180_000);
  let loom: LoomProcess;
  let gate: string;
  const fars: FarProvisioner[] = [];
  const undo: (() => void)[] = [];

  before(async () => {
    loom = new LoomProcess({ flags: ["--no-farm", "--workers-listen", "0.0.0.0:0"] });
    await loom.up();
    gate = join(loom.home, "gate");
    mkdirSync(gate);
    const { code, err } = await loom.apply({ "far.yaml": catalog(gate) });
    assert.equal(code, 0, err);
  });
  after(async () => {
    if (loom === undefined) return;
    const { out } = await loom.loom("list", "-o", "name");
    writeFileSync(join(gate, "open"), "");
    for (const name of out.split("\n").filter((line) => line !== "")) {
      await loom.loom("cancel", name, "--yes", "--wait", "--timeout", "30s");
      await loom.loom("delete", name, "--yes", "--wait", "--timeout", "30s");
    }
    for (const far of fars) await far.signal("SIGKILL");
    for (const step of undo.reverse()) step();
    await loom.destroy();
  });

  /** What `loom provisioner token` prints for the other machine, in its parts. */
  async function invited(
    ...more: string[]
  ): Promise<{ env: { LOOM_JOIN_TOKEN: string }; flags: string[]; port: string }> {
    const line = (await loom.must("provisioner", "token", "rack-2", ...more)).trim();
    const found = /^LOOM_JOIN_TOKEN=(\S+) loom provisioner (--join \S+:(\d+) --fingerprint sha256:[0-9a-f]{64})$/.exec(
      line,
    );
    assert.ok(found !== null, line);
    return { env: { LOOM_JOIN_TOKEN: found[1]! }, flags: found[2]!.split(" "), port: found[3]! };
  }
  const far = (folder = join(loom.home, `far-${fars.length}`), prefix: readonly string[] = []): FarProvisioner => {
    const made = new FarProvisioner(loom, folder, prefix);
    fars.push(made);
    return made;
  };
  const ran = (): number =>
    existsSync(join(gate, "ran")) ? readFileSync(join(gate, "ran"), "utf8").split("\n").length - 1 : 0;

  it("says what is missing, and that a token is no good, and ends", async () => {
    const lost = far();
    lost.start({});
    assert.equal(await lost.ended, 2);
    assert.match(lost.said, /has not joined a Loom yet[^]*loom provisioner\s+token/);
    const { flags } = await invited();
    lost.start({ LOOM_JOIN_TOKEN: "loomjoin_wrong" }, ...flags);
    assert.equal(await lost.ended, 2);
    assert.match(lost.said, /is not known[^]*JOIN_TOKEN_INVALID/);
  });

  it("joins by the pasted command, is killed in the middle of a task, and goes on without the token", async () => {
    const { env, flags } = await invited("--ttl", "10m");
    const there = far();
    there.start(env, ...flags, "--providers", "local");
    await there.connected();
    const created = await loom.loom("create", "one", "--template", "slow", "--nodes", "1");
    assert.equal(created.code, 0, created.err);
    const logs = async (): Promise<string> => (await loom.loom("logs", "one")).out;
    await until("the script runs", async () => (await logs()).includes("begun"), 30_000);
    await there.signal("SIGKILL");
    await until("it is away", async () => /JOINED, away/.test(await loom.must("provisioner", "list")), 30_000);
    there.start({});
    await there.connected();
    writeFileSync(join(gate, "open"), "");
    const waited = await loom.loom("wait", "one", "--timeout", "90s");
    assert.equal(waited.code, 0, waited.out + waited.err + there.said);
    // What the killed one had begun was ended or found again, and not done beside another.
    assert.equal(ran(), 1);
    // Its nodes stand where it keeps them, and not with Loom.
    const [node] = (await loom.json<{ nodes: { machine: string }[] }>("nodes", "one")).nodes;
    assert.ok(node!.machine.includes("/far-"), node!.machine);
    // Commands by hand reach them by the same way.
    const { code, out, err } = await loom.loom("exec", "one", "1000", "--", "sh", "-c", 'echo "at $PWD"');
    assert.deepEqual([code, out.startsWith("at /")], [0, true], out + err);
    assert.equal((await loom.loom("delete", "one", "--yes", "--wait", "--timeout", "60s")).code, 0);
    assert.equal(existsSync(node!.machine), false);
  });

  it("finishes its task before it ends, and is connected again with the next Loom", async () => {
    const there = fars.at(-1)!;
    execFileSync("rm", ["-f", join(gate, "open"), join(gate, "ran")]);
    assert.equal((await loom.loom("create", "two", "--template", "slow", "--nodes", "1")).code, 0);
    await until("the script runs", async () => (await loom.loom("logs", "two")).out.includes("begun"), 30_000);
    const ended = there.signal("SIGTERM");
    await until("it drains", () => there.said.includes("Finishing what runs here"));
    writeFileSync(join(gate, "open"), "");
    await ended;
    await until("the task is done", async () => (await loom.loom("logs", "two")).out.includes("through"), 30_000);
    assert.equal(ran(), 1);
    there.start({});
    await there.connected();
    assert.equal((await loom.loom("wait", "two", "--timeout", "60s")).code, 0);
    // Loom is killed; the provisioner finds the next one by itself, at the same address.
    const port = /connected to \S+:(\d+)/.exec(there.said)![1]!;
    await loom.signal("SIGKILL");
    await until("it notices", () => there.said.includes("not connected"), 60_000);
    there.said = "";
    await loom.up("--workers-listen", `0.0.0.0:${port}`);
    await there.connected();
    assert.equal((await loom.loom("delete", "two", "--yes", "--wait", "--timeout", "60s")).code, 0);
  });

  it("ends when it is revoked, and says why", async () => {
    const there = fars.at(-1)!;
    const { provisioners } = await loom.json<{ provisioners: { name: string; state: string; connected: boolean }[] }>(
      "provisioner",
      "list",
    );
    const { name } = provisioners.find(({ connected }) => connected)!;
    const ended = there.ended;
    assert.equal((await loom.loom("provisioner", "revoke", name.split("/")[1]!)).code, 0);
    assert.equal(await ended, 1);
    assert.match(there.said, /was revoked and is let in no more[^]*PROVISIONER_REVOKED/);
    there.start({});
    assert.equal(await there.ended, 1);
    assert.match(there.said, /PROVISIONER_REVOKED/);
    assert.doesNotMatch(await loom.must("provisioner", "list"), new RegExp(name.split("/")[1]!));
    assert.match(await loom.must("provisioner", "list", "--all"), /REVOKED/);
  });

  it("is what it should be in a network of its own", async function () {
    const net = `loomfar${process.pid}`;
    const [outer, inner] = [`lo${process.pid}a`, `lo${process.pid}b`];
    const ip = (...args: string[]): number => spawnSync("ip", args, { stdio: "ignore" }).status ?? 1;
    if (ip("netns", "add", net) !== 0) return skipBecause(this, "this user may not make a network namespace");
    undo.push(() => void ip("netns", "delete", net));
    assert.equal(ip("link", "add", outer, "type", "veth", "peer", "name", inner, "netns", net), 0);
    undo.push(() => void ip("link", "delete", outer));
    assert.equal(ip("addr", "add", "198.51.100.1/30", "dev", outer), 0);
    assert.equal(ip("link", "set", outer, "up"), 0);
    for (const args of [
      ["addr", "add", "198.51.100.2/30", "dev", inner],
      ["link", "set", inner, "up"],
      ["link", "set", "lo", "up"],
    ])
      assert.equal(ip("-n", net, ...args), 0);
    const { env, flags, port } = await invited();
    const there = far(undefined, ["ip", "netns", "exec", net]);
    // Its own loopback has no Loom; the address it is given has, whatever the certificate says of addresses.
    flags[1] = `127.0.0.1:${port}`;
    there.start(env, ...flags);
    assert.equal(await there.ended, 5);
    flags[1] = `198.51.100.1:${port}`;
    there.start(env, ...flags, "--providers", "local", "--slots", "4");
    await there.connected();
    execFileSync("touch", [join(gate, "open")]);
    assert.equal(
      (await loom.loom("create", "apart", "--template", "slow", "--nodes", "2", "--wait", "--timeout", "60s")).code,
      0,
    );
    // The cable is pulled, and put back.
    assert.equal(ip("link", "set", outer, "down"), 0);
    await until("Loom notices", async () => /JOINED, away/.test(await loom.must("provisioner", "list")), 60_000);
    assert.equal(ip("link", "set", outer, "up"), 0);
    // One stream of it may have been there all the time, as far as it knows; what counts is that Loom has it again.
    await until("it is back", async () => /JOINED +\S+ +local/.test(await loom.must("provisioner", "list")), 60_000);
    const gone = await loom.loom("delete", "apart", "--yes", "--wait", "--timeout", "60s");
    assert.equal(gone.code, 0, gone.err);
    await there.signal("SIGTERM");
  });
});
