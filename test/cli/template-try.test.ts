/** `loom template try`: what becomes of a cluster that is tried. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { fromJson } from "@bufbuild/protobuf";
import { DocumentSchema, type Document } from "../../gen/web/loom/v1/catalog_pb.js";
import { Cluster_State, type CreateClusterRequest } from "../../gen/web/loom/v1/cluster_pb.js";
import { Job_Kind, Job_State, ReadLogsResponse_Stream, Task_State } from "../../gen/web/loom/v1/job_pb.js";
import { readFolder } from "../../services/common/read-folder.js";
import { shippedCatalog } from "../../services/common/shipped-catalog.js";
import { loadCatalog } from "../../services/server/catalog/load.js";
import { refusal, type FakeServices } from "./fake-loom.js";
import { cluster, job, task } from "./sample.js";
import { edit, useFolder } from "./use-folder.js";
import { runWith, silence, start, withLoom } from "./use-cli.js";

/** What comes with Loom, as a server lists it. */
async function shippedDocuments(): Promise<Document[]> {
  const { documents } = loadCatalog(await readFolder(shippedCatalog()));
  return documents.map(({ document: { kind, name, body } }) => {
    const field = `${kind[0]!.toLowerCase()}${kind.slice(1)}`;
    const word = `DOCUMENT_KIND_${kind.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase()}`;
    return fromJson(DocumentSchema, {
      name: `documents/${kind}/${name}`,
      kind: word,
      id: name,
      version: 1,
      [field]: body as never,
    });
  });
}

describe("cli: template try", () => {
  useFolder();
  beforeEach(() => start(["template", "new", "greeters"]).ended.then(() => undefined));

  const NAME = "clusters/try-greeters-1";
  const create = (state: Job_State) => job({ name: `${NAME}/jobs/1`, state });
  /** A Loom that makes and deletes one cluster. What it was asked for is written down. */
  function fake(
    ends: Job_State,
    more: { readonly calls: string[]; sent?: (request: CreateClusterRequest) => void },
  ): FakeServices {
    let state = Cluster_State.PENDING;
    let made = create(Job_State.RUNNING);
    return {
      catalog: {
        listDocuments: async () => ({ documents: await shippedDocuments() }),
        listPluginTypes: () => ({}),
      },
      clusters: {
        createCluster: (request) => {
          more.sent?.(request);
          more.calls.push("create");
          return cluster({ name: NAME, state, job: made });
        },
        getCluster: () => cluster({ name: NAME, state, job: made }),
        listNodes: () => ({ nodes: [] }),
        getNode: () => ({ name: `${NAME}/nodes/1000`, imageType: "this-machine" }),
        deleteCluster: () => {
          if (state === Cluster_State.PENDING) throw refusal("CLUSTER_BUSY", "busy");
          more.calls.push("delete");
          return job({ name: `${NAME}/jobs/2`, kind: Job_Kind.DELETE, state: Job_State.COMPLETE });
        },
      },
      jobs: {
        listJobs: () => ({}),
        watchJob: async function* (request, context) {
          if (request.name.endsWith("/2")) {
            yield { job: job({ name: request.name, kind: Job_Kind.DELETE, state: Job_State.COMPLETE }), tasks: [] };
            return;
          }
          if (ends === Job_State.RUNNING && made.state === Job_State.RUNNING) {
            yield { job: made, tasks: [] };
            return silence(context);
          }
          if (made.state === Job_State.RUNNING) {
            made = create(ends);
            state = ends === Job_State.COMPLETE ? Cluster_State.ACTIVE : Cluster_State.INCOMPLETE;
          }
          yield { job: made, tasks: [] };
        },
        cancelJob: () => {
          more.calls.push("cancel");
          made = create(Job_State.CANCELLED);
          state = Cluster_State.INCOMPLETE;
          return made;
        },
        listTasks: (request) => ({
          tasks: [
            task(4, {
              name: `${NAME}/jobs/1/tasks/4`,
              node: 1000,
              service: "greeters-server",
              action: "START",
              attempt: 3,
              state: Task_State.FAILED,
              message: "ended with 127",
            }),
            task(4, {
              name: `${NAME}/jobs/1/tasks/5`,
              node: 1000,
              service: "greeters-server",
              action: "CHECK",
              attempt: 1,
              state: Task_State.COMPLETE,
            }),
          ].filter((one) => request.states.includes(one.state)),
        }),
        readLogs: async function* (request) {
          const isCheck = request.name.endsWith("/5");
          yield {
            task: request.name,
            node: 1000,
            attempt: request.attempt,
            stream: isCheck ? ReadLogsResponse_Stream.STDOUT : ReadLogsResponse_Stream.STDERR,
            text: isCheck ? "http://127.0.0.1:8080/ Hello\n" : "/a/b/run/tmp/x/script: 2: loom-servce: not found\n",
          };
        },
      },
    };
  }

  it("sends the folder's documents, says what the check said, and deletes the cluster", async () => {
    const calls: string[] = [];
    let sent: CreateClusterRequest | undefined;
    const { exit, out, err } = await runWith(fake(Job_State.COMPLETE, { calls, sent: (request) => (sent = request) }), [
      "template",
      "try",
      "greeters",
    ]);
    assert.equal(exit, 0, err);
    assert.deepEqual(calls, ["create", "delete"]);
    assert.deepEqual(
      sent!.documents.map(({ path, text }) => [path, text === readFileSync(path, "utf8")]),
      [
        ["greeters/services/greeters-server.yaml", true],
        ["greeters/templates/greeters.yaml", true],
      ],
    );
    assert.deepEqual(
      [sent!.displayName, sent!.template, sent!.nodeCount, sent!.leaseSeconds, sent!.provider],
      ["try-greeters", "greeters", 1, 14_400, ""],
    );
    assert.match(err, /check passed:\n {4}\| http:\/\/127\.0\.0\.1:8080\/ Hello\n/);
    assert.match(err, /Deleted: nothing of try-greeters-1 is left\./);
    assert.match(out, /try-greeters-1 {2}ACTIVE/);
  });

  it("shows the log of what failed and the line of the file, and deletes the cluster", async () => {
    const calls: string[] = [];
    const { exit, err } = await runWith(fake(Job_State.FAILED, { calls }), ["template", "try", "greeters"]);
    assert.equal(exit, 1);
    assert.deepEqual(calls, ["create", "delete"]);
    assert.match(err, /starting greeters-server on node 1000 printed:\n {4}\| .*script: 2: loom-servce: not found/);
    const lines = readFileSync("greeters/services/greeters-server.yaml", "utf8").split("\n");
    const at = lines.findIndex((line) => line.includes("loom-service start greeters-server node"));
    assert.match(
      err,
      new RegExp(
        `greeters/services/greeters-server\\.yaml:${at + 1}:13 actions\\.start\\.variants\\[1\\]\\.fields\\.script`,
      ),
    );
    assert.doesNotMatch(err, /loom retry/, "there will be nothing to retry");
  });

  it("--keep keeps it; a terminal is asked", async () => {
    const kept: string[] = [];
    const { exit, err } = await runWith(fake(Job_State.FAILED, { calls: kept }), [
      "template",
      "try",
      "greeters",
      "--keep",
    ]);
    assert.equal(exit, 1);
    assert.deepEqual(kept, ["create"]);
    assert.match(err, /Kept: try-greeters-1\. Delete it with: loom delete try-greeters-1/);
    const asked: string[] = [];
    const typed = await runWith(fake(Job_State.COMPLETE, { calls: asked }), ["template", "try", "greeters"], {
      tty: true,
      input: "\n",
    });
    assert.equal(typed.exit, 0, typed.err);
    assert.match(typed.err, /Press Enter to delete it: /);
    assert.deepEqual(asked, ["create", "delete"]);
    const atOnce = await runWith(fake(Job_State.COMPLETE, { calls: [] }), ["template", "try", "greeters", "--delete"], {
      tty: true,
    });
    assert.doesNotMatch(atOnce.err, /Press Enter/);
  });

  it("Ctrl-C in the middle cancels and deletes", async () => {
    const calls: string[] = [];
    await withLoom(fake(Job_State.RUNNING, { calls }), async (loom) => {
      const { terminal, ended } = start(["template", "try", "greeters"], {
        env: { LOOM_URL: loom.url, LOOM_TOKEN: "t" },
      });
      await terminal.until(/Ctrl-C deletes it/);
      await terminal.until(/create: /);
      terminal.interrupt();
      const { exit, err } = await ended;
      assert.equal(exit, 130);
      assert.match(err, /Deleted: nothing of try-greeters-1 is left\./);
    });
    assert.deepEqual(calls, ["create", "cancel", "delete"]);
  });

  it("makes nothing where a document has an error, or where nobody can tell which template is meant", async () => {
    const calls: string[] = [];
    edit("greeters/services/greeters-server.yaml", "; fi\n", "\n");
    const wrong = await runWith(fake(Job_State.COMPLETE, { calls }), ["template", "try", "greeters"]);
    assert.equal(wrong.exit, 2);
    assert.match(wrong.err, /\[shell-syntax\]/);
    assert.match(wrong.err, /Nothing was made: 1 error\./);
    await start(["template", "new", "a", "--dir", "two"]).ended;
    await start(["template", "new", "b", "--dir", "two"]).ended;
    const two = await runWith(fake(Job_State.COMPLETE, { calls }), ["template", "try", "two"]);
    assert.equal(two.exit, 2);
    assert.match(two.err, /two holds 2 templates\.\n.*--template: a, b/s);
    for (const argv of [
      ["--keep", "--delete"],
      ["--keep", "--watch"],
      ["--name", "9x"],
      ["--nodes", "0"],
      ["--lease", "soon"],
    ])
      assert.equal(
        (await runWith(fake(Job_State.COMPLETE, { calls }), ["template", "try", "two", ...argv])).exit,
        2,
        argv.join(" "),
      );
    assert.deepEqual(calls, []);
    assert.ok(existsSync("two"));
  });

  it("--watch makes a new one for each change", async () => {
    const calls: string[] = [];
    // Each cluster of the fake is another one.
    let services = fake(Job_State.COMPLETE, { calls });
    const latest: FakeServices = {
      catalog: services.catalog!,
      clusters: {
        createCluster: (...given) => {
          services = fake(Job_State.COMPLETE, { calls });
          return services.clusters!.createCluster!(...given);
        },
        getCluster: (...given) => services.clusters!.getCluster!(...given),
        deleteCluster: (...given) => services.clusters!.deleteCluster!(...given),
        listNodes: () => ({ nodes: [] }),
      },
      jobs: {
        listJobs: () => ({}),
        watchJob: (...given) => services.jobs!.watchJob!(...given),
        listTasks: (...given) => services.jobs!.listTasks!(...given),
        readLogs: (...given) => services.jobs!.readLogs!(...given),
      },
    };
    await withLoom(latest, async (loom) => {
      const { terminal, ended } = start(["template", "try", "greeters", "--watch"], {
        env: { LOOM_URL: loom.url, LOOM_TOKEN: "t" },
      });
      await terminal.until(/Waiting for a change/);
      edit("greeters/services/greeters-server.yaml", "greeting: Hello", "greeting: [");
      await terminal.until(/Nothing was made/);
      edit("greeters/services/greeters-server.yaml", "greeting: [", "greeting: Ahoy");
      await terminal.until(/(?:Waiting for a change[^]*){3}/);
      terminal.interrupt();
      const { exit } = await ended;
      assert.equal(exit, 130);
    });
    assert.deepEqual(calls, ["create", "delete", "create", "delete"]);
  });
});
