/** What happens between Loom and hosts, with a real sshd: keys, ways, rights, races, and hosts that go away. */
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { context, machine, run } from "../../../../test/conformance/machines.js";
import { makeKey, publicKey, startSshd, whyNoSshd, type Sshd } from "../../../../test/support/sshd.js";
import { until } from "../../../../test/support/wait.js";
import { skipBecause } from "../../../../tools/mocha-summary/skip.js";
import { killByToken } from "../local/processes.js";
import type { Fields, MachineRequest } from "../provider.js";
import { createConnections } from "./connections.js";
import { createSshProvider } from "./provider.js";

/** Whether a command has the file open as descriptor 9. */
function waitsFor(file: string, command: string): boolean {
  return readdirSync("/proc").some((pid) => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").join(" ").trim();
      return words === command && readlinkSync(`/proc/${pid}/fd/9`) === file;
    } catch {
      return false;
    }
  });
}

describe("hosts of an ssh provider", function () {
  this.timeout(90_000);
  let folder: string;
  let key: string;
  let hostKey: string;
  let otherKey: string;
  /** Two hosts; the second one may be killed. */
  let first: Sshd;
  let second: Sshd;
  const made: MachineRequest[] = [];
  const provider = createSshProvider();

  before(async function () {
    const why = whyNoSshd();
    if (why !== undefined) return skipBecause(this, why);
    folder = mkdtempSync(join(tmpdir(), "loom-hosts-"));
    [key, hostKey, otherKey] = [
      await makeKey(folder, "key"),
      await makeKey(folder, "host"),
      await makeKey(folder, "other"),
    ];
    const sshd = (address: string, settings: readonly string[] = []) =>
      startSshd({
        folder: join(folder, `sshd-${address}`),
        addresses: [address],
        hostKeys: [hostKey],
        authorized: [publicKey(key)],
        settings,
      });
    first = await sshd("127.88.1.1");
    second = await sshd("127.88.1.2", ["MaxSessions 4"]);
  });
  afterEach(async () => {
    for (const request of made.splice(0)) {
      await killByToken(request.token, new AbortController().signal);
      for (const host of ["1", "2"]) rmSync(baseOf(host), { recursive: true, force: true });
    }
  });
  after(async () => {
    await Promise.all([first?.kill(), second?.kill()]);
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });

  const baseOf = (host: string): string => join(folder, `base-${host}`);
  const hosts = (): { address: string; port: number; folder: string; hostKey: string }[] => [
    { address: "127.88.1.1", port: first.port, folder: baseOf("1"), hostKey: publicKey(hostKey) },
    { address: "127.88.1.2", port: second.port, folder: baseOf("2"), hostKey: publicKey(hostKey) },
  ];
  const fieldsOf = (more: Fields = {}): Fields => ({
    hosts: hosts(),
    user: userInfo().username,
    privateKey: readFileSync(key, "utf8"),
    goneAfterSeconds: 1,
    ...more,
  });
  /** A machine of a new cluster. */
  function one(fields: Fields, node = 1000): MachineRequest {
    const request = machine({ provider, fields, flavor: "small", image: "any" }, randomUUID(), node, 1);
    made.push(request);
    return request;
  }
  async function up(request: MachineRequest, from = provider): Promise<MachineRequest> {
    const { results } = await from.create(request, context());
    return { ...request, results };
  }

  it("sends nothing to a host whose key is not known, and says how to get it", async () => {
    const bare = hosts().map((host) => ({ ...host, hostKey: undefined }));
    await assert.rejects(provider.create(one(fieldsOf({ hosts: bare })), context()), {
      reason: "PROVIDER_ERROR",
      message: /not known \(SHA256:.*ssh-keyscan -p \d+ 127\.88\.1\./,
    });
    assert.equal(existsSync(baseOf("1")), false);
  });

  it("sends nothing to a host that shows another key, and says so loudly", async () => {
    const changed = hosts().map((host) => ({ ...host, hostKey: publicKey(otherKey) }));
    const request = one(fieldsOf());
    await assert.rejects(provider.create({ ...request, fields: fieldsOf({ hosts: changed }) }, context()), {
      reason: "PROVIDER_ERROR",
      message: /^HOST KEY CHANGED: .*Nothing was sent/,
    });
    // It is another machine: it does not hold up the end of the node that was there.
    const there = await up(request);
    await provider.delete({ ...there, fields: fieldsOf({ hosts: changed }) }, context());
    assert.equal((await provider.observe(there))?.running, true);
  });

  it("says that its key is not let in, or is none", async () => {
    const other = readFileSync(otherKey, "utf8");
    const create = (privateKey: string) => provider.create(one(fieldsOf({ privateKey })), context());
    await assert.rejects(create(other), { reason: "PROVIDER_ERROR", message: /does not let .* in .*authorized_keys/ });
    await assert.rejects(create("nonsense"), (error: Error) => {
      assert.match(error.message, /private key cannot be used/);
      return !error.message.includes("nonsense");
    });
  });

  it("goes through another host, whose key it looks at too", async () => {
    const jump = { address: "127.88.1.1", port: first.port, hostKey: publicKey(hostKey) };
    const [, behind] = hosts();
    const before = first.accepted();
    const request = await up(one(fieldsOf({ hosts: [behind], jump })));
    assert.equal((await run(provider.channel(request), ["echo", "through"])).stdout, "through\n");
    assert.equal(first.accepted(), before + 1);
    await provider.delete(request, context());
    const wrong = { ...jump, hostKey: publicKey(otherKey) };
    await assert.rejects(provider.create(one(fieldsOf({ hosts: [behind], jump: wrong })), context()), {
      message: /^HOST KEY CHANGED: 127\.88\.1\.1/,
    });
  });

  it("gives a host to one of many who want it at once, and says when none is left", async () => {
    const providers = Array.from({ length: 4 }, () => createSshProvider());
    const requests = providers.map(() => one(fieldsOf()));
    const answers = await Promise.allSettled(requests.map((request, at) => providers[at]!.create(request, context())));
    const got = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value.machine] : []));
    assert.deepEqual(
      got.sort(),
      hosts().map(({ address, port }) => `${address}:${port}`),
    );
    for (const answer of answers)
      if (answer.status === "rejected")
        assert.match(
          String(answer.reason),
          /No host of the pool is free .*Add hosts to the provider, or delete clusters/,
        );
    assert.equal((await provider.inventory(fieldsOf())).length, 2);
  });

  it("uses one connection for all that it does at once, and another one where a host allows no more", async () => {
    const connections = createConnections();
    const own = createSshProvider(connections);
    const [roomy, narrow] = hosts();
    const request = await up(one(fieldsOf({ hosts: [roomy] })), own);
    await Promise.all(Array.from({ length: 6 }, () => run(own.channel(request), ["true"])));
    assert.equal(connections.opened, 1);
    await Promise.all(Array.from({ length: 20 }, () => run(own.channel(request), ["sleep", "0.2"])));
    assert.ok(connections.opened <= 3, `${connections.opened} connections`);
    const before = connections.opened;
    const tight = await up(one(fieldsOf({ hosts: [narrow] })), own);
    const answers = await Promise.all(Array.from({ length: 7 }, () => run(own.channel(tight), ["sleep", "0.5"])));
    assert.ok(answers.every(({ exitCode }) => exitCode === 0));
    assert.ok(connections.opened - before <= 4, `${connections.opened - before} connections`);
  });

  it("opens commands that are talked to, at a terminal and without", async () => {
    const request = await up(one(fieldsOf()));
    const channel = provider.channel(request);
    for (const terminal of [undefined, { columns: 100, rows: 30 }]) {
      let printed = "";
      const command = await channel.open(["sh", "-c", "read line; echo got $line; stty size; exit 3"], {
        env: {},
        terminal,
        signal: new AbortController().signal,
        onOutput: (_, bytes) => void (printed += Buffer.from(bytes).toString()),
      });
      await command.write(Buffer.from("word\n"));
      assert.deepEqual(await command.ended, { exitCode: 3 });
      assert.match(printed, terminal === undefined ? /got word/ : /got word\r\n30 100/);
    }
    const abort = new AbortController();
    const sleeper = `sleep ${100_000 + Math.floor(Math.random() * 1e6)}`;
    const shell = await channel.open(["sh", "-c", `${sleeper}; true`], {
      env: {},
      terminal: { columns: 80, rows: 24 },
      signal: abort.signal,
      onOutput: () => undefined,
    });
    shell.ended.catch(() => undefined);
    const runs = async () => (await run(channel, ["pgrep", "-fx", sleeper])).exitCode === 0;
    await until("it runs", runs);
    abort.abort();
    await until("it is gone", async () => !(await runs()));
  });

  it("puts no value of an environment where others on the host could read it", async () => {
    const seen = join(folder, "commands");
    const record = `printf '%s\\n' "$SSH_ORIGINAL_COMMAND" >>${seen}; exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"`;
    const watched = await startSshd({
      folder: join(folder, "sshd-watched"),
      addresses: ["127.88.1.3"],
      hostKeys: [hostKey],
      authorized: [publicKey(key)],
      settings: [`ForceCommand ${record}`],
    });
    try {
      const [host] = hosts();
      const request = await up(one(fieldsOf({ hosts: [{ ...host, address: "127.88.1.3", port: watched.port }] })));
      const channel = provider.channel(request);
      const secret = `s3cret ${randomUUID()} 'Ákos'\nline`;
      const env = { SECRET: secret, BIG: "x".repeat(20_000) };
      const show = ["sh", "-c", 'printf "%s|%s|" "$SECRET" "${#BIG}"; cat'];
      assert.equal((await run(channel, show, { env })).stdout, `${secret}|20000|`);
      const input = "line\n".repeat(100_000);
      assert.equal((await run(channel, show, { env, input })).stdout, `${secret}|20000|${input}`);
      for (const terminal of [undefined, { columns: 80, rows: 24 }]) {
        let printed = "";
        const command = await channel.open(["sh", "-c", '[ ${#BIG} = 20000 ] && printf %s "$SECRET" | cksum; cat'], {
          env,
          terminal,
          signal: new AbortController().signal,
          onOutput: (_, bytes) => void (printed += Buffer.from(bytes).toString()),
        });
        await command.write(Buffer.from("typed\n"));
        command.end();
        assert.deepEqual(await command.ended, { exitCode: 0 });
        const sum = execFileSync("cksum", { input: secret, encoding: "utf8" });
        // The terminal shows what is typed once more.
        const typed = terminal === undefined ? "typed\n" : "typed\ntyped\n";
        assert.equal(printed.replaceAll("\r", ""), sum + typed);
      }
      const commands = readFileSync(seen, "utf8");
      assert.match(commands, /cksum/);
      assert.ok(!commands.includes("s3cret"), "the secret is in a command");
      await provider.delete(request, context());
    } finally {
      await watched.kill();
    }
  });

  it("says so when a host goes away in the middle, goes on when it is back, and leaves others alone", async () => {
    const [stays, goes] = hosts();
    const request = await up(one(fieldsOf({ hosts: [goes] })));
    const other = await up(one(fieldsOf({ hosts: [stays] })));
    const running = run(provider.channel(request), ["sleep", "100"]);
    running.catch(() => undefined);
    await until(
      "it runs",
      async () => (await run(provider.channel(request), ["pgrep", "-f", "sleep 100"])).exitCode === 0,
    );
    await second.kill();
    try {
      await assert.rejects(running, {
        reason: "PROVIDER_UNREACHABLE",
        message: /^Host 127\.88\.1\.2:\d+ does not answer/,
      });
      await assert.rejects(provider.confirm(request, context()), { reason: "PROVIDER_UNREACHABLE" });
      const listed = await provider.inventory(fieldsOf());
      assert.deepEqual(
        listed.map(({ token, machine: name, running: runs }) => [token, name, runs]),
        [
          [other.token, `127.88.1.1:${first.port}`, true],
          ["", `127.88.1.2:${second.port}`, false],
        ],
      );
      await assert.rejects(provider.inventory(fieldsOf({ hosts: [goes] })), { reason: "PROVIDER_UNREACHABLE" });
      // Its node can be given up.
      const lines: string[] = [];
      await provider.delete(request, { ...context(), log: (line) => void lines.push(line) });
      assert.match(lines.join("\n"), /given up after 1 s of silence/);
    } finally {
      await second.start();
    }
    // What was given up shows again, with whom it was for, and can be removed then.
    const back = (await provider.inventory(fieldsOf())).find(({ token }) => token === request.token);
    assert.deepEqual([back?.clusterUid, back?.nodeNumber], [request.clusterUid, 1000]);
    assert.equal((await run(provider.channel(request), ["true"])).exitCode, 0);
    await provider.delete({ ...request, results: {} }, context());
    assert.equal(await provider.observe(request), undefined);
  });

  it("does not wait long for hosts that are wedged, and tells of the others as they are", async () => {
    // This one lets in and then runs nothing; it has many addresses. That one takes connections and says nothing.
    const addresses = Array.from({ length: 15 }, (_, index) => `127.88.2.${index + 1}`);
    const stuck = `sleep ${100_000 + Math.floor(Math.random() * 1e6)}`;
    const wedged = await startSshd({
      folder: join(folder, "sshd-wedged"),
      addresses,
      hostKeys: [hostKey],
      authorized: [publicKey(key)],
      settings: [`ForceCommand exec ${stuck}`],
    });
    const sockets: Socket[] = [];
    const mute = createServer((socket) => void sockets.push(socket)).listen(0, "127.88.1.4");
    await once(mute, "listening");
    try {
      const [roomy, narrow] = hosts();
      const other = await up(one(fieldsOf({ hosts: [narrow] })));
      const muted = { ...roomy, address: "127.88.1.4", port: (mute.address() as AddressInfo).port };
      const dead = addresses.map((address) => ({ ...roomy, address, port: wedged.port }));
      const begun = performance.now();
      // A worker says after 30 s that the whole pool is unknown.
      const listed = await provider.inventory(fieldsOf({ hosts: [...dead, muted, narrow] }));
      assert.ok(performance.now() - begun < 25_000, `${performance.now() - begun} ms`);
      const silent = listed.filter(({ token }) => token === "").map(({ machine: name }) => name);
      assert.deepEqual(
        silent,
        [...dead, muted].map(({ address, port }) => `${address}:${port}`),
      );
      const [known, ...more] = listed.filter(({ token }) => token !== "");
      assert.deepEqual([known?.token, known?.running, more], [other.token, true, []]);
    } finally {
      for (const socket of sockets) socket.destroy();
      mute.close();
      await wedged.kill();
      const pids = spawnSync("pgrep", ["-fx", stuck], { encoding: "utf8" }).stdout.split("\n").filter(Boolean);
      for (const pid of pids) process.kill(Number(pid), "SIGKILL");
    }
  });

  it("leaves a host out that does not answer", async () => {
    await second.kill();
    try {
      const lines: string[] = [];
      const request = one(fieldsOf(), 1001);
      const { machine: name } = await provider.create(request, { ...context(), log: (line) => void lines.push(line) });
      assert.equal(name, `127.88.1.1:${first.port}`);
      assert.match(lines.join("\n"), /left out: Host 127\.88\.1\.2:\d+ does not answer/);
    } finally {
      await second.start();
    }
  });

  /** The token that has the host; a host's folder stands on this machine. */
  function takenBy(host: string): string | undefined {
    const file = join(baseOf(host), "reserved");
    return existsSync(file) ? readFileSync(file, "utf8").split(" ")[0] : undefined;
  }

  it("takes no other host while nobody knows whether one was taken, and finds that one the next time", async () => {
    const request = one(fieldsOf(), 1001);
    // The host works on something else: it is told to be taken, and waits.
    mkdirSync(baseOf("2"));
    const lock = join(baseOf("2"), "lock");
    const holder = spawn("flock", [lock, "cat"], { stdio: ["pipe", "pipe", "ignore"] });
    try {
      holder.stdin.write("held");
      await once(holder.stdout, "data");
      const attempt = provider.create(request, context());
      attempt.catch(() => undefined);
      await until("it waits for the lock", async () => waitsFor(lock, "flock -w 60 9"));
      await second.kill();
      try {
        await assert.rejects(attempt, {
          reason: "PROVIDER_UNREACHABLE",
          message: /^Host 127\.88\.1\.2:\d+ does not answer: the connection broke, before it said/,
        });
        assert.deepEqual([takenBy("1"), takenBy("2")], [undefined, undefined]);
        holder.stdin.end();
        await until("it is taken", async () => takenBy("2") === request.token);
      } finally {
        await second.start();
      }
    } finally {
      holder.stdin.end();
    }
    assert.equal((await provider.create(request, context())).machine, `127.88.1.2:${second.port}`);
    assert.equal(takenBy("1"), undefined);
  });

  it("takes another host where one cannot be used, which is free then", async () => {
    const request = one(fieldsOf(), 1001);
    mkdirSync(join(baseOf("2"), request.token), { recursive: true });
    writeFileSync(join(baseOf("2"), request.token, "log"), "no folder");
    const { machine: name } = await provider.create(request, context());
    assert.equal(name, `127.88.1.1:${first.port}`);
    assert.deepEqual([takenBy("1"), takenBy("2")], [request.token, undefined]);
  });

  it("tells of two hosts that carry a node the one that it works with, and gives both back", async () => {
    const [left, right] = hosts();
    const request = one(fieldsOf());
    const there = await up({ ...request, fields: fieldsOf({ hosts: [right] }) });
    await provider.confirm(there, context());
    // Both are this machine, so this one ends what runs for the other one.
    await up({ ...request, fields: fieldsOf({ hosts: [left] }) });
    assert.deepEqual([takenBy("1"), takenBy("2")], [request.token, request.token]);
    const name = `127.88.1.2:${second.port}`;
    const [listed, ...more] = await provider.inventory(request.fields);
    assert.deepEqual([listed?.machine, listed?.running, more], [name, false, []]);
    assert.equal((await provider.observe(request))?.machine, name);
    assert.equal((await provider.create(request, context())).machine, name);
    await provider.delete({ ...request, results: there.results }, context());
    assert.deepEqual([existsSync(baseOf("1")), existsSync(baseOf("2"))], [false, false]);
  });

  it("ends services with their node, those too that hide who they are, and leaves nothing", async () => {
    const request = await up(one(fieldsOf()));
    const channel = provider.channel(request);
    const sleeper = `sleep ${100_000 + Math.floor(Math.random() * 1e6)}`;
    const start = [`${channel.home}/bin/loom-service`, "start", "nap", "env", "-i", ...sleeper.split(" ")];
    assert.equal((await run(channel, start)).exitCode, 0);
    assert.equal((await run(channel, ["pgrep", "-fx", sleeper])).exitCode, 0);
    await provider.delete(request, context());
    assert.equal(existsSync(baseOf("1")), false);
    const other = await up(one(fieldsOf()));
    assert.equal((await run(provider.channel(other), ["pgrep", "-fx", sleeper])).exitCode, 1);
  });

  it("works as a user who may use sudo", async function () {
    if (userInfo().uid !== 0) return skipBecause(this, "only root may use sudo everywhere");
    if (!existsSync("/usr/bin/sudo")) return skipBecause(this, "there is no sudo");
    const request = await up(one(fieldsOf({ sudo: true })));
    const answer = await run(provider.channel(request), ["sh", "-c", 'echo "$SUDO_USER $LOOM_HOME $A $SUDO_COMMAND"'], {
      env: { A: "b", SECRET: "s3cret" },
    });
    assert.ok(answer.stdout.startsWith(`root ${provider.channel(request).home} b /`), answer.stdout);
    // What sudo writes to its log.
    assert.ok(!answer.stdout.includes("s3cret"));
    let printed = "";
    const command = await provider.channel(request).open(["sh", "-c", 'stty size; echo "$SUDO_USER $A"'], {
      env: { A: "b" },
      terminal: { columns: 80, rows: 24 },
      signal: new AbortController().signal,
      onOutput: (_, bytes) => void (printed += Buffer.from(bytes).toString()),
    });
    assert.deepEqual(await command.ended, { exitCode: 0 });
    assert.equal(printed.replaceAll("\r", ""), "24 80\nroot b\n");
    await provider.delete(request, context());
  });
});
