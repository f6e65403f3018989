/** `loom plan`: offline from a folder, and against a server. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SHIPPED_PLUGINS } from "../../cli/plugin-types.js";
import { createShellAutomator } from "../../services/provisioner/automators/shell/shell.js";
import { createDockerProvider } from "../../services/provisioner/providers/docker/provider.js";
import { createLocalProvider } from "../../services/provisioner/providers/local/provider.js";
import { createSshProvider } from "../../services/provisioner/providers/ssh/provider.js";
import { createSimulatedProvider } from "../../services/provisioner/providers/simulated/provider.js";
import { assertGolden } from "./golden.js";
import { cluster, plan } from "./sample.js";
import { runWith, start } from "./use-cli.js";

const CATALOG = `
kind: Provider
name: here
type: simulated
---
kind: HardwareType
name: small
providers: { here: { flavor: s } }
---
kind: ImageType
name: plain
providers: { here: { image: p } }
---
kind: Service
name: base
actions: { install: { fields: { script: "true" } } }
---
kind: Service
name: lb
runtime: { requires: [web] }
actions: { install: { fields: { script: "true" } }, start: { fields: { script: "true" } } }
---
kind: Service
name: web
actions: { install: { fields: { script: "true" } }, start: { fields: { script: "true" } } }
---
kind: ClusterTemplate
name: farm
defaults: { services: [lb, web], provider: here }
constraints:
  layout: { cantCoexist: [[lb, web]] }
  services: { lb: { max: 1 } }
---
kind: ClusterTemplate
name: tight
defaults: { services: [lb, web], provider: here }
constraints:
  layout: { cantCoexist: [[lb, web]] }
  services: { lb: { max: 1 }, web: { max: 2 } }
---
kind: ClusterTemplate
name: broken
defaults: { services: [lb, nothing], provider: here }
`;

describe("cli: plan", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "loom-plan-"));
    writeFileSync(join(folder, "all.yaml"), CATALOG);
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const planned = (...argv: string[]): ReturnType<typeof start>["ended"] =>
    start(["plan", "--catalog", folder, ...argv]).ended;

  it("prints layout, nodes and stages as JSON", async () => {
    const { exit, out, err } = await planned("--template", "farm", "--nodes", "3", "--name", "demo", "-o", "json");
    assert.equal(exit, 0, err);
    const { layout, nodes, stages, tasks, solveMs, planMs, ...rest } = JSON.parse(out) as Record<string, unknown> & {
      nodes: unknown[];
      stages: unknown[][];
    };
    assert.deepEqual(layout, [
      { count: 1, hardwareType: "small", imageType: "plain", services: ["lb"] },
      { count: 2, hardwareType: "small", imageType: "plain", services: ["web"] },
    ]);
    assert.deepEqual(nodes[0], {
      number: 1000,
      hostname: "demo1-1000.local",
      hardwareType: "small",
      imageType: "plain",
      services: ["lb"],
    });
    assert.deepEqual(
      stages[0],
      [1000, 1001, 1002].map((node) => ({ node, service: "", action: "CREATE" })),
    );
    assert.equal(stages.flat().length, tasks);
    assert.ok(typeof solveMs === "number" && typeof planMs === "number");
    assert.deepEqual(rest, { cost: { amounts: [], unknownNodes: 3, unknownHardwareTypes: ["small"] } });
  });

  it("prints it for people", async () => {
    assertGolden("view-plan-offline", (await planned("--template", "farm", "--nodes", "3")).out);
    assertGolden("view-plan-offline-wide", (await planned("--template", "farm", "--nodes", "3", "-o", "wide")).out);
  });

  it("ends with 3 where there is no layout, the conflict on standard output and in words", async () => {
    const { exit, out, err } = await planned("--template", "tight", "--nodes", "9", "-o", "json");
    assert.equal(exit, 3);
    const { unsatisfiable, ...rest } = JSON.parse(out) as { unsatisfiable: string[] };
    assert.ok(unsatisfiable.length > 0);
    assert.deepEqual(rest, {});
    assert.match(err, /^error: No layout of 9 nodes/m);
    assert.match(err, /reason NO_LAYOUT/);
  });

  it("ends with 2 for bad input and for documents in use that are wrong", async () => {
    for (const argv of [
      ["--template", "nowhere", "--nodes", "3"],
      ["--template", "farm", "--nodes", "3", "--provider", "nowhere"],
      ["--template", "farm", "--nodes", "3", "--services", "lb"],
      ["--template", "farm", "--nodes", "3", "--hardware-type", "huge"],
      ["--template", "farm", "--nodes", "20000"],
      ["--template", "broken", "--nodes", "3"],
    ]) {
      const { exit, out, err } = await planned(...argv);
      assert.equal(exit, 2, `${argv.join(" ")}: ${err}`);
      assert.equal(out, "");
      assert.match(err, /error: /);
    }
    assert.match((await planned("--template", "broken", "--nodes", "3")).err, /all\.yaml:\d+:\d+: error: .*nothing/);
  });

  it("an error elsewhere is told but stops nothing", async () => {
    writeFileSync(join(folder, "other.yaml"), "kind: Service\nname: other\nconflicts: 7\n");
    const { exit, err } = await planned("--template", "farm", "--nodes", "3");
    assert.equal(exit, 0);
    assert.match(err, /other\.yaml:3:\d+: error:/);
    assert.match(err, /\d errors in documents that this plan does not need/);
  });

  it("tells what is wrong with a file whose document is missed for it", async () => {
    writeFileSync(join(folder, "mine.yaml"), "kind: ClusterTemplate\nname: [mine\n");
    const { exit, err } = await planned("--template", "mine", "--nodes", "3");
    assert.equal(exit, 2);
    assert.match(err, /mine\.yaml:\d+:\d+: error:/);
    assert.match(err, /no template "mine"/);
  });

  it("adds what others require where asked, and says so", async () => {
    const { exit, out } = await planned(
      "--template",
      "farm",
      "--nodes",
      "3",
      "--services",
      "lb",
      "--with-dependencies",
    );
    assert.equal(exit, 0);
    assert.match(out, /Added because others need them: web/);
  });

  it("warns of types that Loom does not ship", async () => {
    writeFileSync(join(folder, "all.yaml"), CATALOG.replace("type: simulated", "type: simulatd"));
    const { exit, err } = await planned("--template", "farm", "--nodes", "3");
    assert.equal(exit, 0);
    assert.match(err, /warning: .*"simulatd".*Did you mean "simulated"/);
  });

  it("ends with 4 only where asked to", async () => {
    assert.equal((await planned("--template", "farm", "--nodes", "3", "--detailed-exit-code")).exit, 4);
  });

  it("asks the server where no folder is named, and makes nothing", async () => {
    const services = {
      clusters: {
        createCluster: (request: { validateOnly: boolean }) => {
          assert.equal(request.validateOnly, true);
          return cluster({ plan: plan() });
        },
      },
    };
    const { exit, out } = await runWith(services, ["plan", "--template", "farm", "--nodes", "3"]);
    assert.equal(exit, 0);
    assert.match(out, /Plan: 2 nodes to make/);
  });

  it("knows the plugins that Loom ships", () => {
    const folders = { folder: "/nowhere", journal: "/nowhere" };
    const providers = [
      createDockerProvider(),
      createLocalProvider(folders),
      createSimulatedProvider(folders),
      createSshProvider(),
    ];
    const shape = (
      kind: string,
      plugin: { type: string; fields: readonly { name: string; type: string; required?: boolean }[] },
    ): unknown => ({
      kind,
      type: plugin.type,
      fields: plugin.fields.map(({ name, type, required }) => ({ name, type, required: required === true })),
    });
    assert.deepEqual(
      SHIPPED_PLUGINS.types.map((plugin) => shape(plugin.kind, plugin)),
      [...providers.map((plugin) => shape("PROVIDER", plugin)), shape("AUTOMATOR", createShellAutomator())],
    );
  });
});
