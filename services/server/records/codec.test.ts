import assert from "node:assert/strict";
import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { decodeBody, encodeBody } from "./codec.js";
import { RECORD_FORMAT, type RecordBody } from "./types.js";

const spec = {
  template: { name: "farm", version: 3, body: {} },
  provider: { name: "sim", version: 1, body: { type: "simulated" } },
  services: {
    web: { version: 2, body: { actions: { start: { type: "shell", fields: { script: "echo 100 % ä 🙂\n" } } } } },
  },
  hardwareTypes: {},
  imageTypes: {},
  dnsSuffix: "",
};

/** One of every kind, with every field. */
const BODIES: { readonly [K in RecordBody["kind"]]: Extract<RecordBody, { kind: K }> } = {
  EpochStart: { kind: "EpochStart", owner: "here" },
  IdBlock: { kind: "IdBlock", upto: 1024 },
  OpAccepted: {
    kind: "OpAccepted",
    job: 1,
    operation: "CREATE",
    request: { displayName: "demo", config: { deep: [null, true, 1.5, "x"] } },
    credential: "c",
    sourceAddress: "127.0.0.1",
    create: {
      uid: "u",
      displayName: "demo",
      description: "",
      services: ["web"],
      spec,
      config: { web: { password: { $secret: "web.password" } } },
      secrets: { "web.password": "c2VhbGVk" },
    },
    groups: [{ count: 3, hardwareType: "small", imageType: "debian", services: ["web"] }],
    change: { changed: ["web"], added: { 1000: ["web"] } },
  },
  OpPlanned: {
    kind: "OpPlanned",
    job: 1,
    firstNode: 1000,
    groups: [],
    plannerVersion: 1,
    digest: "abc",
    taskCount: 12,
  },
  JobControl: { kind: "JobControl", job: 1, verb: "skipTask", task: 3, reason: "by hand" },
  NodeChanged: { kind: "NodeChanged", job: 1, node: 1002, incarnation: 2 },
  OpCompleted: {
    kind: "OpCompleted",
    job: 1,
    outcome: "FAILED",
    reason: "TASK_FAILED",
    message: "no",
    nothingLeft: false,
    nodes: [
      {
        number: 1000,
        state: "UP",
        addresses: { internal: "10.0.0.1" },
        machine: "m-1",
        results: { port: 80 },
        message: "",
      },
    ],
  },
  LeaseChanged: {
    kind: "LeaseChanged",
    before: null,
    lease: { expireTime: "2026-03-01T12:00:00.000Z", warnTime: "2026-03-01T11:00:00.000Z" },
  },
  SessionOpened: {
    kind: "SessionOpened",
    node: 1000,
    program: "psql",
    arguments: 2,
    terminal: true,
    credential: "t",
    sourceAddress: "192.0.2.7",
  },
  LeaseWarned: { kind: "LeaseWarned", expireTime: "2026-03-01T12:00:00.000Z" },
  MetaChanged: {
    kind: "MetaChanged",
    documents: [{ kind: "Service", name: "web", version: 4, body: null, shipped: false }],
    token: { id: "t", user: "anna", role: "admin", label: "cli", hash: "aGFzaA==" },
    invited: { id: "abc", label: "rack-2", hash: "aGFzaA==", tokenExpires: "2026-03-01T13:00:00.000Z" },
    certified: { id: "abc", host: "h", datacenter: "", key: "a2V5", expires: "2026-06-01T12:00:00.000Z" },
    dismissed: ["abc"],
    revoked: ["t2"],
  },
};

describe("record bodies", () => {
  for (const [kind, body] of Object.entries(BODIES)) {
    it(`of kind ${kind} come back as they were`, () => {
      const bytes = encodeBody(body);
      assert.deepEqual(decodeBody(bytes, RECORD_FORMAT), body);
      // What is hashed must be the same bytes again.
      assert.deepEqual(encodeBody(decodeBody(bytes, RECORD_FORMAT)), bytes);
    });
  }

  it("come back whatever JSON they hold", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (request) => {
        const body: RecordBody = {
          ...BODIES.OpAccepted,
          request: JSON.parse(JSON.stringify(request)) as typeof BODIES.OpAccepted.request,
        };
        assert.deepEqual(decodeBody(encodeBody(body), RECORD_FORMAT), body);
      }),
    );
  });

  it("of a newer program are refused with what to do", () => {
    assert.throws(
      () => decodeBody(encodeBody(BODIES.IdBlock), RECORD_FORMAT + 1),
      /a record has format \d+, this program reads \d+: start the newer program again/,
    );
  });

  it("that are damaged are refused", () => {
    const bytes = encodeBody(BODIES.OpAccepted);
    assert.throws(() => decodeBody(bytes.subarray(0, bytes.length - 3), RECORD_FORMAT));
    assert.throws(() => decodeBody(deflateRawSync("not JSON"), RECORD_FORMAT), SyntaxError);
  });
});
