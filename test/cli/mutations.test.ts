/** Commands that change something: what they send, how they repeat, and how they end. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CreateClusterRequest } from "../../gen/web/loom/v1/cluster_pb.js";
import type { SkipTaskRequest } from "../../gen/web/loom/v1/job_pb.js";
import type { Reason } from "../../services/common/errors.js";
import { refusal, type FakeServices } from "./fake-loom.js";
import { assertGolden } from "./golden.js";
import { activeCluster, cluster, job, plan } from "./sample.js";
import { runWith, start, withLoom } from "./use-cli.js";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const CREATE = ["create", "hello", "--template", "web-farm", "--nodes", "4"];

describe("cli: mutations", () => {
  it("create sends everything it was given", async () => {
    const folder = mkdtempSync(join(tmpdir(), "loom-cli-"));
    try {
      writeFileSync(join(folder, "c.yaml"), "web: {port: 1, title: hi}\nlb: {port: 80}\n");
      let sent: CreateClusterRequest | undefined;
      const services: FakeServices = { clusters: { createCluster: (request) => ((sent = request), cluster()) } };
      const flags = [
        "--provider",
        "local",
        "--services",
        "lb,web",
        "-s",
        "log",
        "--config",
        `@${join(folder, "c.yaml")}`,
        "--config",
        "web.port=8080",
        "--config",
        "web.name=a=b",
        "--with-dependencies",
        "--description",
        "d",
      ];
      const { exit, out, err } = await runWith(services, [...CREATE, ...flags]);
      assert.equal(exit, 0, err);
      assert.ok(sent !== undefined);
      assert.match(sent.requestId, UUID);
      assert.deepEqual(sent.config, { web: { port: 8080, title: "hi", name: "a=b" }, lb: { port: 80 } });
      assert.deepEqual(sent.services, ["lb", "web", "log"]);
      assert.deepEqual(
        [
          sent.displayName,
          sent.template,
          sent.nodeCount,
          sent.provider,
          sent.withDependencies,
          sent.description,
          sent.validateOnly,
        ],
        ["hello", "web-farm", 4, "local", true, "d", false],
      );
      assert.match(out, /hello-1/);
      assert.match(err, /Accepted: cluster clusters\/hello-1/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("a dry run shows the plan, and exits with 4 only where asked to", async () => {
    const services: FakeServices = {
      clusters: {
        createCluster: (request) => {
          assert.equal(request.validateOnly, true);
          return cluster({ plan: plan() });
        },
        listClusters: () => ({ clusters: [activeCluster()] }),
        addNodes: (request) => {
          assert.deepEqual(
            [request.name, request.service, request.count, request.validateOnly],
            ["clusters/hello-1", "web", 2, true],
          );
          return job({ plan: plan() });
        },
      },
    };
    const plain = await runWith(services, [...CREATE, "--dry-run"]);
    assert.equal(plain.exit, 0);
    assertGolden("view-plan", plain.out);
    assert.equal((await runWith(services, [...CREATE, "--dry-run", "--detailed-exit-code"])).exit, 4);
    const grown = await runWith(services, [
      "add-nodes",
      "hello",
      "web",
      "2",
      "--dry-run",
      "--detailed-exit-code",
      "-o",
      "json",
    ]);
    assert.equal(grown.exit, 4);
    assert.equal((JSON.parse(grown.out) as { plan: { taskCount: number } }).plan.taskCount, 5);
  });

  const refusals: readonly (readonly [Reason, number])[] = [
    ["NO_LAYOUT", 3],
    ["LAYOUT_TOO_HARD", 3],
    ["INVALID_SIZE", 2],
    ["TEMPLATE_NOT_FOUND", 2],
    ["MISSING_DEPENDENCIES", 2],
    ["UNAUTHENTICATED", 2],
    ["CLUSTER_BUSY", 1],
    ["CLUSTER_STATE", 1],
    ["DATABASE_UNAVAILABLE", 5],
    ["INTERNAL", 1],
  ];
  for (const [reason, code] of refusals) {
    it(`${reason} ends with exit code ${code}`, async () => {
      const services: FakeServices = {
        clusters: {
          createCluster: () => {
            throw refusal(
              reason,
              "It cannot be done. Do something else.",
              [{ field: "node_count", description: "must be at least 2" }],
              "req-77",
            );
          },
        },
      };
      const { exit, err, out } = await runWith(services, CREATE);
      assert.equal(exit, code);
      assert.equal(out, "");
      if (reason === "DATABASE_UNAVAILABLE") return;
      assert.match(err, /^error: It cannot be done\. Do something else\.\n {2}node_count: must be at least 2\n/);
      assert.match(err, new RegExp(`reason ${reason}, request req-77`));
      assert.doesNotMatch(err, /\bat .*\.ts:/, "no stack");
    });
  }

  it("a lost answer is asked for again with the same request id", async () => {
    const ids: string[] = [];
    let cuts = 2;
    const services: FakeServices = {
      clusters: {
        createCluster: (request) => {
          ids.push(request.requestId);
          return cluster();
        },
      },
    };
    await withLoom(
      services,
      async (loom) => {
        const { exit, err } = await start(CREATE, { env: { LOOM_URL: loom.url, LOOM_TOKEN: "t" } }).ended;
        assert.equal(exit, 0, err);
        assert.equal(ids.length, 1);
        assert.match(
          err,
          /connection was lost before the answer to "create hello" came\. Sending the same request again \(2 of 6\)/,
        );
      },
      (request) => {
        if (cuts-- <= 0) return false;
        request.socket.destroy();
        return true;
      },
    );
  });

  it("gives up in the end and tells how to find out", async () => {
    const seen = new Set<string>();
    await withLoom(
      {},
      async (loom) => {
        const id = "7f0c1a52-59bb-4f7c-9d6e-0c7d5b1e8a11";
        const { exit, err } = await start([...CREATE, "--request-id", id], { env: { LOOM_URL: loom.url } }).ended;
        assert.equal(exit, 5);
        assert.match(err, new RegExp(`--request-id ${id}`));
        assert.match(err, /whether it accepted "create hello" is not known/);
        assert.equal(seen.size, 1);
      },
      (request) => {
        seen.add(request.url ?? "");
        request.socket.destroy();
        return true;
      },
    );
  });

  it("nobody there: exit code 5 at once", async () => {
    const { exit, err } = await start(CREATE, { env: { LOOM_URL: "http://127.0.0.1:1" } }).ended;
    assert.equal(exit, 5);
    assert.match(err, /Loom cannot be reached at http:\/\/127\.0\.0\.1:1/);
    assert.doesNotMatch(err, /again/);
  });

  it("refuses what makes no sense before anything is sent", async () => {
    for (const argv of [
      ["create", "9x", "-t", "t", "-n", "1"],
      ["create", "x", "-t", "t", "-n", "0"],
      ["create", "x", "-t", "t", "-n", "1", "--request-id", "no"],
      ["create", "x", "-t", "t", "-n", "1", "--config", "novalue"],
      ["create", "x", "-t", "t", "-n", "1", "--wait=soon"],
      ["create", "x", "-t", "t", "-n", "1", "--timeout", "5m"],
      ["create", "x", "-t", "t", "-n", "1", "--wait", "--timeout", "soon"],
      ["create", "x", "-n", "1"],
      ["add-nodes", "x", "web", "many"],
      ["skip-task", "x", "--task", "1"],
      ["list", "-o", "xml"],
      ["nodes"],
      ["describe", "a/b/c"],
    ]) {
      const { exit, err } = await runWith({}, argv);
      assert.equal(exit, 2, `${argv.join(" ")}: ${err}`);
    }
  });

  it("steers jobs and tasks", async () => {
    const calls: string[] = [];
    const record = (name: string) => (request: { name: string; reason?: string }) => {
      calls.push(`${name} ${request.name}${request.reason === undefined ? "" : ` ${request.reason}`}`);
      return job();
    };
    const services: FakeServices = {
      clusters: { listClusters: () => ({ clusters: [activeCluster()] }), getCluster: () => activeCluster() },
      jobs: {
        getJob: (request) => job({ name: request.name }),
        pauseJob: record("pause"),
        resumeJob: record("resume"),
        cancelJob: record("cancel"),
        retryJob: record("retry"),
        retryTask: record("retry-task"),
        skipTask: (request: SkipTaskRequest) => record("skip")(request),
      },
    };
    for (const argv of [
      ["pause", "hello"],
      ["resume", "hello", "--job", "2"],
      ["cancel", "clusters/hello-1/jobs/3"],
      ["retry", "hello-1"],
      ["retry-task", "hello", "--task", "4"],
      ["skip-task", "hello-1/jobs/1/tasks/0", "--reason", "known"],
    ]) {
      const { exit, err } = await runWith(services, argv);
      assert.equal(exit, 0, `${argv.join(" ")}: ${err}`);
    }
    assert.deepEqual(calls, [
      "pause clusters/hello-1/jobs/1",
      "resume clusters/hello-1/jobs/2",
      "cancel clusters/hello-1/jobs/3",
      "retry clusters/hello-1/jobs/1",
      "retry-task clusters/hello-1/jobs/1/tasks/4",
      "skip clusters/hello-1/jobs/1/tasks/0 known",
    ]);
  });

  it("sends the token, and never prints it", async () => {
    await withLoom({ clusters: { listClusters: () => ({}) } }, async (loom) => {
      const { out, err } = await start(["list", "--debug"], { env: { LOOM_URL: loom.url, LOOM_TOKEN: "s3cret-token" } })
        .ended;
      assert.deepEqual(loom.authorizations, ["Bearer s3cret-token"]);
      assert.doesNotMatch(out + err, /s3cret/);
    });
  });
});
