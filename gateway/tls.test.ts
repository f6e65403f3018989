import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { SystemService } from "../gen/web/loom/v1/system_pb.js";
import { memoryApplication } from "../test/contract/memory-application.js";
import { startLoom, type Loom } from "../test/contract/use-loom.js";
import { skipBecause } from "../tools/mocha-summary/skip.js";
import { createLoomClient, RemoteError } from "./client.js";

const run = promisify(execFile);

describe("the gateway over TLS", () => {
  let folder: string;
  let loom: Loom;
  let cert: string;

  before(async function () {
    folder = await mkdtemp(join(tmpdir(), "loom-"));
    const key = join(folder, "key.pem");
    const certificate = join(folder, "cert.pem");
    const args = [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-days",
      "1",
      "-subj",
      "/CN=localhost",
      "-addext",
      "subjectAltName=IP:127.0.0.1",
    ];
    const made = await run("openssl", [...args, "-keyout", key, "-out", certificate]).catch((error: Error) => error);
    if (made instanceof Error) return skipBecause(this, "there is no openssl to make a certificate with");
    cert = await readFile(certificate, "utf8");
    loom = await startLoom({
      application: memoryApplication().application,
      gateway: { listen: { host: "0.0.0.0", port: 0 }, tls: { cert, key: await readFile(key) } },
    });
  });
  after(async () => {
    await loom?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const url = (): string => loom.gateway.url.replace("0.0.0.0", "127.0.0.1");

  it("serves HTTP/1.1 and HTTP/2, on any address", async () => {
    assert.match(url(), /^https:/);
    assert.equal(
      (await createLoomClient({ url: url(), token: "viewer-token", ca: cert }).system.getSystem({})).mode,
      "standalone",
    );
    const grpc = createGrpcTransport({ baseUrl: url(), nodeOptions: { ca: cert } });
    assert.equal(
      (await createClient(SystemService, grpc).getSystem({}, { headers: { authorization: "Bearer viewer-token" } }))
        .mode,
      "standalone",
    );
  });

  it("is not believed without its authority", async () => {
    await assert.rejects(
      createLoomClient({ url: url(), token: "viewer-token" }).system.getSystem({}),
      (error) => error instanceof RemoteError,
    );
  });

  it("lives on after somebody speaks clear text to it", async () => {
    await assert.rejects(
      createLoomClient({ url: url().replace("https", "http"), token: "viewer-token" }).system.getSystem({}),
    );
    assert.equal(
      (await createLoomClient({ url: url(), token: "viewer-token", ca: cert }).system.getSystem({})).mode,
      "standalone",
    );
  });
});
