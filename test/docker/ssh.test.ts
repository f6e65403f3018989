/** A whole Loom with a pool of ssh hosts, which are containers with an sshd: made, lost, mended, given back. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Cluster_State } from "../../gen/web/loom/v1/cluster_pb.js";
import { Attempt_State, Job_State, Task_State } from "../../gen/web/loom/v1/job_pb.js";
import { proxies } from "../../services/provisioner/providers/docker/settings.js";
import { makeKey, publicKey } from "../support/sshd.js";
import { until } from "../support/wait.js";
import { useWholeLoom } from "../support/whole-loom.js";
import { IMAGE, needsDocker } from "./daemon.js";

const docker = async (...args: string[]): Promise<string> =>
  (await promisify(execFile)("docker", args, { maxBuffer: 1 << 26 })).stdout.trim();

/** A Debian with an sshd, kept between runs. */
const SSH_IMAGE = "loom-test-ssh-sudo:12";

async function ensureImage(): Promise<void> {
  if ((await docker("images", "--quiet", SSH_IMAGE)) !== "") return;
  const name = `loom-test-ssh-${randomBytes(4).toString("hex")}`;
  const install =
    "apt-get -qq update && apt-get -qq install -y openssh-server nginx-light curl sudo && useradd -m -s /bin/sh ops";
  const env = Object.entries(proxies(process.env)).flatMap(([key, value]) => ["--env", `${key}=${value}`]);
  try {
    await docker("run", "--name", name, ...env, IMAGE, "sh", "-c", `${install} && rm -f /etc/ssh/ssh_host_*`);
    await docker("commit", name, SSH_IMAGE);
  } finally {
    await docker("rm", "--force", name);
  }
}

const catalog = (hosts: readonly string[], sudoHost: string, key: string, hostKey: string): string => `
kind: Provider
name: pool
type: ssh
fields:
  hosts: ${JSON.stringify(hosts.map((address) => ({ address, hostKey })))}
  privateKey: ${JSON.stringify(key)}
  goneAfterSeconds: 5
---
kind: Provider
name: by-sudo
type: ssh
fields:
  hosts: ${JSON.stringify([{ address: sudoHost, hostKey }])}
  user: ops
  sudo: true
  privateKey: ${JSON.stringify(key)}
---
kind: HardwareType
name: pool-host
providers: { pool: { flavor: any }, by-sudo: { flavor: any } }
---
kind: ImageType
name: debian
providers: { pool: { image: debian-12 }, by-sudo: { image: debian-12 } }
---
# Its start takes until it may go on; what it writes shows who runs it, and how often.
kind: Service
name: slow
actions:
  start:
    fields:
      script: |
        id -un >>/root/slow
        until [ -e /root/go ]; do sleep 0.1; done
---
kind: ClusterTemplate
name: slow
defaults: { services: [slow], provider: by-sudo }
`;

describe("a cluster on hosts that are reached by ssh", function () {
  this.timeout(300_000);
  needsDocker();
  const loom = useWholeLoom({ strayGraceMs: 3_000 });
  const mark = randomBytes(4).toString("hex");
  const containers = [1, 2, 3, 4].map((number) => `loom-test-ssh-${mark}-${number}`);
  const addresses: string[] = [];
  let folder = "";
  let name = "";

  /** Who has the host. */
  const reserved = (host: number): Promise<string> =>
    docker("exec", containers[host - 1]!, "sh", "-c", "cat /var/lib/loom/reserved 2>/dev/null || true");
  const machines = async (): Promise<number[]> =>
    (await loom.nodes(name)).map(({ machine }) => addresses.indexOf(machine) + 1);

  before(async function () {
    this.timeout(600_000);
    await ensureImage();
    folder = mkdtempSync(join(tmpdir(), "loom-ssh-"));
    const [key, hostKey] = [await makeKey(folder, "key"), await makeKey(folder, "host")];
    const start = [
      "mkdir -p /root/.ssh /run/sshd",
      'echo "$KEY" | tee /root/.ssh/authorized_keys >/home/ops/authorized_keys',
      "install -D -m 600 -o ops /home/ops/authorized_keys /home/ops/.ssh/authorized_keys",
      "chown ops /home/ops/.ssh",
      'echo "ops ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/ops',
      'echo "$HOST" >/etc/ssh/ssh_host_ed25519_key',
      "chmod 600 /etc/ssh/ssh_host_ed25519_key /root/.ssh/authorized_keys",
      "exec /usr/sbin/sshd -D -e",
    ].join("\n");
    for (const container of containers) {
      const env = ["--env", `KEY=${publicKey(key)}`, "--env", `HOST=${readFileSync(hostKey, "utf8").trim()}`];
      await docker("run", "--detach", "--init", "--name", container, ...env, SSH_IMAGE, "sh", "-c", start);
      addresses.push(
        await docker("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", container),
      );
    }
    const shipped = ["docker", "local", "simulated"].map((provider) => `providers/${provider}`);
    shipped.push("images/this-machine", "images/simulated", "services/site", "templates/static-site");
    const own = catalog(addresses.slice(0, 3), addresses[3]!, readFileSync(key, "utf8"), publicKey(hostKey));
    await loom.apply(
      [own, ...shipped.map((path) => readFileSync(join("catalog", `${path}.yaml`), "utf8"))].join("\n---\n"),
    );
    const made = await loom.client.clusters.createCluster({
      displayName: "pool",
      template: "static-site",
      provider: "pool",
      nodeCount: 2,
      requestId: randomUUID(),
    });
    name = made.name;
    await loom.done(made.job!);
  });
  after(async function () {
    this.timeout(120_000);
    if (name !== "") await loom.delete(name).catch(() => undefined);
    await docker("rm", "--force", ...containers).catch(() => undefined);
    if (folder !== "") rmSync(folder, { recursive: true });
  });

  it("has taken two hosts, which serve, and left the third one alone", async () => {
    const cluster = await loom.client.clusters.getCluster({ name });
    assert.equal(cluster.state, Cluster_State.ACTIVE);
    await loom.seen(name, "UP UP");
    const taken = await machines();
    assert.equal(new Set(taken).size, 2);
    for (const number of [1, 2, 3]) assert.equal((await reserved(number)) !== "", taken.includes(number), `${number}`);
    const url = `http://${addresses[taken[0]! - 1]}:8080/`;
    assert.match(await docker("exec", containers[taken[1]! - 1]!, "curl", "-fsS", "--noproxy", "*", url), /It works/);
  });

  it("shows a host that was started again as down, and starts its node with one command", async () => {
    const [host] = await machines();
    await docker("restart", "--time", "1", containers[host! - 1]!);
    await loom.seen(name, "DOWN UP");
    await loom.repair(name);
    await loom.seen(name, "UP UP");
    assert.deepEqual((await machines())[0], host);
  });

  it("shows a host that is gone as down, not as missing, and moves its node with one command", async () => {
    const [stays, lost] = await machines();
    const spare = [1, 2, 3].find((number) => number !== stays && number !== lost)!;
    await docker("kill", containers[lost! - 1]!);
    await loom.seen(name, "UP DOWN");
    const down = (await loom.events(name)).find(({ message }) => message.includes("does not answer"));
    assert.match(down?.message ?? "", /^Node 1001 is down: .*replace-node/);
    await loom.done(await loom.client.clusters.replaceNode({ name, node: 1001, requestId: randomUUID() }));
    assert.deepEqual(await machines(), [stays, spare]);
    await loom.seen(name, "UP UP");
    // When the lost host comes back nobody wants its node, and it is freed.
    await docker("start", containers[lost! - 1]!);
    await until("the host is free", async () => (await reserved(lost!)) === "", 60_000);
    assert.notEqual(await reserved(spare), "");
  });

  it("tells when a host vanishes in the middle of a task, and does the task again when it is back", async () => {
    const host = containers[3]!;
    const wrote = (): Promise<string> => docker("exec", host, "sh", "-c", "cat /root/slow || true");
    const { jobs } = loom.client;
    const made = await loom.client.clusters.createCluster({
      displayName: "slow",
      template: "slow",
      nodeCount: 1,
      requestId: randomUUID(),
    });
    const job = made.job!.name;
    await until("the task runs", async () => (await wrote()) === "root", 120_000);
    await docker("kill", host);
    await until("the job waits", async () => (await jobs.getJob({ name: job })).state === Job_State.WAITING, 60_000);
    assert.match((await jobs.getJob({ name: job })).message, new RegExp(`^Host ${addresses[3]} does not answer`));
    const start = async () =>
      (await jobs.listTasks({ parent: job, pageSize: 100 })).tasks.find(({ action }) => action === "START")!;
    assert.equal((await start()).state, Task_State.RETRYING);
    await docker("start", host);
    assert.equal(
      await docker("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", host),
      addresses[3],
    );
    await until("the task runs again", async () => (await wrote()) === "root\nroot", 60_000);
    await docker("exec", host, "touch", "/root/go");
    await loom.done(made.job!);
    const { attempts } = await jobs.listAttempts({ parent: (await start()).name });
    assert.match(attempts[0]!.message, /does not answer/);
    assert.deepEqual([attempts[0]!.state, attempts.at(-1)!.state], [Attempt_State.FAILED, Attempt_State.COMPLETE]);
    await loom.delete(made.name);
    assert.equal(await docker("exec", host, "sh", "-c", "ls /var/lib/loom /home/ops/.loom 2>/dev/null || true"), "");
  });

  it("gives all hosts back", async () => {
    await loom.delete(name);
    name = "";
    for (const container of containers.slice(0, 3)) {
      assert.equal(
        await docker("exec", container, "sh", "-c", "ls /var/lib/loom 2>/dev/null; pgrep nginx || true"),
        "",
      );
    }
  });
});
