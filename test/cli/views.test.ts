/** What commands that read print, in every format; fixed views against golden files. */
import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { DocumentKind, DocumentSchema, type Document } from "../../gen/web/loom/v1/catalog_pb.js";
import { AttemptSchema, Attempt_State, Task_State } from "../../gen/web/loom/v1/job_pb.js";
import type { FakeServices } from "./fake-loom.js";
import { NOW } from "./fake-terminal.js";
import { assertGolden } from "./golden.js";
import { activeCluster, cluster, doneJob, events, job, nodes, tasks } from "./sample.js";
import { runWith } from "./use-cli.js";

const document = (): Document =>
  create(DocumentSchema, {
    name: "documents/Service/web",
    kind: DocumentKind.SERVICE,
    id: "web",
    version: 2,
    description: "a web server",
    shipped: true,
    createTime: timestampFromMs(NOW - 3_600_000),
    etag: "d1",
    body: {
      case: "service",
      value: {
        description: "a web server",
        install: { requires: ["base"] },
        actions: { start: { type: "shell", fields: { script: "loom-service start web nginx\n" } } },
        config: { port: 8080 },
      },
    },
  });

const reading: FakeServices = {
  clusters: {
    listClusters: (request) => ({
      clusters:
        request.displayName === ""
          ? [activeCluster(), cluster({ name: "clusters/other-2", displayName: "other" })]
          : request.displayName === "hello"
            ? [activeCluster()]
            : [],
    }),
    getCluster: () => cluster(),
    listNodes: () => ({ nodes: nodes() }),
    getNode: () => nodes()[3]!,
  },
  jobs: {
    listJobs: () => ({ jobs: [job(), doneJob()] }),
    getJob: () => job({ failedCount: 1 }),
    listTasks: (request) => ({
      tasks: tasks().filter((task) => request.states.length === 0 || request.states.includes(task.state)),
    }),
    listAttempts: () => ({
      attempts: [
        create(AttemptSchema, {
          number: 1,
          state: Attempt_State.FAILED,
          reason: "SCRIPT_FAILED",
          message: "the script ended with 7",
          exitCode: 7,
          worker: "w1",
          startTime: timestampFromMs(NOW - 9000),
          endTime: timestampFromMs(NOW - 4000),
        }),
      ],
    }),
  },
  events: { listEvents: () => ({ events: events() }) },
  catalog: {
    listDocuments: () => ({ documents: [document()] }),
    getDocument: () => document(),
    listDocumentVersions: () => ({ documents: [document()] }),
  },
};

const VIEWS: Readonly<Record<string, readonly string[]>> = {
  list: ["list"],
  "list-wide": ["list", "-o", "wide"],
  "list-json": ["list", "-o", "json"],
  "list-yaml": ["list", "-o", "yaml"],
  "list-utc": ["list", "--utc"],
  status: ["status"],
  "status-cluster": ["status", "hello-1"],
  "status-cluster-json": ["status", "hello-1", "-o", "json"],
  "describe-cluster": ["describe", "hello-1"],
  "describe-job": ["describe", "hello-1/jobs/1"],
  "describe-task": ["describe", "hello-1/jobs/1/tasks/14"],
  "describe-node": ["describe", "hello-1/nodes/1003"],
  nodes: ["nodes", "hello"],
  "nodes-wide": ["nodes", "hello", "-o", "wide"],
  jobs: ["jobs"],
  tasks: ["tasks", "hello"],
  "tasks-jsonl": ["tasks", "hello", "--state", "failed", "-o", "jsonl"],
  events: ["events"],
  "catalog-list": ["catalog", "list"],
  "catalog-get": ["catalog", "get", "service/web"],
  "catalog-versions": ["catalog", "versions", "Service/web"],
};

describe("cli: views", () => {
  for (const [name, argv] of Object.entries(VIEWS)) {
    it(`loom ${argv.join(" ")}`, async () => {
      const { exit, out, err } = await runWith(reading, argv);
      assert.equal(exit, 0, err);
      assertGolden(`view-${name}`, out);
    });
  }

  it("cuts tables to the width of the terminal, and colours states there", async () => {
    const { out } = await runWith(reading, ["nodes", "hello"], { tty: true, columns: 60 });
    assertGolden("view-nodes-narrow", out);
    // oxlint-disable-next-line no-control-regex -- escape sequences are what this looks for
    for (const line of out.split("\n")) assert.ok(line.replace(/\u001b\[\d+m/g, "").length <= 60, line);
  });

  it("obeys NO_COLOR and --color", async () => {
    const escapes = /\u001b/; // oxlint-disable-line no-control-regex -- escape sequences are what this looks for
    assert.doesNotMatch((await runWith(reading, ["list"], { tty: true, env: { NO_COLOR: "1" } })).out, escapes);
    assert.match((await runWith(reading, ["list"], { tty: true })).out, escapes);
    assert.match((await runWith(reading, ["list", "--color", "always"])).out, escapes);
    assert.doesNotMatch((await runWith(reading, ["list", "--color", "never"], { tty: true })).out, escapes);
  });

  it("prints names, chosen columns, and no heading where asked", async () => {
    assert.equal((await runWith(reading, ["list", "-o", "name"])).out, "clusters/hello-1\nclusters/other-2\n");
    assert.equal((await runWith(reading, ["-o", "name", "list"])).out, "clusters/hello-1\nclusters/other-2\n");
    assert.equal(
      (await runWith(reading, ["list", "--columns", "state,name", "--no-header"])).out,
      "ACTIVE   hello-1\nPENDING  other-2\n",
    );
    const { exit, err } = await runWith(reading, ["list", "--columns", "stat"]);
    assert.equal(exit, 2);
    assert.match(err, /There is no column stat\. Did you mean "state"\?/);
  });

  it("sends filters, and refuses states that do not exist", async () => {
    let asked: readonly Task_State[] = [];
    const services: FakeServices = {
      ...reading,
      jobs: { ...reading.jobs, listTasks: (request) => ((asked = request.states), { tasks: [] }) },
    };
    const { exit, err, out } = await runWith(services, ["tasks", "hello", "--state", "failed,RETRYING"]);
    assert.equal(exit, 0);
    assert.deepEqual(asked, [Task_State.FAILED, Task_State.RETRYING]);
    assert.equal(out, "");
    assert.match(err, /No tasks\./);
    const wrong = await runWith(services, ["tasks", "hello", "--state", "faild"]);
    assert.equal(wrong.exit, 2);
    assert.match(wrong.err, /Did you mean "FAILED"\?/);
  });

  it("reads all pages and says which datacenters are missing", async () => {
    const services: FakeServices = {
      clusters: {
        listClusters: (request) =>
          request.pageToken === ""
            ? { clusters: [activeCluster()], nextPageToken: "p2" }
            : { clusters: [cluster({ name: "clusters/b-2" })], unreachable: ["dc2"] },
      },
    };
    const { out, err } = await runWith(services, ["list", "-o", "name"]);
    assert.equal(out, "clusters/hello-1\nclusters/b-2\n");
    assert.match(err, /could not reach dc2/);
  });

  it("takes control characters out of tables", async () => {
    const services: FakeServices = {
      clusters: { listClusters: () => ({ clusters: [cluster({ template: "a\u001b[2Jb\nc" })] }) },
    };
    assert.equal((await runWith(services, ["list", "--columns", "template", "--no-header"])).out, "ab c\n");
  });
});
