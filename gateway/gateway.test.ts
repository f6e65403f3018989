import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { connect as connectHttp2 } from "node:http2";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { ClusterService } from "../gen/web/loom/v1/cluster_pb.js";
import { LoomError } from "../services/common/errors.js";
import { CLUSTER, memoryApplication, TOKENS } from "../test/contract/memory-application.js";
import { QUIET_LOG, startLoom, useLoom, type Loom } from "../test/contract/use-loom.js";
import { createLoomClient, RemoteError } from "./client.js";
import { createGateway } from "./gateway.js";
import { remoteErrorFrom } from "./remote-error.js";

const NAME = { name: "clusters/demo-1s" };

async function failure(promise: Promise<unknown>): Promise<RemoteError> {
  const thrown: unknown = await promise.then(
    () => assert.fail("it should have failed"),
    (error: unknown) => error,
  );
  return remoteErrorFrom(thrown, "");
}

const reasonOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "none",
    (error: unknown) => (error instanceof LoomError ? error.reason : String(error)),
  );

describe("the gateway", () => {
  const thrown = new LoomError("CLUSTER_BUSY", "A job is at work on “demo”.", {
    metadata: { cluster: "demo-1s", job: "7" },
    violations: [{ field: "etag", description: "is old" }],
    cause: new Error("inside"),
  });
  const { application, calls } = memoryApplication({
    clusters: {
      delete: () => Promise.reject(thrown),
      async *watch(_, cluster) {
        if (cluster !== "demo-1s") throw thrown;
        yield { value: CLUSTER, resumeToken: "r1" };
        throw thrown;
      },
    },
  });
  const loom = useLoom({ application });
  beforeEach(() => void (calls.length = 0));

  const transports: Readonly<Record<string, (baseUrl: string) => Transport>> = {
    "Connect, JSON, HTTP/1.1": (baseUrl) =>
      createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false }),
    "Connect, binary, HTTP/2": (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "2" }),
    "gRPC-Web, HTTP/1.1": (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
    gRPC: (baseUrl) => createGrpcTransport({ baseUrl }),
  };
  for (const [protocol, transportTo] of Object.entries(transports)) {
    describe(protocol, () => {
      const headers = { authorization: "Bearer admin-token" };
      const client = () => createClient(ClusterService, transportTo(loom().gateway.url));

      it("answers", async () => {
        const cluster = await client().getCluster(NAME, { headers });
        assert.deepEqual([cluster.displayName, cluster.config], ["demo", CLUSTER.config]);
      });

      const whole = (error: RemoteError): void => {
        assert.deepEqual(
          [error.reason, error.message, error.metadata, error.violations],
          ["CLUSTER_BUSY", thrown.message, thrown.metadata, thrown.violations],
        );
        assert.match(error.requestId, /^[0-9a-f-]{36}$/);
      };
      it("carries an error whole", async () => whole(await failure(client().deleteCluster(NAME, { headers }))));

      it("carries the error of a stream whole, before and after its first message", async () => {
        for (const [name, expected] of [
          ["clusters/other-1s", 0],
          ["clusters/demo-1s", 1],
        ] as const) {
          let seen = 0;
          whole(
            await failure(
              (async () => {
                for await (const _ of client().watchCluster({ name }, { headers })) seen += 1;
              })(),
            ),
          );
          assert.equal(seen, expected);
        }
      });

      it("says what to do without a token", async () => {
        const error = await failure(client().getCluster(NAME));
        assert.equal(error.reason, "UNAUTHENTICATED");
        assert.match(error.message, /loom login/);
      });
    });
  }

  it("is what the typed client speaks to", async () => {
    const client = createLoomClient({ url: loom().gateway.url, token: "admin-token", timeoutMs: 10_000 });
    assert.equal((await client.clusters.getCluster(NAME)).displayName, "demo");
    await assert.rejects(
      client.clusters.deleteCluster(NAME),
      (error) => error instanceof RemoteError && error.reason === "CLUSTER_BUSY",
    );
    await assert.rejects(
      async () => {
        for await (const _ of client.clusters.watchCluster(NAME));
      },
      (error) => error instanceof RemoteError && error.reason === "CLUSTER_BUSY",
    );
  });

  it("believes nothing that outsiders say of themselves", async () => {
    const transport = createConnectTransport({ baseUrl: loom().gateway.url, httpVersion: "1.1" });
    const headers = {
      authorization: "Bearer viewer-token",
      "loom-user": "root",
      "loom-role": "admin",
      "loom-tenant": "other",
      "loom-request-id": "mine",
      "loom-source": "10.0.0.1",
    };
    let answered = "";
    await createClient(ClusterService, transport).getCluster(NAME, {
      headers,
      onHeader: (header) => (answered = header.get("loom-request-id") ?? ""),
    });
    assert.deepEqual(calls.at(-1)!.args[0], { ...TOKENS["viewer-token"], sourceAddress: "127.0.0.1" });
    assert.match(answered, /^[0-9a-f-]{36}$/);
  });

  const post = (path: string, body: string, headers: Record<string, string> = {}) =>
    fetch(`${loom().gateway.url}${path}`, {
      method: "POST",
      body,
      headers: { "content-type": "application/json", authorization: "Bearer admin-token", ...headers },
    });

  it("speaks JSON to curl, with the details of errors in words", async () => {
    const answer = await post("/loom.v1.ClusterService/DeleteCluster", JSON.stringify(NAME));
    const { code, details } = (await answer.json()) as { code: string; details: { type: string; debug: unknown }[] };
    assert.equal(code, "aborted");
    assert.deepEqual(details[0]!.debug, {
      reason: "CLUSTER_BUSY",
      domain: "loom",
      metadata: { cluster: "demo-1s", job: "7" },
    });
  });

  it("refuses a misspelt field instead of dropping it", async () => {
    const answer = await post("/loom.v1.ClusterService/GetCluster", JSON.stringify({ nmae: "x" }));
    assert.deepEqual([answer.status, calls], [400, []]);
    assert.match(await answer.text(), /nmae/);
  });

  it("does not let internal services be called", async () => {
    for (const path of [
      "/loom.internal.v1.IdentityService/Identify",
      "/loom.internal.v1.WorkerService/Work",
      "/grpc.health.v1.Health/Check",
      "/nothing",
    ]) {
      const answer = await post(path, "{}");
      assert.equal(answer.status, 404);
      assert.match(await answer.text(), /UNIMPLEMENTED/);
    }
    const grpc = await post("/loom.internal.v1.IdentityService/Identify", "", { "content-type": "application/grpc" });
    assert.equal(grpc.headers.get("grpc-status"), "12");
    assert.deepEqual(calls, []);
  });

  it("survives requests without a sane host", async () => {
    const { port } = new URL(loom().gateway.url);
    for (const head of [
      "POST /loom.v1.ClusterService/GetCluster HTTP/1.0\r\n",
      "POST /loom.v1.ClusterService/GetCluster HTTP/1.1\r\nhost: [[\r\nconnection: close\r\n",
    ]) {
      const socket = connect(Number(port), "127.0.0.1");
      socket.end(`${head}content-type: application/json\r\ncontent-length: 2\r\n\r\n{}`);
      let answer = "";
      for await (const chunk of socket) answer += String(chunk);
      assert.match(answer, /^HTTP\/1.1 400/);
    }
  });

  it("says with a reason that a message is too large", async () => {
    const client = createLoomClient({ url: loom().gateway.url, token: "admin-token" });
    for (const megabytes of [5, 20]) {
      const files = [{ path: "a.yaml", text: "x".repeat(megabytes * 1024 * 1024) }];
      await assert.rejects(
        client.catalog.applyDocuments({ files }),
        (error) => error instanceof RemoteError && error.reason === "MESSAGE_TOO_LARGE",
      );
    }
  });

  it("tells its health, and nothing to other origins", async () => {
    const health = await fetch(`${loom().gateway.url}/healthz`, { headers: { origin: "https://evil.example" } });
    assert.deepEqual(
      [health.status, await health.text(), health.headers.get("access-control-allow-origin")],
      [200, "SERVING\n", null],
    );
  });

  it("allows the origins that a site names", async () => {
    const site = createGateway({
      upstream: loom().socket,
      listen: { host: "127.0.0.1", port: 0 },
      log: QUIET_LOG,
      corsOrigins: ["https://console.example"],
    });
    await site.start();
    const ask = async (origin: string) =>
      (
        await fetch(`${site.url}/loom.v1.ClusterService/GetCluster`, { method: "OPTIONS", headers: { origin } })
      ).headers.get("access-control-allow-origin");
    assert.deepEqual(
      [await ask("https://console.example"), await ask("https://evil.example")],
      ["https://console.example", null],
    );
    await site.stop(100);
  });

  describe("starting", () => {
    const start = (host: string, port: number) =>
      reasonOf(createGateway({ upstream: loom().socket, listen: { host, port }, log: QUIET_LOG }).start());

    it("refuses anything but loopback without TLS", async () => {
      for (const host of ["0.0.0.0", "::", "192.0.2.1", "loom.example.org", ""])
        assert.equal(await start(host, 0), "TLS_REQUIRED", host);
    });

    it("says who to ask when the port is in use", async () => {
      const holder = createServer().listen(0, "127.0.0.1");
      await new Promise((resolve) => holder.once("listening", resolve));
      const { port } = holder.address() as AddressInfo;
      const gateway = createGateway({ upstream: loom().socket, listen: { host: "127.0.0.1", port }, log: QUIET_LOG });
      await assert.rejects(
        gateway.start(),
        (error) =>
          error instanceof LoomError &&
          error.reason === "ADDRESS_IN_USE" &&
          /--port/.test(error.message) &&
          /LOOM_PORT/.test(error.message),
      );
      holder.close();
    });
  });
});

describe("the gateway's files", () => {
  it("are served from their folder and from nowhere else", async () => {
    const folder = await mkdtemp(join(tmpdir(), "loom-"));
    const root = join(folder, "site");
    await mkdir(join(root, "assets"), { recursive: true });
    await writeFile(join(root, "index.html"), "<p>console");
    await writeFile(join(root, "assets", "a.js"), "1");
    await writeFile(join(folder, "secret.txt"), "secret");
    await symlink(join(folder, "secret.txt"), join(root, "link.txt"));
    const loom = await startLoom({ application: memoryApplication().application, gateway: { staticRoot: root } });
    const get = async (path: string) => {
      const answer = await fetch(`${loom.gateway.url}${path}`);
      return `${answer.status} ${await answer.text()}`;
    };
    assert.equal(await get("/"), "200 <p>console");
    assert.equal(await get("/clusters/demo-1s?tab=jobs"), "200 <p>console");
    assert.equal(await get("/assets/a.js"), "200 1");
    for (const path of ["/assets/b.js", "/link.txt", "/..%2fsecret.txt", "/%2e%2e/secret.txt", "/%ff.txt", "/a%00.txt"])
      assert.match(await get(path), /^404/, path);
    await loom.stop();
    await rm(folder, { recursive: true });
  });
});

describe("a gateway that stops", () => {
  let loom: Loom;
  let answer: (() => void) | undefined;
  const { application, calls } = memoryApplication({
    clusters: {
      get: () => new Promise((resolve) => (answer = () => resolve(CLUSTER))),
      async *watch(_, __, resumeToken, signal) {
        yield { value: CLUSTER, resumeToken };
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      },
    },
  });
  beforeEach(async () => {
    calls.length = 0;
    loom = await startLoom({ application });
  });
  afterEach(() => loom.stop());

  for (const [protocol, transportTo] of [
    ["HTTP/1.1", (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: "1.1" })],
    ["HTTP/2", (baseUrl: string) => createGrpcTransport({ baseUrl })],
  ] as const) {
    it(`finishes calls and ends streams so that clients come back, ${protocol}`, async () => {
      const client = createClient(ClusterService, transportTo(loom.gateway.url));
      const options = { headers: { authorization: "Bearer viewer-token" } };
      const stream = client.watchCluster(NAME, options)[Symbol.asyncIterator]();
      await stream.next();
      const ended = failure(stream.next());
      const got = client.getCluster(NAME, options);
      await until(() => calls.some(({ operation }) => operation === "clusters.get"));
      const stopped = loom.gateway.stop(8_000);
      assert.equal((await ended).reason, "SHUTTING_DOWN");
      answer!();
      assert.equal((await got).displayName, "demo");
      await stopped;
      assert.equal((await failure(client.getCluster(NAME, options))).reason, "UNREACHABLE");
    });
  }

  it("says that its server is gone, and finds it again", async () => {
    await loom.server.stop(100);
    const client = createLoomClient({ url: loom.gateway.url, token: "viewer-token" });
    await assert.rejects(
      client.clusters.listClusters({}),
      (error) => error instanceof RemoteError && error.reason === "UNREACHABLE",
    );
    assert.equal((await fetch(`${loom.gateway.url}/healthz`)).status, 503);
  });
});

describe("a token that is revoked", () => {
  it("ends open streams too, and no later than they are looked at again", async () => {
    let valid = true;
    const { application } = memoryApplication({
      clusters: {
        async *watch(_, __, resumeToken, signal) {
          yield { value: CLUSTER, resumeToken };
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
        },
      },
      system: { identify: async (token) => (valid ? TOKENS[token] : undefined) },
    });
    const loom = await startLoom({ application, gateway: { identityTtlMs: 50 } });
    const client = createLoomClient({ url: loom.gateway.url, token: "viewer-token" });
    const stream = client.clusters.watchCluster(NAME)[Symbol.asyncIterator]();
    await stream.next();
    valid = false;
    assert.equal((await failure(stream.next())).reason, "UNAUTHENTICATED");
    assert.equal((await failure(client.clusters.getCluster(NAME))).reason, "UNAUTHENTICATED");
    await loom.stop();
  });
});

describe("slow and broken clients", () => {
  it("are let go", async () => {
    const { createListener } = await import("./listener.js");
    const listener = createListener(
      (request, response) => {
        request.resume();
        request.once("end", () => response.end("ok"));
      },
      undefined,
      { headersWithinMs: 200, bodyWithinMs: 400, idleMs: 60_000, pingMs: 60_000 },
    );
    const { port } = await listener.start({ host: "127.0.0.1", port: 0 });
    const closed = (socket: Socket) =>
      new Promise<void>((resolve) =>
        socket
          .resume()
          .on("error", () => undefined)
          .once("close", () => resolve()),
      );
    const say = (text: string): Promise<void> => {
      const socket = connect(port, "127.0.0.1");
      socket.write(text);
      return closed(socket);
    };
    await Promise.all([
      closed(connect(port, "127.0.0.1")),
      say("P"),
      say("PRI * HT"),
      say("GET / HTTP/1.1\r\nhost: a\r\nx-slow: "),
      say("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nx"),
      say(`GET / HTTP/1.1\r\nhost: a\r\nx-long: ${"a".repeat(20_000)}\r\n\r\n`),
      say("PRI * HTTP/2.0\r\n\r\nnonsense that is no frame at all"),
    ]);
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    const stream = session.request({ ":method": "POST", ":path": "/" }, { endStream: false });
    stream.on("error", () => undefined);
    stream.write("x");
    await new Promise((resolve) => stream.once("close", resolve));
    session.destroy();
    await listener.stop(100);
  });
});

async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > end) assert.fail("it did not come true in 10 s");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
