import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { credentials, Metadata, type ClientDuplexStream, type ServiceError } from "@grpc/grpc-js";
import { WorkerServiceClient, WorkRequest, type WorkResponse } from "../../../gen/services/loom/internal/v1/worker.js";
import { toConnectError } from "../../../gateway/errors.js";
import { remoteErrorFrom } from "../../../gateway/remote-error.js";
import { memoryApplication } from "../../../test/contract/memory-application.js";
import { QUIET_LOG } from "../../../test/contract/use-loom.js";
import { callerToMetadata } from "../../common/caller-metadata.js";
import type { Assignment, Lease, WorkerHub, WorkerSession } from "../workers/types.js";
import { createRpcServer, type RpcServer } from "./server.js";

const lease = (task: number): Lease => ({ shard: 8, epoch: 1n, cluster: 65n, job: 1, task, runner: 1, attempt: 1 });

const assignment = (task: number, text = ""): Assignment => ({
  lease: lease(task),
  action: "INSTALL",
  service: "web",
  clusterUid: "u",
  clusterName: "demo-1s",
  tenant: "default",
  node: {
    number: 1000,
    incarnation: 1,
    token: "t",
    hostname: "h",
    services: ["web"],
    flavor: "small",
    hardwareFields: {},
    image: "debian",
    user: "root",
    addresses: { internal: "127.0.0.1" },
    providerResults: { id: 1 },
  },
  providerType: "local",
  provider: "local",
  providerFields: {},
  automatorType: "shell",
  automatorFields: { script: text, env: { A: null } },
  config: { web: { port: 80 } },
  secrets: ["s"],
  timeoutMs: 1000,
  taskKey: "k",
  replacesTokens: [],
});

const REGISTER: WorkRequest = {
  body: {
    $case: "register",
    value: {
      provisioner: "p1",
      worker: "w1",
      slots: 4,
      datacenter: "dc1",
      automators: [],
      providers: [{ type: "docker", description: "d", fields: [], unavailableReason: "no daemon" }],
    },
  },
};

type Stream = ClientDuplexStream<WorkRequest, WorkResponse>;

describe("the Work stream", () => {
  let folder: string;
  let server: RpcServer;
  let client: WorkerServiceClient;
  let sessions: WorkerSession[];
  let heard: [kind: string, what: unknown][];
  let atOpen: (session: WorkerSession) => void;
  let leaseMs: number;
  const hub: WorkerHub = {
    get leaseMs() {
      return leaseMs;
    },
    heartbeatMs: 200,
    open(session) {
      sessions.push(session);
      atOpen(session);
      return {
        results: (results) => heard.push(["results", results]),
        heartbeat: (leases) => heard.push(["heartbeat", leases]),
        log: (chunk) => heard.push(["log", chunk]),
        drain: () => heard.push(["drain", undefined]),
        inventory: (report) => heard.push(["inventory", report]),
        close: () => heard.push(["close", undefined]),
      };
    },
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "loom-"));
    sessions = [];
    heard = [];
    atOpen = () => undefined;
    leaseMs = 60_000;
    server = createRpcServer({ application: memoryApplication().application, hub, log: QUIET_LOG, version: "0" });
    client = new WorkerServiceClient(await server.listen(`unix:${join(folder, "s")}`), credentials.createInsecure());
  });
  afterEach(async () => {
    client.close();
    await server.stop(100);
    await rm(folder, { recursive: true, force: true });
  });

  /** A stream whose messages and end are collected. */
  function open(metadata = new Metadata()): {
    stream: Stream;
    received: NonNullable<WorkResponse["body"]>[];
    ended: Promise<ServiceError | undefined>;
  } {
    const stream = client.work(metadata);
    const received: NonNullable<WorkResponse["body"]>[] = [];
    stream.on("data", ({ body }: WorkResponse) => received.push(body!));
    const ended = new Promise<ServiceError | undefined>((resolve) => {
      stream.on("error", (error: ServiceError) => resolve(error));
      stream.on("end", () => setImmediate(resolve, undefined));
    });
    return { stream, received, ended };
  }

  const reasonOf = async (ended: Promise<ServiceError | undefined>): Promise<string> => {
    const error = await ended;
    return error === undefined ? "none" : remoteErrorFrom(toConnectError(error, ""), "").reason;
  };

  it("registers, then carries messages both ways, whole", async () => {
    atOpen = (session) => session.assign([assignment(1)]);
    const { stream, received } = open();
    stream.write(REGISTER);
    await until(() => received.length === 2);
    assert.deepEqual(received[0], { $case: "registered", value: { leaseMs: 60_000, heartbeatMs: 200 } });
    assert.deepEqual(received[1], { $case: "assignments", value: { assignments: [assignment(1)] } });
    const { provisioner, worker, slots, offers } = sessions[0]!;
    assert.deepEqual([provisioner, worker, slots], ["p1", "w1", 4]);
    assert.deepEqual(offers, [
      {
        kind: "PROVIDER",
        type: "docker",
        description: "d",
        fields: [],
        available: false,
        unavailableReason: "no daemon",
      },
    ]);

    const result = {
      lease: lease(1),
      succeeded: true,
      reason: "",
      message: "",
      exitCode: 0,
      permanent: false,
      addresses: { internal: "a" },
      machine: "m",
      results: { id: [1, null] },
      unreachable: false,
    };
    stream.write({ body: { $case: "results", value: { results: [result] } } });
    stream.write({ body: { $case: "heartbeat", value: { leases: [lease(1), lease(2)] } } });
    stream.write({ body: { $case: "log", value: { lease: lease(1), stderr: true, text: "ü\n", sequence: 3 } } });
    await until(() => heard.length === 3);
    assert.deepEqual(heard, [
      ["results", [result]],
      ["heartbeat", [lease(1), lease(2)]],
      ["log", { lease: lease(1), stderr: true, text: "ü\n", sequence: 3 }],
    ]);
    stream.end();
    await until(() => heard.at(-1)![0] === "close");
  });

  it("joins what is said in one turn, and keeps the order of kinds", async () => {
    const { stream, received } = open();
    stream.write(REGISTER);
    await until(() => received.length === 1);
    const session = sessions[0]!;
    session.assign([assignment(1)]);
    session.assign([assignment(2)]);
    session.revoke([lease(1)]);
    session.assign([assignment(3)]);
    session.acknowledge([lease(4)]);
    session.acknowledge([lease(5), lease(6)]);
    session.renewed([]);
    await until(() => received.length === 5);
    const shape = received
      .slice(1)
      .map((body) => [
        body.$case,
        body.$case === "assignments"
          ? body.value.assignments.length
          : "leases" in body.value
            ? body.value.leases.length
            : 0,
      ]);
    assert.deepEqual(shape, [
      ["assignments", 2],
      ["revocations", 1],
      ["assignments", 1],
      ["acknowledged", 3],
    ]);
    stream.end();
  });

  it("splits what is too much for one message", async () => {
    const { stream, received } = open();
    stream.write(REGISTER);
    await until(() => received.length === 1);
    sessions[0]!.assign(Array.from({ length: 40 }, (_, task) => assignment(task, "x".repeat(200_000))));
    const tasks = () =>
      received.flatMap((body) =>
        body.$case === "assignments" ? body.value.assignments.map((each) => each.lease!.task) : [],
      );
    await until(() => tasks().length === 40);
    assert.deepEqual(
      tasks(),
      Array.from({ length: 40 }, (_, task) => task),
    );
    assert.ok(received.length > 10);
    stream.end();
  });

  const GARBAGE: readonly [what: string, messages: WorkRequest[]][] = [
    ["a first message that is not Register", [{ body: { $case: "heartbeat", value: { leases: [] } } }]],
    ["a message without a body", [REGISTER, { body: undefined }]],
    ["a second Register", [REGISTER, REGISTER]],
    [
      "a result without a lease",
      [
        REGISTER,
        {
          body: {
            $case: "results",
            value: {
              results: [
                {
                  lease: undefined,
                  succeeded: true,
                  reason: "",
                  message: "",
                  exitCode: 0,
                  permanent: false,
                  addresses: {},
                  machine: "",
                  results: undefined,
                  unreachable: false,
                },
              ],
            },
          },
        },
      ],
    ],
    [
      "a log without a lease",
      [REGISTER, { body: { $case: "log", value: { lease: undefined, stderr: false, text: "", sequence: 0 } } }],
    ],
    [
      "no slots",
      [
        {
          body: {
            $case: "register",
            value: { provisioner: "p", worker: "w", slots: 0, providers: [], automators: [], datacenter: "" },
          },
        },
      ],
    ],
    [
      "no name",
      [
        {
          body: {
            $case: "register",
            value: { provisioner: "", worker: "w", slots: 1, providers: [], automators: [], datacenter: "" },
          },
        },
      ],
    ],
  ];
  for (const [what, messages] of GARBAGE) {
    it(`is closed with a clear error by ${what}`, async () => {
      const { stream, ended } = open();
      for (const message of messages) stream.write(message);
      assert.equal(await reasonOf(ended), "INVALID_FIELD");
      assert.deepEqual(
        heard.map(([kind]) => kind),
        messages[0] === REGISTER ? ["close"] : [],
      );
    });
  }

  it("is closed with a clear error by bytes that are no message", async () => {
    const { path, responseDeserialize } = WorkerServiceClient.service.work;
    const stream = client.makeBidiStreamRequest(path, (bytes: Buffer) => bytes, responseDeserialize);
    const ended = new Promise<ServiceError>((resolve) => stream.on("error", resolve));
    stream.resume();
    stream.write(Buffer.from(WorkRequest.encode(REGISTER).finish()));
    stream.write(Buffer.from([0x0a, 0xff, 0xff]));
    assert.equal(await reasonOf(ended), "INVALID_FIELD");
  });

  it("is closed when the worker is silent for a lease", async () => {
    leaseMs = 200;
    const { stream, ended } = open();
    stream.write(REGISTER);
    assert.equal(await reasonOf(ended), "WORKER_LOST");
    assert.deepEqual(heard, [["close", undefined]]);
  });

  it("is not for people", async () => {
    const metadata = new Metadata();
    for (const [key, value] of callerToMetadata({
      tenant: "t",
      user: "u",
      role: "admin",
      credential: "c",
      sourceAddress: "",
    }))
      metadata.set(key, value);
    assert.equal(await reasonOf(open(metadata).ended), "PERMISSION_DENIED");
  });

  it("tells the hub when the provisioner is gone", async () => {
    const { stream, received } = open();
    stream.write(REGISTER);
    await until(() => received.length === 1);
    stream.cancel();
    await until(() => heard.length === 1);
    assert.deepEqual(heard, [["close", undefined]]);
    // What the hub says now goes nowhere.
    sessions[0]!.assign([assignment(1)]);
  });

  it("ends with SHUTTING_DOWN when the server stops", async () => {
    const { stream, received, ended } = open();
    stream.write(REGISTER);
    await until(() => received.length === 1);
    await server.stop(5_000);
    assert.equal(await reasonOf(ended), "SHUTTING_DOWN");
    assert.deepEqual(heard, [["close", undefined]]);
  });
});

/** Waits until something holds, at most 10 seconds. */
async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > end) assert.fail("it did not come true in 10 s");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
