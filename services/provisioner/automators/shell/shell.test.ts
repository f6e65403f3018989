import { strict as assert } from "node:assert";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { context, machine, run } from "../../../../test/conformance/machines.js";
import { until } from "../../../../test/support/wait.js";
import { createLocalProvider } from "../../providers/local/provider.js";
import { processesByToken } from "../../providers/local/processes.js";
import type { MachineRequest, Provider } from "../../providers/provider.js";
import type { ActionContext, ActionRequest } from "../automator.js";
import type { NodeChannel } from "../channel.js";
import { createShellAutomator } from "./shell.js";

describe("automator shell, on a node of this machine", function () {
  this.timeout(60_000);
  let folder: string;
  let provider: Provider;
  let request: MachineRequest;
  let channel: NodeChannel;
  let address: string;
  const automator = createShellAutomator();

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "loom-shell-"));
    provider = createLocalProvider({ folder });
    request = machine({ provider, fields: {}, flavor: "small", image: "this-machine" }, randomUUID(), 1000, 1);
    await provider.create(request, context());
    address = (await provider.confirm(request, context())).addresses["internal"]!;
    channel = provider.channel(request);
  });
  after(async () => {
    await provider.delete(request, context());
    await rm(folder, { recursive: true });
  });

  function actionContext(
    signal?: AbortSignal,
  ): ActionContext & { readonly printed: { stdout: string; stderr: string } } {
    const printed = { stdout: "", stderr: "" };
    return {
      ...context(signal),
      printed,
      output: (stream, bytes) => (printed[stream] += Buffer.from(bytes).toString()),
    };
  }
  function action(script: string, more: Partial<ActionRequest> = {}): ActionRequest {
    return {
      action: "start",
      service: "web",
      fields: { script },
      config: {},
      taskKey: `k.${randomUUID()}`,
      epoch: 1n,
      job: 1,
      runner: 1,
      attempt: 1,
      timeoutMs: 60_000,
      node: { number: 1000, hostname: "h-1000.local", services: ["lb", "web"], addresses: { internal: address } },
      clusterName: "hello-1",
      ...more,
    };
  }

  it("puts its files onto the node, again where they are not as they should be", async () => {
    const file = join(channel.home, "bin", "loom-run");
    const text = readFileSync(file, "utf8");
    await automator.bootstrap(channel, actionContext());
    writeFileSync(file, "broken");
    await automator.bootstrap(channel, actionContext());
    assert.equal(readFileSync(file, "utf8"), "broken", "the version says that nothing is to be done");
    await run(channel, ["sh", "-c", `rm -r "$1/bin"`, "sh", channel.home]);
    await Promise.all([automator.bootstrap(channel, actionContext()), automator.bootstrap(channel, actionContext())]);
    assert.equal(readFileSync(file, "utf8"), text);
    assert.equal((await run(channel, [`${channel.home}/bin/loom-service`, "status", "none"])).exitCode, 3);
  });

  it("runs a script with its own variables and Loom's", async () => {
    const of = actionContext();
    const script =
      'for name in NODE HOSTNAME CLUSTER SERVICE ACTION SERVICES ADDRESS JOB HOME; do eval "echo \\"$name=\\$LOOM_$name\\""; done; echo "$TEXT|$NUMBER"; cat "$LOOM_CONFIG"';
    const fields = { script, env: { TEXT: "a 'b'\n%c", NUMBER: 8080, LOOM_NODE: "mine" } };
    const outcome = await automator.act(channel, action(script, { fields, config: { web: { port: 1 } } }), of);
    assert.deepEqual(outcome, { exitCode: 0, fenced: false, timedOut: false });
    assert.equal(
      of.printed.stdout,
      [
        "NODE=1000",
        "HOSTNAME=h-1000.local",
        "CLUSTER=hello-1",
        "SERVICE=web",
        "ACTION=start",
        "SERVICES=lb web",
        `ADDRESS=${address}`,
        "JOB=1",
        `HOME=${channel.home}`,
        "a 'b'\n%c|8080",
        '{"web":{"port":1}}\n',
      ].join("\n"),
    );
  });

  it("tells exit codes, fences and time limits", async () => {
    assert.deepEqual(await automator.act(channel, action("exit 9"), actionContext()), {
      exitCode: 9,
      fenced: false,
      timedOut: false,
    });
    assert.deepEqual(await automator.act(channel, action("sleep 300", { timeoutMs: 200 }), actionContext()), {
      exitCode: 124,
      fenced: false,
      timedOut: true,
    });
    await automator.act(channel, action("true", { runner: 2 }), actionContext());
    assert.deepEqual(await automator.act(channel, action("true", { runner: 1 }), actionContext()), {
      exitCode: 75,
      fenced: true,
      timedOut: false,
    });
  });

  it("refuses fields that make no sense", async () => {
    for (const fields of [
      {},
      { script: 1 },
      { script: "true", env: "x" },
      { script: "true", env: { "a b": "x" } },
      { script: "true", env: { A: {} } },
    ]) {
      await assert.rejects(
        automator.act(channel, action("", { fields }), actionContext()),
        (error: { reason?: string }) => error.reason === "INVALID_CONFIG",
      );
    }
  });

  it("leaves the script going when this side is stopped, and ends it on the node when it is killed", async () => {
    const abort = new AbortController();
    const of = action("echo $$ >pid; echo up; sleep 300", { runner: 2 });
    const seen = actionContext(abort.signal);
    const acting = automator.act(channel, of, seen);
    await until("it runs", () => seen.printed.stdout === "up\n");
    abort.abort();
    assert.equal((await acting).exitCode, 137);
    const pid = Number(readFileSync(join(channel.home, "pid"), "utf8"));
    assert.ok((await processesByToken()).get(request.token)!.includes(pid));
    await automator.kill(channel, of, context());
    await until("it has ended", async () => !((await processesByToken()).get(request.token) ?? []).includes(pid));
  });
});
