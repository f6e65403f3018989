/** A node of this machine that dies or is removed is shown, explained and repaired; a machine that restarts is too. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { machineToken } from "../../services/common/ids.js";
import { processesByToken } from "../../services/provisioner/providers/local/processes.js";
import { useWholeLoom } from "../support/whole-loom.js";
import { until } from "../support/wait.js";

const CATALOG = `
kind: Provider
name: here
type: local
fields: { addressRange: 127.78.0.0/16 }
---
kind: HardwareType
name: any
providers: { here: { flavor: any } }
---
kind: ImageType
name: machine
providers: { here: { image: this-machine } }
---
kind: Service
name: sleeper
actions:
  start: { type: shell, fields: { script: loom-service start sleeper sleep 100000 } }
  stop: { type: shell, fields: { script: loom-service stop sleeper } }
---
kind: ClusterTemplate
name: sleepers
defaults: { services: [sleeper], provider: here }
check: { service: sleeper, fields: { script: loom-service status sleeper } }
`;

describe("watching over nodes of this machine", function () {
  this.timeout(180_000);
  const loom = useWholeLoom();
  let name = "";
  let uid = "";
  const home = (node: number, incarnation = 1): string =>
    join(loom.folder, "nodes", machineToken(uid, node, incarnation));

  /** As a crash of the node does: its first process and all of its group. */
  function powerOff(node: number, incarnation = 1): void {
    const [init] = readFileSync(join(home(node, incarnation), "run", "init"), "latin1").split(" ");
    process.kill(-Number(init), "SIGKILL");
  }
  const sleepers = async (): Promise<number> => {
    const found = await processesByToken();
    let count = 0;
    for (const pids of found.values())
      for (const pid of pids)
        try {
          if (readFileSync(`/proc/${pid}/cmdline`, "latin1").startsWith("sleep\u0000100000")) count += 1;
        } catch {
          // It has ended.
        }
    return count;
  };

  before(async () => {
    await loom.apply(CATALOG);
    ({ name, uid } = await loom.create("naps", "sleepers", 3));
  });

  it("shows a node that was killed and one whose folder is gone, and one command mends both", async () => {
    await loom.seen(name, "UP UP UP");
    powerOff(1001);
    powerOff(1002);
    rmSync(home(1002), { recursive: true });
    await loom.seen(name, "UP DOWN MISSING");
    const { observed } = await loom.client.clusters.getCluster({ name });
    assert.deepEqual([observed?.down, observed?.missing, observed?.unknown], [1, 1, false]);
    const events = await loom.events(name);
    assert.deepEqual(
      events
        .map(({ reason }) => reason)
        .filter((reason) => reason.startsWith("NODES_"))
        .sort(),
      ["NODES_DOWN", "NODES_MISSING"],
    );
    await loom.repair(name);
    await loom.seen(name, "UP UP UP");
    assert.equal(await sleepers(), 3);
    await assert.rejects(loom.repair(name), /NOTHING_TO_DO|nothing to repair/);
  });

  it("is not asked for what it can see only now: a repair looks first", async () => {
    powerOff(1000);
    await loom.repair(name);
    await loom.seen(name, "UP UP UP");
    assert.equal(await sleepers(), 3);
  });

  it("comes back by itself with Loom after the machine was restarted", async () => {
    await loom.stop();
    for (const node of [1000, 1001]) powerOff(node);
    powerOff(1002, 2);
    await until("nothing runs any more", async () => (await sleepers()) === 0);
    await loom.start();
    await loom.seen(name, "UP UP UP");
    await until("the services run again", async () => (await sleepers()) === 3);
  });

  it("leaves nothing", async () => {
    await loom.delete(name);
    assert.equal(await sleepers(), 0);
    assert.equal(existsSync(home(1000)), false);
  });
});
