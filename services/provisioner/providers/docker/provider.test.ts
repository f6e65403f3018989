import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { context, machine, run } from "../../../../test/conformance/provider.js";
import type { Fields, MachineRequest, Provider } from "../provider.js";
import { createDockerProvider } from "./provider.js";

const requestWith = (provider: Provider, fields: Fields): MachineRequest =>
  machine({ provider, fields, flavor: "small", image: "loom-debian:12" }, randomUUID(), 1000, 1);

describe("provider docker without a daemon", function () {
  const gone = (host: string): [Provider, MachineRequest] => {
    const provider = createDockerProvider();
    return [provider, requestWith(provider, { host })];
  };

  it("says that the daemon cannot be reached, whatever it is asked", async () => {
    for (const host of ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1"]) {
      const [provider, request] = gone(host);
      const calls = [
        provider.create(request, context()),
        provider.confirm(request, context()),
        provider.delete(request, context()),
        provider.observe(request),
        provider.inventory(request.fields),
        run(provider.channel(request), ["true"]),
      ];
      for (const call of calls) await assert.rejects(call, { reason: "PROVIDER_UNREACHABLE" });
    }
  });

  it("says so for a daemon that breaks the connection within an answer", async () => {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () =>
        socket.end("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const [provider, request] = gone(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`);
      const abort = new AbortController();
      const creating = provider.create(request, context(abort.signal));
      setTimeout(() => abort.abort(), 500);
      await assert.rejects(creating, (error: { reason?: string }) =>
        ["CANCELLED", "PROVIDER_UNREACHABLE"].includes(error.reason ?? ""),
      );
    } finally {
      server.close();
    }
  });

  it("refuses fields that make no sense", async () => {
    for (const fields of [
      { host: "ftp://x" },
      { networkRange: "10.0.0.1/8" },
      { networkPrefix: 40 },
      { networkRange: "10.0.0.0/24", networkPrefix: 20 },
      { mounts: { x: "/y" } },
      { env: { "A B": "1" } },
    ]) {
      const provider = createDockerProvider();
      await assert.rejects(provider.create(requestWith(provider, fields), context()), {
        reason: "INVALID_FIELD",
      });
    }
  });

  it("is not available, and says why", async () => {
    const before = process.env.DOCKER_HOST;
    process.env.DOCKER_HOST = "unix:///nowhere/docker.sock";
    try {
      assert.match(
        (await createDockerProvider().unavailable()) ?? "",
        /\/nowhere\/docker\.sock does not answer \(ENOENT\)/,
      );
    } finally {
      if (before === undefined) delete process.env.DOCKER_HOST;
      else process.env.DOCKER_HOST = before;
    }
  });
});
