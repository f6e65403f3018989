import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LEAF_DAYS, type Names } from "../common/certificates/issue.js";
import { LoomError } from "../common/errors.js";
import { fingerprintOfPem, openCertificates, ownNames, reachableAt, type Certificates } from "./certificates.js";

const DAY_MS = 86_400_000;

describe("certificates of an installation", function () {
  this.timeout(20_000);
  let folder: string;
  let names: Names;
  let now: number;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "loom-tls-"));
    names = { names: ["one"], addresses: ["192.0.2.1", "2001:db8::1"] };
    now = Date.now();
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const open = (): Promise<Certificates> =>
    openCertificates(
      folder,
      () => names,
      () => now,
    );
  const file = (name: string): string => join(folder, "tls", name);

  it("are made once, for nobody else to read, whatever the umask", async () => {
    const before = process.umask(0);
    try {
      const first = await open();
      const second = await open();
      assert.deepEqual([second.fingerprint, second.server], [first.fingerprint, first.server]);
      assert.equal(first.fingerprint, fingerprintOfPem(first.authority.cert));
    } finally {
      process.umask(before);
    }
    assert.equal(statSync(join(folder, "tls")).mode & 0o777, 0o700);
    assert.deepEqual(readdirSync(join(folder, "tls")).sort(), ["authority.pem", "server.pem"]);
    for (const name of ["authority.pem", "server.pem"]) assert.equal(statSync(file(name)).mode & 0o777, 0o600);
    chmodSync(file("authority.pem"), 0o644);
    await open();
    assert.equal(statSync(file("authority.pem")).mode & 0o777, 0o600);
  });

  it("of the server are made again before they end, and the fingerprint stays", async () => {
    const certificates = await open();
    const first = certificates.server;
    now += (LEAF_DAYS / 2) * DAY_MS;
    assert.equal(await certificates.renew(), undefined);
    now += (LEAF_DAYS / 4) * DAY_MS;
    const renewed = await certificates.renew();
    assert.notEqual(renewed?.cert, first.cert);
    assert.equal(certificates.server, renewed);
    assert.equal(await certificates.renew(), undefined);
    assert.ok(Date.parse(new X509Certificate(renewed!.cert).validTo) > now + (LEAF_DAYS - 1) * DAY_MS);
    const next = await open();
    assert.deepEqual([next.server, next.fingerprint], [renewed, certificates.fingerprint]);
    // After years switched off.
    now += 5 * 365 * DAY_MS;
    assert.equal((await open()).fingerprint, certificates.fingerprint);
  });

  it("of the server name the machine as it is now", async () => {
    const certificates = await open();
    const own = new X509Certificate(certificates.server.cert);
    assert.deepEqual([own.checkHost("one"), own.checkIP("2001:db8::1")], ["one", "2001:db8::1"]);
    names = { names: ["one", "two"], addresses: ["192.0.2.9"] };
    const renewed = new X509Certificate((await certificates.renew())!.cert);
    assert.equal(renewed.checkHost("two"), "two");
    assert.equal(renewed.checkIP("192.0.2.1"), undefined);
    // What goes away makes no new one; what is there is named.
    names = { names: ["one"], addresses: [] };
    assert.equal(await certificates.renew(), undefined);
  });

  it("of the server are made again where the file is damaged or another authority's", async () => {
    const first = await open();
    writeFileSync(file("server.pem"), "nothing\n");
    assert.equal((await open()).fingerprint, first.fingerprint);
    const kept = readFileSync(file("server.pem"));
    rmSync(file("authority.pem"));
    const second = await open();
    assert.notEqual(second.fingerprint, first.fingerprint);
    assert.notDeepEqual(readFileSync(file("server.pem")), kept);
    assert.ok(new X509Certificate(second.server.cert).checkIssued(new X509Certificate(second.authority.cert)));
  });

  it("are never made anew over an authority that cannot be read", async () => {
    const { authority } = await open();
    for (const text of [
      "",
      "nothing\n",
      authority.cert,
      authority.key,
      authority.key + "-----BEGIN CERTIFICATE-----\nx\n",
    ]) {
      writeFileSync(file("authority.pem"), text);
      await assert.rejects(open(), (thrown) => thrown instanceof LoomError && thrown.reason === "SECRET_UNREADABLE");
      assert.equal(readFileSync(file("authority.pem"), "utf8"), text);
    }
  });

  it("a start that was cut off leaves nothing half", async () => {
    await open();
    writeFileSync(file(`server.pem.${process.pid}.part`), "half");
    rmSync(file("server.pem"));
    await open();
    assert.ok(!existsSync(file(`server.pem.${process.pid}.part`)));
  });
});

describe("names of this machine", () => {
  it("hold what it was told to listen on, but for everything", () => {
    const { names, addresses } = ownNames(["0.0.0.0", "::", "", "loom.example", "192.0.2.7"]);
    assert.ok(names.includes("localhost") && names.includes("loom.example"));
    assert.ok(addresses.includes("192.0.2.7") && addresses.includes("127.0.0.1"));
    for (const none of ["0.0.0.0", "::", ""]) assert.ok(![...names, ...addresses].includes(none));
  });

  it("say how others reach it", () => {
    assert.deepEqual(reachableAt("192.0.2.7", 7421), ["192.0.2.7:7421"]);
    assert.deepEqual(reachableAt("2001:db8::1", 7421), ["[2001:db8::1]:7421"]);
    const all = reachableAt("0.0.0.0", 7421);
    assert.ok(all.length > 0 && all.every((one) => one.endsWith(":7421")));
    assert.ok(all.length === 1 || !all.some((one) => one.startsWith("127.")));
  });
});
