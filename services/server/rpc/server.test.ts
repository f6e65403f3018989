import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { create, type Message } from "@bufbuild/protobuf";
import { Client, credentials, Metadata, status, type ServiceError } from "@grpc/grpc-js";
import { pino } from "pino";
import { toConnectError } from "../../../gateway/errors.js";
import { remoteErrorFrom, type RemoteError } from "../../../gateway/remote-error.js";
import { createUpstream, isServiceError, type Upstream } from "../../../gateway/upstream.js";
import { CatalogService } from "../../../gen/web/loom/v1/catalog_pb.js";
import { ClusterService, type WatchClusterResponse } from "../../../gen/web/loom/v1/cluster_pb.js";
import { memoryApplication, CLUSTER, type Replacements } from "../../../test/contract/memory-application.js";
import { NO_HUB, QUIET_LOG } from "../../../test/contract/use-loom.js";
import { callerToMetadata } from "../../common/caller-metadata.js";
import { LoomError } from "../../common/errors.js";
import { createRpcServer, type RpcServer } from "./server.js";

const ADA = callerToMetadata({
  tenant: "default",
  user: "ada ü",
  role: "admin",
  credential: "t1",
  sourceAddress: "127.0.0.1",
});
const { getCluster, createCluster, watchCluster } = ClusterService.method;

interface Running {
  readonly server: RpcServer;
  readonly upstream: Upstream;
  readonly lines: Record<string, unknown>[];
  readonly calls: ReturnType<typeof memoryApplication>["calls"];
}

describe("the gRPC server", () => {
  let folder: string;
  let cleanUps: (() => Promise<void> | void)[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "loom-"));
    cleanUps = [];
  });
  afterEach(async () => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
    await rm(folder, { recursive: true, force: true });
  });

  async function start(replacements: Replacements): Promise<Running> {
    const lines: Record<string, unknown>[] = [];
    const sink = new Writable({
      write(line: Buffer, _, done) {
        lines.push(JSON.parse(String(line)) as Record<string, unknown>);
        done();
      },
    });
    const { application, calls } = memoryApplication(replacements);
    const server = createRpcServer({ application, hub: NO_HUB, log: pino(sink), version: "0.1.0" });
    const upstream = createUpstream(await server.listen(`unix:${join(folder, "s")}`));
    cleanUps.push(
      () => server.stop(100),
      () => upstream.close(),
    );
    return { server, upstream, lines, calls };
  }

  const callOf = (
    more: readonly (readonly [string, string])[] = [],
    timeoutMs = 10_000,
    signal = new AbortController().signal,
  ) => ({ metadata: [...ADA, ...more], timeoutMs, signal });

  async function failure(promise: Promise<unknown>): Promise<RemoteError> {
    const thrown: unknown = await promise.then(
      () => assert.fail("it should have failed"),
      (error: unknown) => error,
    );
    assert.ok(isServiceError(thrown), String(thrown));
    return remoteErrorFrom(toConnectError(thrown, "none"), "");
  }

  const get = (upstream: Upstream, name = "clusters/demo-1s", ...more: Parameters<typeof callOf>) =>
    upstream.unary(getCluster, create(getCluster.input, { name }), callOf(...more));

  it("hands the caller to the application and logs the request without its body", async () => {
    const { upstream, calls, lines } = await start({});
    await get(upstream, "clusters/demo-1s", [["loom-request-id", "abc-123"]]);
    assert.deepEqual(calls, [
      {
        operation: "clusters.get",
        args: [
          { tenant: "default", user: "ada ü", role: "admin", credential: "t1", sourceAddress: "127.0.0.1" },
          "demo-1s",
        ],
      },
    ]);
    const line = lines.find(({ rpc }) => rpc === "ClusterService.GetCluster")!;
    assert.deepEqual(
      [line["requestId"], line["user"], line["tenant"], line["code"]],
      ["abc-123", "ada ü", "default", "OK"],
    );
    assert.equal(typeof line["durationMs"], "number");
    assert.doesNotMatch(JSON.stringify(line), /demo-1s/);
  });

  it("gives reason, metadata, violations and request id of an error, and never its cause", async () => {
    const { upstream } = await start({
      clusters: {
        get: () => {
          throw new LoomError("CLUSTER_NOT_FOUND", "There is no cluster “x”. List them.", {
            metadata: { cluster: "x" },
            violations: [{ field: "name", description: "names none" }],
            cause: new Error("secret"),
          });
        },
      },
    });
    const error = await failure(get(upstream, "clusters/demo-1s", [["loom-request-id", "abc-123"]]));
    assert.deepEqual(
      [error.reason, error.message, error.metadata, error.violations, error.requestId],
      [
        "CLUSTER_NOT_FOUND",
        "There is no cluster “x”. List them.",
        { cluster: "x" },
        [{ field: "name", description: "names none" }],
        "abc-123",
      ],
    );
  });

  it("keeps what it does not know inside, and logs it", async () => {
    const { upstream, lines } = await start({
      clusters: { get: () => Promise.reject(new Error("password is hunter2")) },
    });
    const error = await failure(get(upstream));
    assert.equal(error.reason, "INTERNAL");
    assert.doesNotMatch(error.message, /hunter2/);
    assert.match(JSON.stringify(lines), /hunter2/);
    assert.equal(lines.at(-1)!["requestId"], error.requestId);
  });

  it("tells all fields that are wrong at once, with one reason where they share it", async () => {
    const { upstream, calls } = await start({});
    const ask = (fields: object) =>
      failure(upstream.unary(createCluster, create(createCluster.input, fields), callOf()));
    const error = await ask({ displayName: "1x", nodeCount: 0, requestId: "no" });
    assert.equal(error.reason, "INVALID_FIELD");
    assert.deepEqual(
      error.violations.map(({ field }) => field),
      ["display_name", "template", "node_count", "request_id"],
    );
    assert.equal((await ask({ displayName: "a", template: "t", nodeCount: 10_001 })).reason, "INVALID_SIZE");
    assert.equal(
      (await ask({ displayName: "a", template: "t", nodeCount: 1, requestId: "X" })).reason,
      "INVALID_REQUEST_ID",
    );
    assert.equal(
      (await ask({ displayName: "a", template: "t", nodeCount: 1, services: ["ok", ""] })).violations[0]!.field,
      "services",
    );
    assert.deepEqual(calls, []);
  });

  it("cuts thousands of violations down to what a trailer holds, and says how many are left out", async () => {
    const violations = Array.from({ length: 5_000 }, (_, index) => ({
      field: `documents.${index}`,
      description: "ü".repeat(50),
    }));
    const { upstream } = await start({
      clusters: { get: () => Promise.reject(new LoomError("INVALID_CATALOG", "ü".repeat(5_000), { violations })) },
    });
    const error = await failure(get(upstream));
    assert.equal(error.reason, "INVALID_CATALOG");
    assert.ok(error.violations.length > 10 && error.violations.length < 5_000);
    assert.equal(error.metadata["violationsOmitted"], String(5_000 - error.violations.length));
  });

  it("refuses a message of more than 4 MiB with a reason, and takes one a little smaller", async () => {
    const { upstream } = await start({});
    const { applyDocuments } = CatalogService.method;
    const send = (bytes: number) =>
      upstream.unary(
        applyDocuments,
        create(applyDocuments.input, { files: [{ path: "a.yaml", text: "x".repeat(bytes) }] }),
        callOf(),
      );
    const error = await failure(send(4 * 1024 * 1024 + 1));
    assert.equal(error.reason, "MESSAGE_TOO_LARGE");
    assert.equal(error.metadata["limit"], "4194304");
    await send(4 * 1024 * 1024 - 100);
  });

  it("refuses bytes that are no message", async () => {
    const { server } = await start({});
    const client = new Client(`unix:${join(folder, "s")}`, credentials.createInsecure());
    cleanUps.push(() => client.close());
    const metadata = new Metadata();
    for (const [key, value] of ADA) metadata.set(key, value);
    const error = await new Promise<ServiceError | null>((resolve) => {
      client.makeUnaryRequest(
        "/loom.v1.ClusterService/GetCluster",
        (bytes: Buffer) => bytes,
        (bytes) => bytes,
        Buffer.from([0x0a, 0xff, 0xff, 0xff]),
        metadata,
        resolve,
      );
    });
    assert.equal(error?.code, status.INVALID_ARGUMENT);
    assert.equal(remoteErrorFrom(toConnectError(error, ""), "").reason, "INVALID_FIELD");
    assert.ok(server);
  });

  it("ends a call at its deadline", async () => {
    const { upstream, lines } = await start({ clusters: { get: () => new Promise(() => undefined) } });
    assert.equal((await failure(get(upstream, "clusters/demo-1s", [], 100))).reason, "TIMED_OUT");
    assert.ok(lines);
  });

  describe("streams", () => {
    const watch = (upstream: Upstream, ...more: Parameters<typeof callOf>) =>
      upstream.stream(
        watchCluster,
        create(watchCluster.input, { name: "clusters/demo-1s", resumeToken: "r0" }),
        callOf(...more),
      ) as AsyncIterable<WatchClusterResponse>;
    const hungUp = (signal: AbortSignal) =>
      new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));

    it("tell the application when the caller hangs up", async () => {
      let noticed: (() => void) | undefined;
      const ended = new Promise<void>((resolve) => (noticed = resolve));
      const { upstream, lines } = await start({
        clusters: {
          async *watch(_, __, resumeToken, signal) {
            yield { value: CLUSTER, resumeToken };
            await hungUp(signal);
            noticed!();
          },
        },
      });
      for await (const message of watch(upstream)) {
        assert.equal(message.resumeToken, "r0");
        break;
      }
      await ended;
      await until(() => lines.some(({ rpc, code }) => rpc === "ClusterService.WatchCluster" && code === "CANCELLED"));
    });

    it("tell the application when the deadline passes", async () => {
      let noticed: (() => void) | undefined;
      const ended = new Promise<void>((resolve) => (noticed = resolve));
      const { upstream } = await start({
        clusters: {
          async *watch(_, __, resumeToken, signal) {
            yield { value: CLUSTER, resumeToken };
            await hungUp(signal);
            noticed!();
          },
        },
      });
      const error = await failure(collect(watch(upstream, [], 300)));
      assert.equal(error.reason, "TIMED_OUT");
      await ended;
    });

    it("carry an error after messages", async () => {
      const { upstream } = await start({
        clusters: {
          async *watch() {
            yield { value: CLUSTER, resumeToken: "r1" };
            throw new LoomError("INVALID_RESUME_TOKEN", "too old");
          },
        },
      });
      const seen: string[] = [];
      const error = await failure(
        (async () => {
          for await (const message of watch(upstream)) seen.push(message.resumeToken);
        })(),
      );
      assert.deepEqual([seen, error.reason], [["r1"], "INVALID_RESUME_TOKEN"]);
    });

    it("ask for no more than the caller reads", async () => {
      let made = 0;
      const big = { ...CLUSTER, description: "x".repeat(50_000) };
      const { upstream } = await start({
        clusters: {
          async *watch(_, __, ___, signal) {
            while (!signal.aborted && made < 5_000) {
              made += 1;
              yield { value: big, resumeToken: String(made) };
            }
          },
        },
      });
      const reader = watch(upstream)[Symbol.asyncIterator]();
      await reader.next();
      // Level-triggered: the source stands still although nobody has stopped it.
      let before = -1;
      await until(async () => {
        const still = made === before;
        before = made;
        return still;
      }, 200);
      assert.ok(made < 2_000, `${made} messages were made for a caller that read one`);
      await reader.return!();
    });

    it("end with SHUTTING_DOWN when the server stops", async () => {
      const { upstream, server } = await start({
        clusters: {
          async *watch(_, __, resumeToken, signal) {
            yield { value: CLUSTER, resumeToken };
            await hungUp(signal);
          },
        },
      });
      const reader = watch(upstream)[Symbol.asyncIterator]();
      await reader.next();
      const ended = failure(reader.next());
      await server.stop(5_000);
      assert.equal((await ended).reason, "SHUTTING_DOWN");
    });
  });

  it("lets calls that answer once finish when it stops", async () => {
    let answer: (() => void) | undefined;
    const { upstream, server, calls } = await start({
      clusters: { get: () => new Promise((resolve) => (answer = () => resolve(CLUSTER))) },
    });
    const got = get(upstream);
    await until(() => calls.length > 0);
    const stopped = server.stop(5_000);
    answer!();
    assert.ok(await got);
    await stopped;
  });

  describe("listening", () => {
    const another = () =>
      createRpcServer({ application: memoryApplication().application, hub: NO_HUB, log: QUIET_LOG, version: "0" });
    const reasonOf = (promise: Promise<unknown>) =>
      promise.then(
        () => "none",
        (error: unknown) => (error instanceof LoomError ? error.reason : String(error)),
      );

    it("keeps its socket to its own user, and serves health", async () => {
      const { upstream } = await start({});
      assert.equal((await stat(join(folder, "s"))).mode & 0o777, 0o600);
      assert.equal(await upstream.serving(), true);
    });

    it("does not push a living server from its socket", async () => {
      await start({});
      assert.equal(await reasonOf(another().listen(`unix:${join(folder, "s")}`)), "ADDRESS_IN_USE");
    });

    it("takes over the socket file of a dead one", async () => {
      const path = join(folder, "s");
      const dying = spawn(process.execPath, [
        "-e",
        `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`,
      ]);
      await once(dying, "exit");
      assert.equal((await stat(path)).isSocket(), true);
      const server = another();
      await server.listen(`unix:${path}`);
      await server.stop(100);
    });

    it("leaves a file alone that is no socket", async () => {
      const path = join(folder, "s");
      await writeFile(path, "precious");
      assert.equal(await reasonOf(another().listen(`unix:${path}`)), "ADDRESS_IN_USE");
      assert.equal(await readFile(path, "utf8"), "precious");
    });

    it("says what is wrong with a path that is too long, and with a port in use", async () => {
      assert.equal(await reasonOf(another().listen(`unix:${folder}/${"x".repeat(100)}`)), "INVALID_FIELD");
      const holder = createServer().listen(0, "127.0.0.1");
      await new Promise((resolve) => holder.once("listening", resolve));
      const { port } = holder.address() as { port: number };
      assert.equal(await reasonOf(another().listen(`127.0.0.1:${port}`)), "ADDRESS_IN_USE");
      holder.close();
    });
  });
});

async function collect<T extends Message>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const message of source) all.push(message);
  return all;
}

/** Waits until something holds, at most 10 seconds. */
async function until(holds: () => boolean | Promise<boolean>, everyMs = 10): Promise<void> {
  const end = Date.now() + 10_000;
  while (!(await holds())) {
    if (Date.now() > end) assert.fail("it did not come true in 10 s");
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
