import assert from "node:assert/strict";
import { eventOf } from "./events.js";
import { JOB_VERBS, type LogRecord, type RecordBody, type RecordKind } from "./types.js";

const completed = { kind: "OpCompleted", job: 2, reason: "", message: "", nodes: [], nothingLeft: false } as const;
const accepted = { kind: "OpAccepted", job: 2, request: {}, credential: "", sourceAddress: "" } as const;
const group = (count: number) => ({ count, hardwareType: "small", imageType: "debian", services: ["web"] });
const document = (name: string, body: null | object = {}) => ({
  kind: "Service" as const,
  name,
  version: 3,
  body: body as null,
  shipped: false,
});

/** What is read of each kind: severity, reason, message, job. Undefined where nobody needs to read it. */
const WORDS: {
  readonly [K in RecordKind]: readonly (readonly [body: Extract<RecordBody, { kind: K }>, words: string | undefined])[];
} = {
  EpochStart: [[{ kind: "EpochStart", owner: "here" }, undefined]],
  IdBlock: [[{ kind: "IdBlock", upto: 9 }, undefined]],
  OpAccepted: [
    [
      { ...accepted, operation: "CREATE", groups: [group(1)] },
      "INFO JOB_ACCEPTED 2 Job 2 accepted, to create the cluster: 1 node.",
    ],
    [
      { ...accepted, operation: "ADD_NODES", groups: [group(1), group(2)] },
      "INFO JOB_ACCEPTED 2 Job 2 accepted, to add nodes: 3 nodes.",
    ],
    [{ ...accepted, operation: "DELETE" }, "INFO JOB_ACCEPTED 2 Job 2 accepted, to delete the cluster."],
    ...[1, 3].map(
      (tries) =>
        [
          {
            ...accepted,
            operation: "DELETE",
            expired: { expireTime: "2026-03-01T12:00:00.000Z", tries, nextTry: "2026-03-01T12:03:00.000Z" },
          },
          `WARNING LEASE_EXPIRED 2 The lease ended at 2026-03-01 12:00:00 UTC. Job 2 accepted, to delete the cluster.${tries === 1 ? "" : " This is try 3."}`,
        ] as const,
    ),
  ],
  OpPlanned: [
    [
      { kind: "OpPlanned", job: 2, firstNode: 1000, groups: [], plannerVersion: 1, digest: "", taskCount: 7 },
      "INFO JOB_PLANNED 2 Job 2 planned: 7 tasks.",
    ],
  ],
  JobControl: [
    [{ kind: "JobControl", job: 2, verb: "pause" }, "INFO JOB_PAUSED 2 Job 2 paused."],
    [{ kind: "JobControl", job: 2, verb: "resume" }, "INFO JOB_RESUMED 2 Job 2 resumed."],
    [{ kind: "JobControl", job: 2, verb: "cancel" }, "INFO JOB_CANCEL_ASKED 2 Job 2 cancelled."],
    [{ kind: "JobControl", job: 2, verb: "retry" }, "INFO JOB_RETRIED 2 Job 2 retried."],
    [{ kind: "JobControl", job: 2, verb: "retryTask", task: 4 }, "INFO TASK_RETRIED 2 Task 4 of job 2 retried."],
    [
      { kind: "JobControl", job: 2, verb: "skipTask", task: 4, reason: "done by hand" },
      "INFO TASK_SKIPPED 2 Task 4 of job 2 skipped: done by hand.",
    ],
  ],
  NodeChanged: [
    [
      { kind: "NodeChanged", job: 2, node: 1001, incarnation: 2 },
      "WARNING NODE_REPLACED 2 The machine of node 1001 is replaced; this is its incarnation 2.",
    ],
  ],
  OpCompleted: [
    [{ ...completed, outcome: "COMPLETE" }, "INFO JOB_COMPLETE 2 Job 2 is complete."],
    [
      { ...completed, outcome: "CANCELLED", message: "Nothing is forgotten." },
      "WARNING JOB_CANCELLED 2 Job 2 was cancelled. Nothing is forgotten.",
    ],
    [{ ...completed, outcome: "CANCELLED" }, "WARNING JOB_CANCELLED 2 Job 2 was cancelled."],
    [
      { ...completed, outcome: "FAILED", message: "START of web on node 1000 failed." },
      "ERROR JOB_FAILED 2 Job 2 failed: START of web on node 1000 failed.",
    ],
  ],
  LeaseChanged: [
    [
      {
        kind: "LeaseChanged",
        before: null,
        lease: { expireTime: "2026-03-01T12:00:00.000Z", warnTime: "2026-03-01T11:00:00.000Z" },
      },
      "INFO LEASE_CHANGED 0 The lease has its end at 2026-03-01 12:00:00 UTC; before it had no end.",
    ],
    [
      { kind: "LeaseChanged", before: "2026-03-01T12:00:00.000Z", lease: null },
      "INFO LEASE_CHANGED 0 The lease has no end; before it had its end at 2026-03-01 12:00:00 UTC.",
    ],
  ],
  SessionOpened: [
    [
      {
        kind: "SessionOpened",
        node: 1000,
        program: "",
        arguments: 0,
        terminal: true,
        credential: "",
        sourceAddress: "",
      },
      "INFO SESSION_OPENED 0 On node 1000: a shell, with a terminal.",
    ],
    [
      {
        kind: "SessionOpened",
        node: 1001,
        program: "ls",
        arguments: 1,
        terminal: false,
        credential: "",
        sourceAddress: "",
      },
      "INFO SESSION_OPENED 0 On node 1001: ls with 1 argument.",
    ],
  ],
  LeaseWarned: [
    [
      { kind: "LeaseWarned", expireTime: "2026-03-01T12:00:00.000Z" },
      "WARNING LEASE_ENDS_SOON 0 The lease ends at 2026-03-01 12:00:00 UTC; then the cluster is deleted. To keep it: loom extend.",
    ],
  ],
  MetaChanged: [
    [
      { kind: "MetaChanged", quota: { datacenter: "dc1", maxClusters: 3, maxNodes: null } },
      "INFO QUOTA_CHANGED 0 Quota changed: 3 clusters and any number of nodes in dc1.",
    ],
    [
      { kind: "MetaChanged", documents: [document("web"), document("lb", null)] },
      "INFO CATALOG_CHANGED 0 Catalog changed: Service/web version 3, Service/lb deleted.",
    ],
    [
      { kind: "MetaChanged", documents: ["a", "b", "c", "d", "e"].map((name) => document(name)) },
      "INFO CATALOG_CHANGED 0 Catalog changed: Service/a version 3, Service/b version 3, Service/c version 3 and 2 more.",
    ],
    [
      { kind: "MetaChanged", token: { id: "t", user: "anna", role: "admin", label: "ci", hash: "" } },
      'INFO TOKEN_CREATED 0 Access token "ci" made for anna.',
    ],
    [
      {
        kind: "MetaChanged",
        invited: { id: "abc", label: "rack-2", hash: "", tokenExpires: "2026-03-01T13:00:00.000Z" },
      },
      "INFO PROVISIONER_INVITED 0 Provisioner abc was invited, to serve as rack-2, until 2026-03-01 13:00:00 UTC.",
    ],
    [
      {
        kind: "MetaChanged",
        certified: { id: "abc", host: "h", datacenter: "", key: "", expires: "2026-06-01T12:00:00.000Z" },
      },
      "INFO PROVISIONER_CERTIFIED 0 Provisioner abc of the machine h got a certificate until 2026-06-01 12:00:00 UTC.",
    ],
    [{ kind: "MetaChanged", dismissed: ["abc"] }, "WARNING PROVISIONER_REVOKED 0 Provisioner abc was revoked."],
    [{ kind: "MetaChanged", documents: [], revoked: ["t"] }, "INFO TOKEN_REVOKED 0 Access token revoked."],
  ],
};

const at = new Date("2026-01-02T03:04:05Z");
const recordOf = (body: RecordBody): LogRecord => ({
  shard: 2,
  epoch: 1n,
  seq: 41n,
  tenant: "default",
  clusterId: 7n,
  actor: "anna",
  at,
  body,
});

describe("eventOf", () => {
  for (const [kind, cases] of Object.entries(WORDS)) {
    it(`has words for ${kind}, or is known to have none`, () => {
      for (const [body, expected] of cases) {
        const event = eventOf(recordOf(body), "demo-7");
        assert.equal(event && `${event.severity} ${event.reason} ${event.job} ${event.message}`, expected);
      }
    });
  }

  it("has words for every command", () => {
    assert.deepEqual(
      WORDS.JobControl.map(([{ verb }]) => verb),
      JOB_VERBS,
    );
  });

  it("says where, when and by whom", () => {
    const {
      severity: _severity,
      reason: _reason,
      message: _message,
      ...rest
    } = eventOf(recordOf({ kind: "JobControl", job: 2, verb: "pause" }), "demo-7")!;
    assert.deepEqual(rest, { job: 2, id: "2-41", time: at, cluster: "demo-7", actor: "anna" });
  });
});
