/** A Docker daemon that stops and starts again, as with a restart of its machine: what comes back, what is reported. */
import assert from "node:assert/strict";
import { skipBecause } from "../../tools/mocha-summary/skip.js";
import { machineToken } from "../../services/common/ids.js";
import { until } from "../support/wait.js";
import { useWholeLoom } from "../support/whole-loom.js";
import { IMAGE, needsDocker } from "./daemon.js";
import { createOwnDaemon, whyNoOwnDaemon, type OwnDaemon } from "./own-daemon.js";

const catalog = (host: string): string => `
kind: Provider
name: own
type: docker
fields: { host: "${host}", networkRange: 10.211.0.0/16 }
---
kind: HardwareType
name: tiny
providers: { own: { flavor: tiny, fields: { memoryMb: 64 } } }
---
kind: ImageType
name: bare
providers: { own: { image: "${IMAGE}" } }
---
kind: Service
name: sleeper
actions:
  start: { type: shell, fields: { script: loom-service start sleeper sleep 100000 } }
  stop: { type: shell, fields: { script: loom-service stop sleeper } }
---
kind: ClusterTemplate
name: sleepers
defaults: { services: [sleeper], provider: own }
check: { service: sleeper, fields: { script: loom-service status sleeper } }
`;

describe("a Docker daemon that is restarted", function () {
  this.timeout(300_000);
  needsDocker();
  const loom = useWholeLoom({ strayGraceMs: 3_000 });
  let daemon: OwnDaemon;
  let name = "";
  let uid = "";
  const container = (node: number, incarnation = 1): string => `loom-${machineToken(uid, node, incarnation)}`;
  /** Names of the containers, running ones alone or all. */
  const containers = async (...flags: string[]): Promise<string[]> =>
    (await daemon.docker("ps", ...flags, "--format", "{{.Names}}"))
      .split("\n")
      .filter((line) => line !== "")
      .sort();
  const sleeps = async (node: number, incarnation = 1): Promise<boolean> =>
    daemon.docker("exec", container(node, incarnation), "pgrep", "-f", "sleep 100000").then(
      () => true,
      () => false,
    );

  before(async function () {
    const why = await whyNoOwnDaemon();
    if (why !== undefined) return skipBecause(this, why);
    daemon = createOwnDaemon();
    await daemon.start();
    await loom.apply(catalog(daemon.host));
    ({ name, uid } = await loom.create("reboot", "sleepers", 3));
    await loom.seen(name, "UP UP UP");
  });
  after(async function () {
    if (daemon === undefined) return;
    if (name !== "") await loom.delete(name).catch(() => undefined);
    await daemon.destroy();
  });

  it("shows a killed container, says why, and mends it with one command", async () => {
    await daemon.docker("kill", container(1001));
    await loom.seen(name, "UP DOWN UP");
    const down = (await loom.events(name)).find(({ reason }) => reason === "NODES_DOWN")!;
    assert.match(down.message, /^Node 1001 is down: .*"loom repair reboot-\w+" starts it\.$/);
    await loom.repair(name);
    await loom.seen(name, "UP UP UP");
    assert.ok(await sleeps(1001));
  });

  it("makes a container again that somebody removed", async () => {
    await daemon.docker("rm", "--force", container(1002));
    await loom.seen(name, "UP UP MISSING");
    await loom.repair(name);
    await loom.seen(name, "UP UP UP");
    assert.ok(await sleeps(1002, 2));
    assert.equal((await containers("--all")).length, 3);
  });

  it("knows nothing while the daemon is off; what ran comes back by itself, what was stopped is reported", async () => {
    await daemon.docker("stop", container(1000));
    await loom.seen(name, "DOWN UP UP");
    await daemon.stop();
    await loom.seen(name, "- - -");
    const { observed } = await loom.client.clusters.getCluster({ name });
    assert.equal(observed?.unknown, true);
    assert.match(observed.message, /The Docker daemon at .* does not answer/);
    await daemon.start();
    await loom.seen(name, "DOWN UP UP");
    await until("the services run again", async () => (await sleeps(1001)) && (await sleeps(1002, 2)));
    const reasons = (await loom.events("")).map(({ reason }) => reason);
    assert.ok(reasons.includes("PROVIDER_UNREACHABLE") && reasons.includes("PROVIDER_REACHABLE"));
    await loom.repair(name);
    await loom.seen(name, "UP UP UP");
    assert.ok(await sleeps(1000));
  });

  it("removes a container that nobody owns after its grace, and no other Loom's", async () => {
    const labels = (cluster: string, node: number, token: string) => [
      "--label",
      `loom.uid=${cluster}`,
      "--label",
      `loom.node=${node}`,
      "--label",
      `loom.token=${token}`,
      "--name",
      `loom-${token}`,
      IMAGE,
      "sleep",
      "1000",
    ];
    const other = "0190a000-0000-7000-8000-0000000000ff";
    const foreign = machineToken(other, 1000, 1);
    await daemon.docker("run", "--detach", "--network", "none", ...labels(other, 1000, foreign));
    // The machine that node 1002 had before: its creation might have landed only now.
    const old = machineToken(uid, 1002, 1);
    await daemon.docker("run", "--detach", "--network", "none", ...labels(uid, 1002, old));
    await until("it is listed", async () => (await loom.client.strays.listStrays({})).strays.length === 1, 30_000);
    const [stray] = (await loom.client.strays.listStrays({})).strays;
    assert.deepEqual([stray!.name, stray!.node, stray!.machine], [`strays/${old}`, 1002, `loom-${old}`]);
    await until("it is gone", async () => !(await containers("--all")).includes(`loom-${old}`), 30_000);
    await until("nothing is listed", async () => (await loom.client.strays.listStrays({})).strays.length === 0);
    assert.ok((await containers()).includes(`loom-${foreign}`));
    await loom.seen(name, "UP UP UP");
    await daemon.docker("rm", "--force", `loom-${foreign}`);
  });

  it("leaves nothing", async () => {
    await loom.delete(name);
    name = "";
    assert.deepEqual(await containers("--all"), []);
    assert.doesNotMatch(await daemon.docker("network", "ls", "--format", "{{.Name}}"), /loom-net/);
  });
});
