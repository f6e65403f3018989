import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { createServer, connect, type TLSSocket, type TlsOptions } from "node:tls";
import type { AddressInfo } from "node:net";
import { LoomError, type Reason } from "../errors.js";
import { fingerprintOf, parseFingerprint } from "./fingerprint.js";
import {
  isDue,
  issueClient,
  issueServer,
  keyOfRequest,
  LEAF_DAYS,
  makeAuthority,
  makeRequest,
  type KeyPair,
} from "./issue.js";
import { checkPinned, connectPinned, shownBy } from "./pin.js";

const DAY = 86_400_000;
const failsWith =
  (reason: Reason, text = /./) =>
  (thrown: unknown): boolean =>
    thrown instanceof LoomError && thrown.reason === reason && text.test(thrown.message);
const parsed = (chain: string): X509Certificate[] =>
  chain
    .split(/(?<=-----END CERTIFICATE-----\n)/)
    .filter((pem) => pem.trim() !== "")
    .map((pem) => new X509Certificate(pem));

describe("fingerprints", () => {
  const plain = `sha256:${"0a".repeat(32)}`;
  it("are read as people and programs write them", () => {
    for (const text of [plain, ` ${plain}\n`, plain.toUpperCase(), "0A".repeat(32), `SHA-256=${"0A:".repeat(31)}0A`])
      assert.equal(parseFingerprint(text), plain, text);
  });
  it("that are none are refused", () => {
    for (const text of [
      "",
      "sha256:",
      `sha256:${"0a".repeat(31)}`,
      `sha256:${"0g".repeat(32)}`,
      `sha1:${"0a".repeat(20)}`,
    ])
      assert.throws(() => parseFingerprint(text), failsWith("INVALID_FIELD"), text);
  });
});

describe("certificates", function () {
  this.timeout(20_000);
  const now = Date.now();
  let authority: KeyPair;
  let other: KeyPair;
  let server: KeyPair;
  before(async () => {
    [authority, other] = await Promise.all([makeAuthority(now), makeAuthority(now)]);
    server = await issueServer(authority, { names: ["loom.test"], addresses: ["127.0.0.1", "::1"] }, now);
  });

  it("of a server name it and stand before their authority's", () => {
    const [own, behind] = parsed(server.cert);
    assert.match(own!.subjectAltName!, /DNS:loom\.test, IP Address:127\.0\.0\.1, IP Address:0:0:0:0:0:0:0:1/);
    assert.equal(fingerprintOf(behind!.raw), fingerprintOf(parsed(authority.cert)[0]!.raw));
    assert.ok(own!.checkIssued(behind!) && own!.verify(behind!.publicKey) && behind!.ca && !own!.ca);
    assert.match(own!.serialNumber, /^[0-7][0-9A-F]{31}$/);
  });

  it("are due when a third of their life is left, and where they cannot be read", () => {
    // They begin a day before they were made.
    const third = (LEAF_DAYS + 1) / 3;
    assert.equal(isDue(server.cert, now + (LEAF_DAYS - third) * DAY - 60_000), false);
    assert.equal(isDue(server.cert, now + (LEAF_DAYS - third) * DAY + 60_000), true);
    assert.equal(isDue("no certificate", now), true);
  });

  it("of clients carry the name that was given and the key that was asked for", async () => {
    const { request } = await makeRequest();
    const publicKey = await keyOfRequest(request);
    const { cert, expires } = await issueClient(authority, { name: "abc", publicKey }, now);
    const own = new X509Certificate(cert);
    assert.equal(own.subject, "CN=abc");
    assert.deepEqual(own.keyUsage, ["1.3.6.1.5.5.7.3.2"]);
    assert.deepEqual(own.publicKey.export({ type: "spki", format: "der" }), publicKey);
    assert.equal(Math.round((expires.getTime() - now) / DAY), LEAF_DAYS);
  });

  it("are not given for requests that are none, or that another key has signed", async () => {
    const [one, two] = await Promise.all([makeRequest(), makeRequest()]);
    const bytes = (pem: string): Buffer => Buffer.from(pem.replaceAll(/-----.*-----|\s/g, ""), "base64");
    const [a, b] = [bytes(one.request), bytes(two.request)];
    // The same length, or nearly; the key of one with the signature of the other.
    const mixed = Buffer.concat([a.subarray(0, 150), b.subarray(150)]).toString("base64");
    for (const bad of [
      "",
      "x",
      authority.cert,
      `-----BEGIN CERTIFICATE REQUEST-----\n${mixed}\n-----END CERTIFICATE REQUEST-----\n`,
    ])
      await assert.rejects(keyOfRequest(bad), failsWith("INVALID_FIELD"), bad);
  });

  it("are pinned by their own fingerprint or their authority's, and by no other", async () => {
    const chain = parsed(server.cert);
    const pin = fingerprintOf(chain[1]!.raw);
    assert.equal(checkPinned(chain, pin, "here", now), chain[1]);
    assert.equal(checkPinned(chain, fingerprintOf(chain[0]!.raw), "here", now), chain[0]);
    const refused = (shown: X509Certificate[], text: RegExp, at = now): void =>
      assert.throws(() => checkPinned(shown, pin, "here", at), failsWith("FINGERPRINT_MISMATCH", text));
    refused([], /found none/);
    refused([chain[0]!], /is not the one that was trusted/);
    refused(chain, /is valid from/, now + (LEAF_DAYS + 1) * DAY);
    refused(chain, /is valid from/, now - 2 * DAY);
    // Anybody can show the authority's certificate behind one of their own.
    const forged = parsed((await issueServer(other, { names: [], addresses: [] }, now)).cert)[0]!;
    refused([forged, chain[1]!], /was not signed by the authority/);
    // A provisioner's certificate is signed by the authority, and its holder is no server.
    const { request } = await makeRequest();
    const client = await issueClient(authority, { name: "abc", publicKey: await keyOfRequest(request) }, now);
    refused([new X509Certificate(client.cert), chain[1]!], /is none of a server/);
  });

  describe("over a connection", () => {
    const closes: (() => void)[] = [];
    afterEach(() => closes.splice(0).forEach((close) => close()));
    async function serve(options: TlsOptions): Promise<{ port: number; sent: () => number }> {
      let sent = 0;
      const listener = createServer(options, (socket) => {
        socket.on("data", (chunk) => (sent += chunk.length));
        socket.on("error", () => undefined);
      });
      await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
      closes.push(() => listener.close());
      return { port: (listener.address() as AddressInfo).port, sent: () => sent };
    }

    it("both sides know each other", async () => {
      const { key, request } = await makeRequest();
      const client = await issueClient(authority, { name: "abc", publicKey: await keyOfRequest(request) }, now);
      const names: string[] = [];
      const listener = createServer(
        { ...server, ca: authority.cert, requestCert: true, rejectUnauthorized: true },
        (socket) => {
          names.push(String(socket.getPeerCertificate().subject.CN));
          socket.end("hello");
        },
      );
      await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
      closes.push(() => listener.close());
      const { port } = listener.address() as AddressInfo;
      const said = await new Promise<string>((resolve, reject) => {
        const socket: TLSSocket = connect({ host: "127.0.0.1", port, ca: authority.cert, cert: client.cert, key });
        socket.once("data", (chunk) => {
          resolve(String(chunk));
          socket.destroy();
        });
        socket.once("error", reject);
      });
      assert.deepEqual([said, names], ["hello", ["abc"]]);
    });

    it("what is pinned is found in what is shown", async () => {
      const { port } = await serve(server);
      const pin = fingerprintOf(parsed(authority.cert)[0]!.raw);
      const { socket, pinned } = await connectPinned({ host: "127.0.0.1", port }, pin);
      closes.push(() => socket.destroy());
      assert.equal(fingerprintOf(pinned.raw), pin);
      assert.equal(shownBy(socket).length, 2);
    });

    it("nothing is sent to another", async () => {
      const { port, sent } = await serve(await issueServer(other, { names: [], addresses: [] }, now));
      const pin = fingerprintOf(parsed(authority.cert)[0]!.raw);
      await assert.rejects(
        connectPinned({ host: "127.0.0.1", port }, pin),
        failsWith("FINGERPRINT_MISMATCH", /somebody stands in between/),
      );
      assert.equal(sent(), 0);
    });

    it("who never answers is given up", async () => {
      const silent = (await import("node:net")).createServer(() => undefined);
      await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
      closes.push(() => silent.close());
      const { port } = silent.address() as AddressInfo;
      await assert.rejects(
        connectPinned({ host: "127.0.0.1", port, withinMs: 50 }, `sha256:${"00".repeat(32)}`),
        /ETIMEDOUT/,
      );
    });
  });
});
