/** The built Loom on a machine that does not have what it needs, or loses it: ports, folders, disk, database, TLS. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { findPostmaster } from "../../services/standalone/postgres/postmaster.js";
import { skipBecause } from "../../tools/mocha-summary/skip.js";
import { LoomProcess, mountSmall } from "../support/loom-process.js";
import { until } from "../support/wait.js";

const MIB = 2 ** 20;

describe("Loom on a machine with faults", function () {
  this.timeout(120_000);
  const looms: LoomProcess[] = [];
  const unmounts: (() => void)[] = [];
  const made = (options?: ConstructorParameters<typeof LoomProcess>[0]): LoomProcess => {
    const loom = new LoomProcess({ flags: ["--no-farm"], ...options });
    looms.push(loom);
    return loom;
  };
  afterEach(async () => {
    for (const loom of looms.splice(0)) await loom.destroy();
    for (const unmount of unmounts.splice(0)) unmount();
  });

  const create = (loom: LoomProcess, name: string, ...more: string[]) =>
    loom.loom("create", name, "--template", "web-farm", "--nodes", "3", "--provider", "simulated", ...more);
  const postmaster = (loom: LoomProcess): number => findPostmaster(join(loom.folder, "postgres", "data"))!.pid;

  it("says that its port is in use, and starts when it is free", async () => {
    const intruder = createServer().listen(0, "127.0.0.1");
    await once(intruder, "listening");
    const { port } = intruder.address() as AddressInfo;
    const loom = made();
    assert.equal(await loom.start("--port", String(port)), 1);
    assert.match(loom.said, new RegExp(`127\\.0\\.0\\.1:${port} is in use by another program.*--port.*ADDRESS_IN_USE`));
    assert.equal(findPostmaster(join(loom.folder, "postgres", "data")), undefined, "its database is left running");
    intruder.close();
    await once(intruder, "close");
    await loom.up("--port", String(port));
  });

  it("refuses an address that is not of this machine", async () => {
    const loom = made();
    assert.equal(await loom.start("--host", "127.0.0.1.example.invalid"), 1);
    assert.match(loom.said, /TLS_REQUIRED|ADDRESS_IN_USE/);
  });

  it("refuses flags that make no sense", async () => {
    for (const [flags, said] of [
      [["--port", "70000"], /The port must be a number from 0 to 65535/],
      [["--prot", "1"], /'--prot'.*--help/],
      [["--slots", "0"], /--slots must be a number from 1 to 1000/],
      [["--tls-cert", "/nowhere.pem"], /needs its key/],
      [["--tls-cert", "/nowhere.pem", "--tls-key", "/nowhere.pem"], /\/nowhere\.pem cannot be read/],
    ] as const) {
      const loom = made();
      assert.equal(await loom.start(...flags), 2);
      assert.match(loom.said, said);
    }
  });

  it("lets one process use a data folder, and says which", async () => {
    const [first, second] = [made(), made()];
    await first.up();
    const other = made({ folder: first.folder, flags: ["--no-farm"] });
    assert.equal(await other.start(), 1);
    assert.match(
      other.said,
      new RegExp(`Another Loom \\(process ${first.pid}\\) uses the data folder.*LOOM_DATA.*FOLDER_IN_USE`),
    );
    assert.equal((await create(first, "one", "--wait")).code, 0);
    await second.up();
  });

  it("listens beyond this machine with a certificate of its own, which is trusted by its fingerprint", async () => {
    const loom = made();
    await loom.up("--host", "0.0.0.0");
    const port = new URL(loom.url).port;
    const fingerprint = /^fingerprint: (sha256:[0-9a-f]{64})$/m.exec(loom.said)![1]!;
    assert.match(loom.url, /^https:/);
    for (const name of ["authority.pem", "server.pem"])
      assert.equal(statSync(join(loom.folder, "tls", name)).mode & 0o777, 0o600);
    await assert.rejects(fetch(`http://127.0.0.1:${port}/`));
    const far = { XDG_CONFIG_HOME: join(loom.home, "far") };
    const login = (...more: string[]) =>
      loom.loomWith({ env: far, input: loom.token }, "login", `https://127.0.0.1:${port}`, ...more);
    const unknown = await login();
    assert.equal(unknown.code, 5);
    assert.match(unknown.err, /is not known to this machine .* --fingerprint sha256:/s);
    const wrong = await login("--fingerprint", `sha256:${"00".repeat(32)}`);
    assert.equal(wrong.code, 2);
    assert.match(wrong.err, /is not the one that\s+was\s+trusted[^]*Nothing\s+was\s+sent[^]*FINGERPRINT_MISMATCH/);
    assert.equal((await login("--fingerprint", fingerprint.toUpperCase().replace("SHA256:", ""))).code, 0);
    assert.equal((await loom.loomWith({ env: far }, "list")).code, 0);
    // The fingerprint is good for the certificates that come later, and for none of a Loom that was made anew.
    await loom.signal("SIGTERM");
    rmSync(join(loom.folder, "tls", "server.pem"));
    await loom.up("--host", "0.0.0.0", "--port", port);
    assert.ok(loom.said.includes(fingerprint));
    assert.equal((await loom.loomWith({ env: far }, "list")).code, 0);
    await loom.signal("SIGTERM");
    writeFileSync(join(loom.folder, "tls", "authority.pem"), "nothing\n");
    assert.equal(await loom.start("--host", "0.0.0.0", "--port", port), 1);
    assert.match(loom.said, /authority\.pem holds no certificate with its key.*SECRET_UNREADABLE/);
    rmSync(join(loom.folder, "tls"), { recursive: true });
    await loom.up("--host", "0.0.0.0", "--port", port);
    const stranger = await loom.loomWith({ env: far }, "list");
    assert.equal(stranger.code, 2);
    assert.match(stranger.err, /FINGERPRINT_MISMATCH/);
  });

  it("shows the certificate it is given", async () => {
    const loom = made();
    const [cert, key] = [join(loom.home, "cert.pem"), join(loom.home, "key.pem")];
    const subject = ["-subj", "/CN=loom.example", "-addext", "subjectAltName=DNS:loom.example"];
    execFileSync(
      "openssl",
      [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "1",
        "-keyout",
        key,
        "-out",
        cert,
        ...subject,
      ],
      { stdio: "ignore" },
    );
    writeFileSync(join(loom.home, "text.pem"), "no certificate\n");
    assert.equal(await loom.start("--tls-cert", join(loom.home, "text.pem"), "--tls-key", key), 2);
    assert.match(loom.said, /text\.pem and .*key\.pem are no certificate with its key \(no start line\)/);
    await loom.up("--host", "0.0.0.0", "--tls-cert", cert, "--tls-key", key);
    assert.match(loom.url, /^https:\/\//);
    // Whoever is on this machine uses it as ever.
    assert.equal((await create(loom, "one", "--wait")).code, 0);
    const port = new URL(loom.url).port;
    const ask = (ca: string) =>
      new Promise<number>((resolve, reject) => {
        request({ host: "127.0.0.1", port, path: "/readyz", ca, servername: "loom.example" }, (response) => {
          response.resume();
          resolve(response.statusCode!);
        })
          .on("error", reject)
          .end();
      });
    assert.ok((await ask(readFileSync(cert, "utf8"))) < 500);
    // In clear text that port answers nobody.
    await assert.rejects(fetch(`http://127.0.0.1:${port}/`));
    const remote = { LOOM_URL: `https://loom.example:${port}`, LOOM_TOKEN: loom.token };
    assert.equal((await loom.loomWith({ env: remote }, "list")).code, 5);
  });

  it("starts the database again that was killed, and what runs goes on", async () => {
    const loom = made();
    await loom.up();
    assert.equal((await create(loom, "before", "--wait")).code, 0);
    const first = postmaster(loom);
    process.kill(first, "SIGKILL");
    // Asked in the middle of it, it is refused with a reason or waits; nothing is made twice.
    const meanwhile = await create(loom, "meanwhile", "--wait", "--request-id", "0c9c6d4e-5b3a-4a53-9a0d-0d8d4c1c3b11");
    await until("the database is back", () => loom.said.includes("the database is back"), 60_000);
    if (meanwhile.code !== 0) {
      assert.match(meanwhile.err, /DATABASE_UNAVAILABLE|OUTCOME_UNKNOWN/);
      assert.equal(
        (await create(loom, "meanwhile", "--wait", "--request-id", "0c9c6d4e-5b3a-4a53-9a0d-0d8d4c1c3b11")).code,
        0,
      );
    }
    assert.notEqual(postmaster(loom), first);
    const { clusters } = await loom.json<{ clusters: { displayName: string; state: string }[] }>("list");
    assert.deepEqual(clusters.map(({ displayName, state }) => `${displayName} ${state}`).sort(), [
      "before STATE_ACTIVE",
      "meanwhile STATE_ACTIVE",
    ]);
  });

  it("ends with a message where the database cannot be started again, and the next start goes on", async () => {
    const loom = made();
    await loom.up();
    assert.equal((await create(loom, "before", "--wait")).code, 0);
    const configuration = join(loom.folder, "postgres", "data", "global", "pg_control");
    const kept = readFileSync(configuration);
    rmSync(configuration);
    process.kill(postmaster(loom), "SIGKILL");
    assert.equal(await loom.ended, 1);
    assert.match(loom.said, /The database has ended by itself and does not come back: .*Nothing acknowledged is lost/s);
    writeFileSync(configuration, kept);
    const owner = execFileSync("stat", ["-c", "%u:%g", join(loom.folder, "postgres", "data")], {
      encoding: "utf8",
    }).trim();
    execFileSync("chown", [owner, configuration]);
    await loom.up();
    assert.match(await loom.must("list"), /before/);
  });

  describe("with a small disk", () => {
    let folder: string;
    beforeEach(function () {
      const small = mountSmall(192 * MIB);
      if (small === undefined) skipBecause(this as never, "only root can mount a small disk");
      folder = small!.folder;
      unmounts.push(() => small!.unmount());
    });
    const filler = (): string => join(folder, "filler");
    /** Takes all the room but so many bytes. */
    function fill(leave: number): void {
      const { bavail, bsize } = statfsSync(folder);
      execFileSync("fallocate", ["-l", String(bavail * bsize - leave), filler()]);
    }

    it("refuses to start where the disk is full, and starts when there is room", async () => {
      fill(4096);
      const loom = made({ folder });
      assert.equal(await loom.start(), 1);
      assert.match(loom.said, /The disk of the data folder .* is full\. Make room.*DISK_FULL/s);
      rmSync(filler());
      await loom.up();
      assert.equal((await create(loom, "one", "--wait")).code, 0);
    });

    it("refuses what it cannot store while the disk is full, loses nothing, and goes on when there is room", async () => {
      const loom = made({ folder });
      await loom.up();
      fill(0);
      const accepted: string[] = [];
      let refused = "";
      for (let i = 0; i < 400 && refused === ""; i += 1) {
        const { code, err } = await create(loom, `c${i}`, "-o", "name");
        if (code === 0) accepted.push(`c${i}`);
        else refused = err;
      }
      assert.match(refused, /DISK_FULL|DATABASE_UNAVAILABLE|OUTCOME_UNKNOWN/);
      rmSync(filler());
      await until(
        "it takes requests again",
        async () => (await create(loom, "after", "--wait", "--timeout", "30s")).code === 0,
        60_000,
      );
      const { clusters } = await loom.json<{ clusters: { displayName: string }[] }>("list");
      const there = new Set(clusters.map(({ displayName }) => displayName));
      assert.deepEqual(
        accepted.filter((name) => !there.has(name)),
        [],
      );
      for (const name of accepted) await loom.must("wait", name, "--timeout", "60s");
    });
  });
});
