import { strict as assert } from "node:assert";
import type { Result, WorkRequest } from "../../../gen/services/loom/internal/v1/worker.js";
import { assignment, CLUSTER } from "../../../test/support/fake-work-server.js";
import { manualAutomator, useProvisioner } from "../../../test/support/provisioner-at-work.js";
import { LoomError } from "../../common/errors.js";
import { machineToken } from "../../common/ids.js";
import { judge, readJournal } from "../providers/simulated/journal.js";
import type { Provider } from "../providers/provider.js";
import { createSimulatedProvider } from "../providers/simulated/provider.js";

describe("provisioner", () => {
  const at = useProvisioner();

  it("registers what it offers", async () => {
    await at.start({ streams: 2 });
    assert.deepEqual(at.server.registers.map(({ worker }) => worker).sort(), ["test-1", "test-2"]);
    const [register] = at.server.registers;
    assert.equal(register!.slots, 10);
    assert.deepEqual(
      register!.providers.map(({ type }) => type),
      ["simulated"],
    );
    assert.deepEqual(
      register!.automators.map(({ type }) => type),
      ["shell"],
    );
    assert.ok(register!.automators[0]!.fields.some(({ name, required }) => name === "script" && required));
  });

  it("tells anew what it offers when that changes", async () => {
    let why: string | undefined = "no daemon answers";
    await at.start({
      providers: [{ ...createSimulatedProvider({ journal: at.journal }), unavailable: async () => why }],
    });
    assert.equal(at.server.registers[0]!.providers[0]!.unavailableReason, "no daemon answers");
    why = undefined;
    await at.server.until(() => at.server.registers.length === 2);
    assert.equal(at.server.registers[1]!.providers[0]!.unavailableReason, "");
  });

  it("makes a machine, does the actions of a service on it and deletes it", async () => {
    await at.start();
    let task = 0;
    for (const action of [
      "CREATE",
      "CONFIRM",
      "BOOTSTRAP",
      "INSTALL",
      "CONFIGURE",
      "START",
      "CHECK",
      "STOP",
      "DELETE",
    ]) {
      const service = ["CREATE", "CONFIRM", "BOOTSTRAP", "DELETE"].includes(action) ? "" : "web";
      at.server.assign(assignment(action, ++task, { service, automatorFields: { script: "true" } }));
      await at.server.until(() => at.server.results.length === task);
      assert.deepEqual({ action, ...pick(at.server.results.at(-1)!) }, { action, succeeded: true, reason: "" });
    }
    assert.equal(at.server.results[0]!.addresses["internal"], "198.18.0.1");
    const judgement = judge(readJournal(at.journal));
    assert.equal(judgement.live.size, 0);
    assert.equal(judgement.runs.size, 5);
    assert.deepEqual(judgement.staleRuns, []);
  });

  it("deletes the machine that a new one replaces first", async () => {
    await at.start();
    at.server.assign(assignment("CREATE", 1));
    await at.server.until(() => at.server.results.length === 1);
    const next = assignment("CREATE", 2);
    at.server.assign({
      ...next,
      node: { ...next.node!, incarnation: 2, token: machineToken(CLUSTER, 1000, 2) },
      replacesTokens: [next.node!.token],
    });
    await at.server.until(() => at.server.results.length === 2);
    const judgement = judge(readJournal(at.journal));
    assert.deepEqual([...judgement.live.keys()], [machineToken(CLUSTER, 1000, 2)]);
    assert.deepEqual(judgement.crowdedNodes, []);
    at.server.assign({ ...assignment("CREATE", 3), node: { ...next.node!, incarnation: 1 } });
    await at.server.until(() => at.server.results.length === 3);
    at.server.assign({
      ...next,
      lease: { ...next.lease!, task: 4 },
      action: "DELETE",
      node: { ...next.node!, incarnation: 2, token: machineToken(CLUSTER, 1000, 2) },
      replacesTokens: [next.node!.token],
    });
    await at.server.until(() => at.server.results.length === 4);
    assert.equal(judge(readJournal(at.journal)).live.size, 0);
  });

  it("stops a task after its time", async () => {
    const endless: Provider = {
      ...createSimulatedProvider({ journal: at.journal }),
      create: (_request, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("aborted")))),
    };
    await at.start({ providers: [endless] });
    at.server.assign(assignment("CREATE", 1, { timeoutMs: 50 }));
    await at.server.until(() => at.server.results.length === 1);
    assert.equal(at.server.results[0]!.reason, "TASK_TIMED_OUT");
  });

  it("shows what a script printed before its result, without secrets, and its last line in the message", async () => {
    const { runs, automator } = manualAutomator();
    await at.start({ automators: [automator] });
    at.server.assign(assignment("START", 1, { service: "web", secrets: ["hunter2"] }));
    await at.server.until(() => runs.length === 1);
    const bytes = Buffer.from("grüße hunter2 €\n");
    for (const byte of bytes) runs[0]!.print(Uint8Array.of(byte));
    runs[0]!.print("no hunter2 here\n", "stderr");
    runs[0]!.end(3);
    await at.server.until(() => at.server.results.length === 1);
    assert.equal(at.server.texts.join(""), "grüße ****** €\nno ****** here\n");
    assert.deepEqual(at.server.order.at(-1), "result");
    const { reason, message, exitCode } = at.server.results[0]!;
    assert.deepEqual({ reason, exitCode }, { reason: "SCRIPT_FAILED", exitCode: 3 });
    assert.match(message, /START of web on node 1000 ended with exit code 3\. Its last line: no \*{6} here/);
  });

  it("maps what goes wrong", async () => {
    const errors: Record<string, unknown> = {
      "1": new LoomError("PROVIDER_UNREACHABLE", "away"),
      "2": new LoomError("IMAGE_NOT_FOUND", "no image with s3cret"),
      "3": Object.assign(new Error("password is s3cret"), { code: "ECONNRESET" }),
      "4": new LoomError("PROVIDER_ERROR", "later"),
    };
    const failing: Provider = {
      ...createSimulatedProvider({ journal: at.journal }),
      create: async (request) => Promise.reject(errors[String(request.hardwareFields["n"])]),
    };
    await at.start({ providers: [failing] });
    for (const n of [1, 2, 3, 4]) {
      const base = assignment("CREATE", n, { secrets: ["s3cret"] });
      at.server.assign({ ...base, node: { ...base.node!, hardwareFields: { n } } });
    }
    at.server.assign(assignment("CREATE", 5, { providerType: "none" }));
    await at.server.until(() => at.server.results.length === 5);
    const told = new Map(at.server.results.map((result) => [result.lease!.task, result]));
    assert.deepEqual(
      [1, 2, 3, 4, 5].map((n) => {
        const { reason, unreachable, permanent } = told.get(n)!;
        return { reason, unreachable, permanent };
      }),
      [
        { reason: "PROVIDER_UNREACHABLE", unreachable: true, permanent: false },
        { reason: "IMAGE_NOT_FOUND", unreachable: false, permanent: true },
        { reason: "PROVIDER_ERROR", unreachable: false, permanent: false },
        { reason: "PROVIDER_ERROR", unreachable: false, permanent: false },
        { reason: "PLUGIN_TYPE_UNKNOWN", unreachable: false, permanent: true },
      ],
    );
    assert.ok(!JSON.stringify([...told.values()].map(({ message }) => message)).includes("s3cret"));
    assert.match(told.get(3)!.message, /ECONNRESET/);
  });

  it("answers an inventory", async () => {
    await at.start();
    at.server.assign(assignment("CREATE", 1));
    await at.server.until(() => at.server.results.length === 1);
    const stream = at.server.streams.at(-1)!;
    const answer = new Promise<WorkRequest>((resolve) =>
      stream.on("data", (request: WorkRequest) => request.body?.$case === "inventory" && resolve(request)),
    );
    stream.write({
      body: { $case: "inventory", value: { query: "q", providerType: "simulated", providerFields: {} } },
    });
    const { body } = await answer;
    assert.ok(body?.$case === "inventory");
    assert.deepEqual(body.value, {
      query: "q",
      error: "",
      machines: [
        {
          token: machineToken(CLUSTER, 1000, 1),
          running: true,
          machine: `simulated-${machineToken(CLUSTER, 1000, 1).slice(0, 12)}`,
          clusterUid: CLUSTER,
          node: 1000,
        },
      ],
      more: false,
    });
  });
});

function pick({ succeeded, reason }: Result) {
  return { succeeded, reason };
}
