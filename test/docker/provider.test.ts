/** The provider on a real daemon: what every provider must do, and what only this one can get wrong. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { createDockerProvider } from "../../services/provisioner/providers/docker/provider.js";
import type { Fields, MachineRequest, Provider } from "../../services/provisioner/providers/provider.js";
import { context, describeProvider, machine, run } from "../conformance/provider.js";
import type { ProviderUnderTest } from "../conformance/provider.js";
import { skipBecause } from "../../tools/mocha-summary/skip.js";
import { socketProxy } from "../support/socket-proxy.js";
import { IMAGE, needsDocker } from "./daemon.js";

const execute = promisify(execFile);

/** Runs the docker client, as a person at the machine would. */
async function docker(...args: string[]): Promise<string> {
  return (await execute("docker", args)).stdout.trim();
}

const nameOf = (request: MachineRequest): string => `loom-${request.token}`;

/** Asks again and again until the answer is true, for 30 s. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 30_000; !(await holds()); await sleep(50)) {
    assert.ok(Date.now() < deadline, "it did not come true within 30 s");
  }
}

const DAEMON = (process.env.DOCKER_HOST || "unix:///var/run/docker.sock").replace(/^unix:\/\//, "");

async function changeRoutes(verb: "add" | "delete"): Promise<boolean> {
  return execute("ip", ["route", verb, "unreachable", "10.214.8.0/24"]).then(
    () => true,
    () => false,
  );
}

const under = (provider: Provider, fields: Fields = {}): ProviderUnderTest => ({
  provider,
  fields,
  flavor: "small",
  hardwareFields: { cpus: 0.5, memoryMb: 64 },
  image: IMAGE,
  powerOff: async (request) => void (await docker("kill", nameOf(request))),
  vanish: async (request) => void (await docker("rm", "--force", nameOf(request))),
  again: async () => createDockerProvider(),
});

describe("provider docker as any provider", () => {
  needsDocker();
  describeProvider("docker", async () => under(createDockerProvider()), {
    commands: true,
    many: 8,
    timeoutMs: 120_000,
  });
});

describe("provider docker by itself", function () {
  this.timeout(120_000);
  needsDocker();
  const provider = createDockerProvider();
  const made: MachineRequest[] = [];

  /** Requests for machines of a new cluster; deleted after the test. */
  function cluster(count: number, fields: Fields = {}): MachineRequest[] {
    const uid = randomUUID();
    const requests = Array.from({ length: count }, (_, i) => machine(under(provider, fields), uid, 1000 + i, 1));
    made.push(...requests);
    return requests;
  }
  const networksOf = async ({ clusterUid }: MachineRequest): Promise<string[]> =>
    (await docker("network", "ls", "--format", "{{.Name}}", "--filter", `label=loom.uid=${clusterUid}`))
      .split("\n")
      .filter(Boolean);
  const up = async (request: MachineRequest, from = provider) => {
    await from.create(request, context());
    return from.confirm(request, context());
  };

  afterEach(async () => {
    await Promise.all(made.map((request) => provider.delete({ ...request, fields: {} }, context())));
    for (const request of made.splice(0)) assert.deepEqual(await networksOf(request), []);
  });

  it("puts the machines of a cluster into one network that goes with the last of them", async () => {
    const [a, b] = cluster(2) as [MachineRequest, MachineRequest];
    const others = [createDockerProvider(), createDockerProvider()];
    await Promise.all([up(a, others[0]), up(b, others[1]), up(a, others[1]), up(b, others[0])]);
    assert.deepEqual(await networksOf(a), [`loom-net-${a.clusterUid}`]);
    await provider.delete(a, context());
    assert.equal((await networksOf(a)).length, 1);
    await Promise.all(others.map((other) => other.delete(b, context())));
    assert.deepEqual(await networksOf(a), []);
  });

  it("lets nodes reach each other by address and host name, and sets limits and labels", async () => {
    const [a, b] = cluster(2, { env: { GREETING: "hello" }, mounts: { "/mnt/issue": "/etc/issue" } }) as [
      MachineRequest,
      MachineRequest,
    ];
    const [reportA, reportB] = await Promise.all([up(a), up(b)]);
    assert.notEqual(reportA.addresses["internal"], reportB.addresses["internal"]);
    const answer = await run(provider.channel(a), [
      "sh",
      "-c",
      `hostname; getent hosts ${b.hostname}; echo $GREETING; cat /mnt/issue; echo x >/mnt/issue`,
    ]);
    assert.match(answer.stdout, new RegExp(`^${a.hostname}\n${reportB.addresses["internal"]} .*\nhello\nDebian`));
    assert.match(answer.stderr, /Read-only/);
    const [inspected] = JSON.parse(await docker("inspect", nameOf(a))) as [
      { HostConfig: object; Config: { Labels: object } },
    ];
    assert.deepEqual(inspected.Config.Labels, {
      ...inspected.Config.Labels,
      "loom.cluster": a.clusterName,
      "loom.uid": a.clusterUid,
      "loom.node": "1000",
      "loom.token": a.token,
      "loom.tenant": "default",
    });
    const { NanoCpus, Memory } = inspected.HostConfig as { NanoCpus: number; Memory: number };
    assert.deepEqual([NanoCpus, Memory], [5e8, 64 * 1024 * 1024]);
  });

  it("gives a block to one cluster only, and says when the range is used up", async () => {
    const fields = { networkRange: "10.214.0.0/27", networkPrefix: 29 };
    const requests = Array.from({ length: 6 }, () => cluster(1, fields)[0]!);
    const answers = await Promise.allSettled(requests.map((request) => up(request)));
    const addresses = answers.flatMap((answer) =>
      answer.status === "fulfilled" ? [answer.value.addresses["internal"]] : [],
    );
    assert.equal(new Set(addresses).size, 4);
    for (const answer of answers)
      if (answer.status === "rejected")
        assert.match(String(answer.reason), /No block of \/29 is free in 10\.214\.0\.0\/27/);
  });

  it("says who is in a network that is to go, and removes it when they are out", async () => {
    const [request] = cluster(1) as [MachineRequest];
    await up(request);
    const network = `loom-net-${request.clusterUid}`;
    const foreign = await docker("run", "--detach", "--network", network, IMAGE, "sleep", "1000");
    try {
      const name = (await docker("inspect", "--format", "{{.Name}}", foreign)).slice(1);
      await assert.rejects(provider.delete(request, context()), {
        reason: "PROVIDER_ERROR",
        message: new RegExp(
          `${network} cannot be removed.*\\(${name}\\).*docker network disconnect -f ${network} ${name}`,
        ),
      });
    } finally {
      await docker("rm", "--force", foreign);
    }
    await provider.delete(request, context());
    assert.deepEqual(await networksOf(request), []);
  });

  it("keeps clusters out of where this host sends what is for others", async function () {
    const [request] = cluster(1, { networkRange: "10.214.8.0/24" }) as [MachineRequest];
    if (!(await changeRoutes("add"))) return skipBecause(this, "only root can add a route");
    try {
      await assert.rejects(provider.create(request, context()), {
        message: /a route through \S+ has 10\.214\.8\.0\/24/,
      });
    } finally {
      await changeRoutes("delete");
    }
  });

  it("says when a cluster's network is full", async () => {
    const requests = cluster(6, { networkRange: "10.214.0.0/27", networkPrefix: 29 });
    const answers = await Promise.allSettled(requests.map((request) => provider.create(request, context())));
    const failed = answers.filter((answer) => answer.status === "rejected");
    assert.equal(failed.length, 1);
    assert.match(String(failed[0]!.reason), /holds 5 machines and is full/);
  });

  it("keeps a machine's address while others come and go, and after its network was removed", async () => {
    const [a, b] = cluster(2) as [MachineRequest, MachineRequest];
    const before = await up(a);
    await docker("stop", "--time", "1", nameOf(a));
    await docker("network", "rm", `loom-net-${a.clusterUid}`);
    await up(b);
    assert.deepEqual((await provider.confirm(a, context())).addresses, before.addresses);
    assert.equal((await run(provider.channel(b), ["getent", "hosts", a.hostname])).exitCode, 0);
  });

  it("brings a machine back whose first process was killed, with its services", async () => {
    const [request] = cluster(1) as [MachineRequest];
    await up(request);
    const service = await run(provider.channel(request), [
      "/var/lib/loom/bin/loom-service",
      "start",
      "nap",
      "sleep",
      "1000",
    ]);
    assert.equal(service.exitCode, 0, service.stderr);
    const pid = await docker("inspect", "--format", "{{.State.Pid}}", nameOf(request));
    process.kill(Number(pid), "SIGKILL");
    await until(async () => {
      const now = await docker("inspect", "--format", "{{.State.Running}} {{.State.Pid}}", nameOf(request));
      return now.startsWith("true ") && now !== `true ${pid}`;
    });
    await provider.confirm(request, context());
    const status = ["/var/lib/loom/bin/loom-service", "status", "nap"];
    await until(async () => (await run(provider.channel(request), status)).exitCode === 0);
  });

  it("does not touch a container of somebody else that has the name", async () => {
    const [request] = cluster(1) as [MachineRequest];
    await docker("create", "--name", nameOf(request), "--network", "none", IMAGE);
    try {
      for (const call of [provider.create, provider.confirm, provider.delete]) {
        await assert.rejects(Promise.resolve(call(request, context())), {
          reason: "PROVIDER_ERROR",
          message: /Loom did not make/,
        });
      }
    } finally {
      await docker("rm", nameOf(request));
    }
  });

  it("says which image is not there and what to do", async () => {
    const [request] = cluster(1) as [MachineRequest];
    const create = (image: string) => provider.create({ ...request, image }, context());
    await assert.rejects(create("loom-nothing:1"), { reason: "IMAGE_NOT_FOUND", message: /make debian-image/ });
    await assert.rejects(create("127.0.0.1:1/nothing:1"), {
      reason: "IMAGE_NOT_FOUND",
      message: /could not pull it: .*refused/,
    });
    await assert.rejects(create("No Name"), { reason: "IMAGE_NOT_FOUND" });
    assert.deepEqual(await networksOf(request), []);
  });

  it("says that a machine was removed by hand, and makes it again", async () => {
    const [request] = cluster(1) as [MachineRequest];
    await up(request);
    const running = run(provider.channel(request), ["sh", "-c", "echo $$ >/tmp/runs && sleep 100"]);
    await until(async () => (await run(provider.channel(request), ["test", "-s", "/tmp/runs"])).exitCode === 0);
    const removed = docker("rm", "--force", nameOf(request));
    await assert.rejects(running, (error: { reason?: string }) =>
      ["MACHINE_MISSING", "PROVIDER_ERROR"].includes(error.reason ?? ""),
    );
    await removed;
    await assert.rejects(run(provider.channel(request), ["true"]), { reason: "MACHINE_MISSING", message: /retry/ });
    await up(request);
    assert.equal((await run(provider.channel(request), ["true"])).exitCode, 0);
  });

  it("says that a machine is stopped, and how to start it", async () => {
    const [request] = cluster(1) as [MachineRequest];
    await up(request);
    await docker("kill", nameOf(request));
    await assert.rejects(run(provider.channel(request), ["true"]), {
      reason: "PROVIDER_ERROR",
      message: /docker start/,
    });
  });

  it("says so when the daemon goes away in the middle, and goes on when it is back", async () => {
    const folder = await mkdtemp(join(tmpdir(), "loom-proxy-"));
    const socket = join(folder, "docker.sock");
    const [request] = cluster(1, { host: `unix://${socket}` }) as [MachineRequest];
    const proxy = socketProxy(DAEMON, socket);
    await proxy.open();
    try {
      await up(request);
      const running = run(provider.channel(request), ["sleep", "100"]);
      running.catch(() => {});
      await until(async () => (await run(provider.channel(request), ["pgrep", "sleep"])).exitCode === 0);
      await proxy.cut();
      await assert.rejects(running, { reason: "PROVIDER_UNREACHABLE" });
      await assert.rejects(provider.confirm(request, context()), {
        reason: "PROVIDER_UNREACHABLE",
        message: /Start Docker/,
      });
      await assert.rejects(provider.observe(request), { reason: "PROVIDER_UNREACHABLE" });
      await proxy.open();
      assert.equal((await provider.observe(request))?.running, true);
      assert.equal((await run(provider.channel(request), ["true"])).exitCode, 0);
    } finally {
      await proxy.cut();
      await rm(folder, { recursive: true });
    }
  });

  it("lists machines of every Loom on the daemon, each with its cluster and node", async () => {
    const [a, b] = [cluster(1)[0]!, cluster(1)[0]!];
    const other = createDockerProvider({ installation: `other-${a.clusterUid}` });
    await Promise.all([other.create(a, context()), provider.create(b, context())]);
    const found = new Map((await provider.inventory({})).map((machine) => [machine.token, machine]));
    for (const { token, clusterUid, nodeNumber } of [a, b])
      assert.deepEqual(
        { ...found.get(token), machine: "" },
        { token, machine: "", running: true, clusterUid, nodeNumber },
      );
  });
});
