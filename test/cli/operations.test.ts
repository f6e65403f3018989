/** Commands that change a running cluster: what they send, what they ask, and how they end. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { Job_Kind, PlanSchema, PlannedNode_Change, type Plan } from "../../gen/web/loom/v1/job_pb.js";
import { refusal, type FakeServices } from "./fake-loom.js";
import { assertGolden } from "./golden.js";
import { activeCluster, cluster, job, nodes } from "./sample.js";
import { runWith } from "./use-cli.js";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** One of everything. */
const change = (): Plan =>
  create(PlanSchema, {
    nodes: [
      {
        change: PlannedNode_Change.CREATE,
        number: 1004,
        hardwareType: "small",
        imageType: "debian",
        services: ["web"],
      },
      { change: PlannedNode_Change.UPDATE, number: 1000, hardwareType: "small", imageType: "debian", services: ["lb"] },
      {
        change: PlannedNode_Change.REPLACE,
        number: 1001,
        hardwareType: "small",
        imageType: "debian",
        services: ["web"],
      },
      {
        change: PlannedNode_Change.DELETE,
        number: 1002,
        hardwareType: "small",
        imageType: "debian",
        services: ["web"],
      },
    ],
    stages: [
      { actions: [{ action: "STOP", service: "web", count: 2 }] },
      { actions: [{ action: "CHECK", service: "lb", count: 1 }] },
    ],
    taskCount: 3,
    configChanges: [
      { path: "web.port", before: "80", after: "8080" },
      { path: "web.title", before: "", after: '"hi"' },
      { path: "web.old", before: "true", after: "" },
      { path: "web.password", before: '"***"', after: '"***"' },
    ],
  });

interface Sent {
  readonly call: string;
  readonly request: Record<string, unknown>;
}

/** A Loom that writes down what it is asked, and answers a dry run with a plan. */
function recording(): { readonly services: FakeServices; readonly sent: Sent[] } {
  const sent: Sent[] = [];
  const take = (call: string) => (request: { $typeName: string; validateOnly: boolean }) => {
    sent.push({ call, request: { ...request } });
    return job({ kind: Job_Kind.CONFIGURE, ...(request.validateOnly ? { plan: change() } : {}) });
  };
  const calls = [
    "configureCluster",
    "startServices",
    "stopServices",
    "restartServices",
    "addServices",
    "removeServices",
    "removeNodes",
    "replaceNode",
    "repairCluster",
  ] as const;
  const clusters = Object.fromEntries(calls.map((call) => [call, take(call)]));
  return { sent, services: { clusters: { listClusters: () => ({ clusters: [activeCluster()] }), ...clusters } } };
}

describe("cli: operations on running clusters", () => {
  /** What was sent, without what every request has. */
  async function sentBy(argv: readonly string[]): Promise<[string, Record<string, unknown>]> {
    const { services, sent } = recording();
    const { exit, err } = await runWith(services, argv);
    assert.equal(exit, 0, err);
    assert.equal(sent.length, 1);
    const { $typeName, name, requestId, validateOnly, etag, ...own } = sent[0]!.request;
    assert.match(String($typeName), /Request$/);
    assert.deepEqual([name, validateOnly], ["clusters/hello-1", false]);
    assert.match(String(requestId), UUID);
    return [sent[0]!.call, { ...own, ...(etag === "" ? {} : { etag }) }];
  }

  it("send what they were given", async () => {
    for (const [argv, call, own] of [
      [["start", "hello"], "startServices", { services: [] }],
      [["stop", "hello", "web", "lb"], "stopServices", { services: ["web", "lb"] }],
      [["restart", "hello", "web", "--etag", "7-3"], "restartServices", { services: ["web"], etag: "7-3" }],
      [["add-services", "hello", "log"], "addServices", { services: ["log"], withDependencies: false }],
      [
        ["add-services", "hello", "log", "--with-dependencies"],
        "addServices",
        { services: ["log"], withDependencies: true },
      ],
      [["remove-services", "hello", "log", "--yes"], "removeServices", { services: ["log"] }],
      [["remove-nodes", "hello", "1001", "1003", "-y"], "removeNodes", { nodes: [1001, 1003], service: "", count: 0 }],
      [
        ["remove-nodes", "hello", "--service", "web", "--count", "2", "-y"],
        "removeNodes",
        { nodes: [], service: "web", count: 2 },
      ],
      [["replace-node", "hello", "1001", "-y"], "replaceNode", { node: 1001 }],
      [["repair", "hello"], "repairCluster", {}],
      [
        ["configure", "hello", "--services", "web", "--restart"],
        "configureCluster",
        { config: {}, services: ["web"], restart: true },
      ],
    ] as const)
      assert.deepEqual(await sentBy(argv), [call, own], argv.join(" "));
  });

  it("configure: files first, then values that are set, then those that go", async () => {
    const folder = mkdtempSync(join(tmpdir(), "loom-cli-"));
    try {
      writeFileSync(join(folder, "c.yaml"), "web: {port: 1, title: hi, gone: null}\nlb: {port: 80}\n");
      const [, { config }] = await sentBy([
        "configure",
        "hello",
        "--file",
        join(folder, "c.yaml"),
        "--set",
        "web.port=8080",
        "--set",
        "web.name=a=b",
        "--unset",
        "lb.port",
        "--unset",
        "old.one",
      ]);
      assert.deepEqual(config, {
        web: { port: 8080, title: "hi", gone: null, name: "a=b" },
        lb: { port: null },
        old: { one: null },
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("a dry run shows what is made, changed, made again and removed, and sends nothing else", async () => {
    const { services, sent } = recording();
    const { exit, out } = await runWith(services, [
      "configure",
      "hello",
      "--set",
      "web.port=8080",
      "--dry-run",
      "--detailed-exit-code",
    ]);
    assert.equal(exit, 4);
    assertGolden("view-plan-change", out);
    assert.deepEqual(
      sent.map(({ request }) => request["validateOnly"]),
      [true],
    );
  });

  it("show what would happen before they ask, and do what was agreed to and nothing else", async () => {
    for (const [argv, answer, agreed] of [
      [["remove-nodes", "hello", "1002"], "hello\n", true],
      [["remove-nodes", "hello", "1002"], "hello-1\n", true],
      [["remove-nodes", "hello", "1002"], "y\n", false],
      [["replace-node", "hello", "1001"], "\n", false],
      [["remove-services", "hello", "web"], "hello\n", true],
      [["configure", "hello", "--set", "web.port=8080"], "y\n", true],
      [["configure", "hello", "--set", "web.port=8080"], "\n", false],
    ] as const) {
      const { services, sent } = recording();
      const { exit, err } = await runWith(services, [...argv, "--color", "never"], { tty: true, input: answer });
      assert.match(err, /~ web\.port: 80 -> 8080/);
      assert.match(err, /-\/\+ 1 ×/);
      assert.equal(exit, agreed ? 0 : 2, err);
      assert.deepEqual(
        sent.map(({ request }) => [request["validateOnly"], request["etag"]]),
        agreed
          ? [
              [true, ""],
              [false, activeCluster().etag],
            ]
          : [[true, ""]],
      );
      if (!agreed) assert.match(err, /Nothing was changed/);
    }
  });

  it("without a terminal, what takes something away wants --yes; the rest asks nothing", async () => {
    for (const argv of [
      ["remove-nodes", "hello", "1002"],
      ["remove-services", "hello", "web"],
      ["replace-node", "hello", "1001"],
    ]) {
      const { services, sent } = recording();
      const { exit, err } = await runWith(services, argv);
      assert.equal(exit, 2);
      assert.match(err, /Give --yes if that is meant, or --dry-run/);
      assert.deepEqual(sent, []);
    }
    await sentBy(["configure", "hello", "--set", "a=1"]);
    const { services, sent } = recording();
    assert.equal((await runWith(services, ["stop", "hello"], { tty: true })).exit, 0);
    assert.equal(sent.length, 1);
  });

  it("a request that is repeated by its id is sent as it is", async () => {
    const { services, sent } = recording();
    const id = "7f0c1a52-59bb-4f7c-9d6e-0c7d5b1e8a11";
    const argv = ["configure", "hello", "--set", "a=1", "--request-id", id];
    assert.equal((await runWith(services, argv, { tty: true, input: "" })).exit, 0);
    assert.deepEqual(
      sent.map(({ request }) => [request["requestId"], request["etag"]]),
      [[id, ""]],
    );
  });

  it("repair says so where there is nothing to do; others fail", async () => {
    const nothing = (): never => {
      throw refusal("NOTHING_TO_DO", "All is well.");
    };
    const services: FakeServices = {
      clusters: {
        listClusters: () => ({ clusters: [activeCluster()] }),
        repairCluster: nothing,
        addServices: nothing,
      },
    };
    const { exit, err } = await runWith(services, ["repair", "hello"]);
    assert.deepEqual([exit, err], [0, "Every node of hello-1 is as it should be: there is nothing to repair.\n"]);
    assert.equal((await runWith(services, ["add-services", "hello", "web"])).exit, 1);
  });

  it("pass on at once that a provider does not answer: Loom does", async () => {
    let asked = 0;
    const services: FakeServices = {
      clusters: {
        listClusters: () => ({ clusters: [activeCluster()] }),
        repairCluster: () => {
          asked += 1;
          throw refusal("PROVIDER_UNREACHABLE", "The Docker daemon does not answer.");
        },
      },
    };
    const { exit, err } = await runWith(services, ["repair", "hello"]);
    assert.deepEqual([exit, asked], [1, 1]);
    assert.match(err, /The Docker daemon does not answer\.[^]*reason PROVIDER_UNREACHABLE/);
  });

  it("refuse what makes no sense before anything is sent", async () => {
    for (const argv of [
      ["configure", "hello"],
      ["configure", "hello", "--set", "novalue"],
      ["configure", "hello", "--unset", "a..b"],
      ["configure", "hello", "--file", "/no/such/file"],
      ["remove-nodes", "hello", "-y"],
      ["remove-nodes", "hello", "1001", "--service", "web", "--count", "1", "-y"],
      ["remove-nodes", "hello", "--service", "web", "-y"],
      ["remove-nodes", "hello", "web", "-y"],
      ["replace-node", "hello", "-y"],
      ["add-services", "hello"],
      ["remove-services", "hello", "-y"],
      ["repair", "hello", "--timeout", "5m"],
    ]) {
      const { exit, err } = await runWith({}, argv);
      assert.equal(exit, 2, `${argv.join(" ")}: ${err}`);
    }
  });

  it("names of nodes and services are completed for the cluster that was typed", async () => {
    const services: FakeServices = {
      clusters: {
        listClusters: ({ displayName }) => ({ clusters: displayName === "hello" ? [activeCluster()] : [cluster()] }),
        listNodes: () => ({ nodes: nodes() }),
      },
    };
    const complete = async (kind: string, prefix: string): Promise<string[]> =>
      (await runWith(services, ["__complete", kind, "--", prefix, "hello"])).out.trimEnd().split("\n");
    assert.deepEqual(await complete("node", "100"), ["1000", "1001", "1002", "1003"]);
    assert.deepEqual(await complete("present", ""), activeCluster().services);
    assert.deepEqual(await complete("member", "w"), ["web"]);
    assert.deepEqual(await complete("member", "1003"), ["1003"]);
  });
});
