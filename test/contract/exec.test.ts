/** Commands on nodes over the wire: through the gateway by Connect and by gRPC, and what no application gets to see. */
import assert from "node:assert/strict";
import { connect } from "node:http2";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { createLoomClient } from "../../gateway/client.js";
import { remoteErrorFrom } from "../../gateway/remote-error.js";
import { ExecRequestSchema, ExecService, type ExecResponse } from "../../gen/web/loom/v1/exec_pb.js";
import { createConduit } from "../../services/common/conduit.js";
import type { Reason } from "../../services/common/errors.js";
import type { SessionInput, SessionRequest } from "../../services/server/sessions/types.js";
import { until } from "../support/wait.js";
import { memoryApplication } from "./memory-application.js";
import { useLoom } from "./use-loom.js";

type Init = MessageInitShape<typeof ExecRequestSchema>;
const NODE = "clusters/demo-1s/nodes/1000";
const START: Init = { body: { case: "start", value: { node: NODE, command: ["cat"] } } };
const stdin = (text: string): Init => ({ body: { case: "stdin", value: Buffer.from(text) } });

describe("commands on nodes over the wire", () => {
  const asked: SessionRequest[] = [];
  const inputs: SessionInput[] = [];
  let ended = 0;
  /** Gives its input back; ends with 5 at the end of it. */
  const { application } = memoryApplication({
    exec: {
      async *exec(_caller, request, input, signal) {
        asked.push(request);
        yield { kind: "started" };
        try {
          for await (const one of input) {
            inputs.push(one);
            signal.throwIfAborted();
            if (one.kind === "stdin") yield { kind: "stdout", bytes: one.bytes };
            if (one.kind === "inputEnd") break;
          }
          yield { kind: "stderr", bytes: Buffer.from("over") };
          yield { kind: "end", exitCode: 5 };
        } finally {
          ended += 1;
        }
      },
    },
  });
  const loom = useLoom({ application });
  beforeEach(() => {
    asked.length = 0;
    inputs.length = 0;
  });

  async function* sent(...requests: Init[]): AsyncGenerator<Init> {
    yield* requests;
  }
  const authorized = { headers: { authorization: "Bearer operator-token" } };

  const clients = {
    "Connect, as the command line does": () =>
      createLoomClient({ url: loom().gateway.url, token: "operator-token" }).exec,
    "Connect over HTTP/2": () =>
      createClient(ExecService, createConnectTransport({ baseUrl: loom().gateway.url, httpVersion: "2" })),
    gRPC: () => createClient(ExecService, createGrpcTransport({ baseUrl: loom().gateway.url })),
  };
  for (const [name, client] of Object.entries(clients)) {
    it(`both sides speak at the same time: ${name}`, async () => {
      const requests = createConduit<Init>(1);
      void requests.push(START);
      const seen: string[] = [];
      for await (const { body } of client().exec(requests, authorized)) {
        if (body.case === "started") void requests.push(stdin("one"));
        if (body.case === "stdout") {
          seen.push(Buffer.from(body.value).toString());
          // The answer to one is there before the next is sent.
          void requests.push(seen.length === 1 ? stdin("two") : { body: { case: "inputEnd", value: {} } });
        }
        if (body.case === "stderr") seen.push(Buffer.from(body.value).toString());
        if (body.case === "end") seen.push(String(body.value.exitCode));
      }
      assert.deepEqual(seen, ["one", "two", "over", "5"]);
      assert.deepEqual(asked, [{ cluster: "demo-1s", node: 1000, command: ["cat"], env: {}, terminal: undefined }]);
    });
  }

  const all = async (source: AsyncIterable<ExecResponse>): Promise<ExecResponse[]> => {
    const taken: ExecResponse[] = [];
    for await (const one of source) taken.push(one);
    return taken;
  };
  const reasonOf = async (requests: AsyncIterable<Init>, token = "operator-token"): Promise<string> => {
    try {
      await all(createLoomClient({ url: loom().gateway.url, token }).exec.exec(requests));
      return "";
    } catch (thrown) {
      return remoteErrorFrom(thrown, "").reason;
    }
  };

  it("is for operators", async () => {
    for (const [token, reason] of [
      ["viewer-token", "PERMISSION_DENIED"],
      ["no-token", "UNAUTHENTICATED"],
      ["operator-token", ""],
      ["admin-token", ""],
    ])
      assert.equal(await reasonOf(sent(START), token), reason, token);
    assert.equal(asked.length, 2);
  });

  it("refuses what makes no sense, at the start and later", async () => {
    const start = (value: object): Init => ({
      body: { case: "start", value: { node: NODE, command: ["cat"], ...value } },
    });
    const cases: readonly (readonly [Reason, ...Init[]])[] = [
      ["INVALID_FIELD", stdin("first")],
      ["INVALID_FIELD", {}],
      ["INVALID_NAME", start({ node: "clusters/demo-1s" })],
      ["INVALID_FIELD", start({ command: [""] })],
      ["INVALID_FIELD", start({ command: ["a\0b"] })],
      ["INVALID_FIELD", start({ command: ["x".repeat(200_000)] })],
      ["INVALID_FIELD", start({ env: { "A=B": "" } })],
      ["INVALID_FIELD", start({ terminal: {} })],
      ["INVALID_FIELD", start({ terminal: { size: { columns: 0, rows: 10 } } })],
      ["INVALID_FIELD", start({ terminal: { size: { columns: 10, rows: 10 }, type: "a b" } })],
    ];
    for (const [reason, ...requests] of cases) assert.equal(await reasonOf(sent(...requests)), reason);
    assert.equal(asked.length, 0);
    const later: readonly Init[] = [
      START,
      {},
      { body: { case: "resize", value: { columns: 0, rows: 1 } } },
      { body: { case: "signal", value: { name: "STOP" } } },
    ];
    for (const message of later) assert.equal(await reasonOf(sent(START, message)), "INVALID_FIELD");
  });

  it("passes on sizes, signals and the kind of terminal", async () => {
    const terminal = { size: { columns: 90, rows: 30 }, type: "vt220" };
    await reasonOf(
      sent(
        { body: { case: "start", value: { node: NODE, env: { A: "1" }, terminal } } },
        { body: { case: "resize", value: { columns: 91, rows: 31 } } },
        { body: { case: "signal", value: { name: "INT" } } },
      ),
    );
    const size = { columns: 90, rows: 30 };
    assert.deepEqual(asked, [
      { cluster: "demo-1s", node: 1000, command: [], env: { A: "1" }, terminal: { size, type: "vt220" } },
    ]);
    assert.deepEqual(inputs, [
      { kind: "resize", size: { columns: 91, rows: 31 } },
      { kind: "signal", name: "INT" },
    ]);
  });

  it("the command hears of it when its caller leaves, in order or by death", async () => {
    const before = ended;
    const stop = new AbortController();
    const requests = createConduit<Init>(1);
    void requests.push(START);
    await assert.rejects(async () => {
      const client = createLoomClient({ url: loom().gateway.url, token: "operator-token" }).exec;
      for await (const { body } of client.exec(requests, { signal: stop.signal }))
        if (body.case === "started") stop.abort();
    });
    await until("it has ended", () => ended === before + 1);

    const session = connect(loom().gateway.url);
    const stream = session.request({
      ":method": "POST",
      ":path": "/loom.v1.ExecService/Exec",
      "content-type": "application/grpc+proto",
      te: "trailers",
      authorization: "Bearer operator-token",
    });
    stream.on("error", () => undefined);
    const message = Buffer.from([0x0a, NODE.length + 2, 0x0a, NODE.length, ...Buffer.from(NODE)]);
    stream.write(Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]));
    await until("it has begun", () => asked.length === 2);
    session.destroy();
    await until("it has ended", () => ended === before + 2);
    assert.equal(create(ExecRequestSchema, START).body.case, "start");
  });
});
