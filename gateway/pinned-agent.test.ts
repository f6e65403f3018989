import assert from "node:assert/strict";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import type { Fingerprint } from "../services/common/certificates/fingerprint.js";
import { issueServer, makeAuthority, type KeyPair } from "../services/common/certificates/issue.js";
import type { Reason } from "../services/common/errors.js";
import { fingerprintOfPem } from "../services/standalone/certificates.js";
import { memoryApplication } from "../test/contract/memory-application.js";
import { startLoom, type Loom } from "../test/contract/use-loom.js";
import { createLoomClient, RemoteError, type LoomClient } from "./client.js";

const ANYWHERE = { names: [], addresses: ["192.0.2.1"] };

describe("a client that trusts a fingerprint", function () {
  this.timeout(20_000);
  let loom: Loom;
  let authority: KeyPair;
  let server: KeyPair;
  before(async () => {
    authority = await makeAuthority(Date.now());
    server = await issueServer(authority, ANYWHERE, Date.now());
    loom = await startLoom({
      application: memoryApplication().application,
      gateway: { listen: { host: "0.0.0.0", port: 0 }, tls: server },
    });
  });
  after(() => loom.stop());

  const url = (): string => loom.gateway.url.replace("0.0.0.0", "127.0.0.1");
  const client = (fingerprint: Fingerprint): LoomClient =>
    createLoomClient({ url: url(), token: "viewer-token", fingerprint });
  const failsWith =
    (reason: Reason, text: RegExp) =>
    (thrown: unknown): boolean =>
      thrown instanceof RemoteError && thrown.reason === reason && text.test(thrown.message);

  it("takes the certificate itself, and what its authority signed, under any address", async () => {
    for (const pem of [server.cert, authority.cert]) {
      const { system } = client(fingerprintOfPem(pem));
      for (let call = 0; call < 3; call += 1) assert.equal((await system.getSystem({})).mode, "standalone");
    }
  });

  it("takes no other, and sends nothing to it", async () => {
    const wrong = fingerprintOfPem((await makeAuthority(Date.now())).cert);
    await assert.rejects(client(wrong).system.getSystem({}), failsWith("FINGERPRINT_MISMATCH", /Nothing was sent/));
    const watch = client(wrong).events.watchEvents({ parent: "clusters/-" });
    await assert.rejects(
      async () => {
        for await (const _ of watch) assert.fail("an event came");
      },
      failsWith("FINGERPRINT_MISMATCH", /Nothing was sent/),
    );
  });

  it("goes on with the certificate that the server has got meanwhile", async () => {
    const pinned = client(fingerprintOfPem(authority.cert));
    await pinned.system.getSystem({});
    const renewed = await issueServer(authority, ANYWHERE, Date.now());
    loom.gateway.renew(renewed);
    assert.equal((await pinned.system.getSystem({})).mode, "standalone");
    // A client of its own makes a connection of its own.
    const fresh = client(fingerprintOfPem(renewed.cert));
    assert.equal((await fresh.system.getSystem({})).mode, "standalone");
    await assert.rejects(
      client(fingerprintOfPem(server.cert)).system.getSystem({}),
      failsWith("FINGERPRINT_MISMATCH", /is not the one/),
    );
  });

  it("says where nobody answers, and where nobody speaks TLS", async () => {
    const silent = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as AddressInfo;
    const call = (): Promise<unknown> =>
      createLoomClient({ url: `https://127.0.0.1:${port}`, fingerprint: `sha256:${"00".repeat(32)}` }).system.getSystem(
        {},
      );
    await assert.rejects(call(), (thrown) => thrown instanceof RemoteError && thrown.reason !== "FINGERPRINT_MISMATCH");
    silent.close();
    await assert.rejects(call(), failsWith("UNREACHABLE", /cannot be reached/));
  });

  it("without a fingerprint hears what to do", async () => {
    await assert.rejects(
      createLoomClient({ url: url(), token: "viewer-token" }).system.getSystem({}),
      failsWith("UNREACHABLE", /loom login https:\/\/127\.0\.0\.1:\d+ --fingerprint/),
    );
  });
});
