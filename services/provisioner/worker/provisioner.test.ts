import { strict as assert } from "node:assert";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Result, WorkRequest } from "../../../gen/services/loom/internal/v1/worker.js";
import { assignment, CLUSTER, FakeWorkServer } from "../../../test/support/fake-work-server.js";
import { LoomError } from "../../common/errors.js";
import { machineToken } from "../../common/ids.js";
import type { Automator } from "../automators/automator.js";
import { createShellAutomator } from "../automators/shell/shell.js";
import { judge, readJournal } from "../providers/simulated/journal.js";
import type { Provider } from "../providers/provider.js";
import { createSimulatedProvider } from "../providers/simulated/provider.js";
import { createProvisioner, type Provisioner } from "./provisioner.js";

const QUIET = { debug() {}, info() {}, warn() {}, error() {} };
const NEVER = new AbortController().signal;

describe("provisioner", () => {
  let folder: string;
  let server: FakeWorkServer;
  let provisioner: Provisioner;
  let journal: string;

  async function start(more: { providers?: Provider[]; automators?: Automator[]; streams?: number } = {}): Promise<void> {
    provisioner = createProvisioner({
      name: "test", address: server.address, slots: 10, streams: more.streams ?? 1, log: QUIET,
      providers: more.providers ?? [createSimulatedProvider({ journal })], automators: more.automators ?? [createShellAutomator()],
    });
    provisioner.start();
    await server.until(() => server.registers.length >= (more.streams ?? 1));
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "loom-worker-"));
    journal = join(folder, "journal");
    server = new FakeWorkServer(`unix:${join(folder, "socket")}`);
    await server.listen();
  });
  afterEach(async () => {
    await provisioner.stop();
    await provisioner.done;
    server.close();
    await rm(folder, { recursive: true });
  });

  /** An automator whose action ends when the test says so. */
  function manual() {
    const runs: { signal: AbortSignal; end: (exitCode: number) => void; print: (text: string | Uint8Array, stream?: "stdout" | "stderr") => void }[] = [];
    const killed: string[] = [];
    const automator: Automator = {
      type: "shell", description: "", fields: [],
      bootstrap: async () => {},
      act: (_channel, _request, context) => new Promise((resolve, reject) => {
        context.signal.addEventListener("abort", () => reject(new Error("aborted")));
        runs.push({
          signal: context.signal,
          end: (exitCode) => resolve({ exitCode, fenced: exitCode === 75, timedOut: exitCode === 124 }),
          print: (text, stream = "stdout") => context.output(stream, typeof text === "string" ? Buffer.from(text) : text),
        });
      }),
      kill: async (_channel, request) => void killed.push(request.taskKey),
    };
    return { runs, killed, automator };
  }

  it("registers what it offers", async () => {
    await start({ streams: 2 });
    assert.deepEqual(server.registers.map(({ worker }) => worker).sort(), ["test-1", "test-2"]);
    const [register] = server.registers;
    assert.equal(register!.slots, 10);
    assert.deepEqual(register!.providers.map(({ type }) => type), ["simulated"]);
    assert.deepEqual(register!.automators.map(({ type }) => type), ["shell"]);
    assert.ok(register!.automators[0]!.fields.some(({ name, required }) => name === "script" && required));
  });

  it("makes a machine, does the actions of a service on it and deletes it", async () => {
    await start();
    let task = 0;
    for (const action of ["CREATE", "CONFIRM", "BOOTSTRAP", "INSTALL", "CONFIGURE", "START", "CHECK", "STOP", "DELETE"]) {
      const service = ["CREATE", "CONFIRM", "BOOTSTRAP", "DELETE"].includes(action) ? "" : "web";
      server.assign(assignment(action, ++task, { service, automatorFields: { script: "true" } }));
      await server.until(() => server.results.length === task);
      assert.deepEqual({ action, ...pick(server.results.at(-1)!) }, { action, succeeded: true, reason: "" });
    }
    assert.equal(server.results[0]!.addresses["internal"], "198.18.0.1");
    const judgement = judge(readJournal(journal));
    assert.equal(judgement.live.size, 0);
    assert.equal(judgement.runs.size, 5);
    assert.deepEqual(judgement.staleRuns, []);
  });

  it("deletes the machine that a new one replaces first", async () => {
    await start();
    server.assign(assignment("CREATE", 1));
    await server.until(() => server.results.length === 1);
    const next = assignment("CREATE", 2);
    server.assign({ ...next, node: { ...next.node!, incarnation: 2, token: machineToken(CLUSTER, 1000, 2) }, replacesToken: next.node!.token });
    await server.until(() => server.results.length === 2);
    const judgement = judge(readJournal(journal));
    assert.deepEqual([...judgement.live.keys()], [machineToken(CLUSTER, 1000, 2)]);
    assert.deepEqual(judgement.crowdedNodes, []);
    server.assign({ ...assignment("CREATE", 3), node: { ...next.node!, incarnation: 1 } });
    await server.until(() => server.results.length === 3);
    server.assign({ ...next, lease: { ...next.lease!, task: 4 }, action: "DELETE", node: { ...next.node!, incarnation: 2, token: machineToken(CLUSTER, 1000, 2) }, replacesToken: next.node!.token });
    await server.until(() => server.results.length === 4);
    assert.equal(judge(readJournal(journal)).live.size, 0);
  });

  it("tells results again on a new stream until they are acknowledged", async () => {
    await start();
    server.acknowledge = false;
    server.assign(assignment("CREATE", 1));
    await server.until(() => server.results.length === 1);
    server.close();
    await server.listen();
    server.acknowledge = true;
    await server.until(() => server.results.length === 2 && server.registers.length === 2);
    assert.deepEqual(server.results[1], server.results[0]);
    // A later answer on the same stream shows that the acknowledgement of the first has arrived; the second may be cut off.
    server.assign(assignment("CONFIRM", 2));
    await server.until(() => server.results.length === 3);
    server.close();
    await server.listen();
    await server.until(() => server.registers.length === 3);
    server.assign(assignment("DELETE", 3));
    await server.until(() => server.results.some(({ lease }) => lease!.task === 3));
    assert.equal(server.results.filter(({ lease }) => lease!.task === 1).length, 2);
  });

  it("tells the result of a task that ended while the server was away", async () => {
    const { runs, automator } = manual();
    await start({ automators: [automator] });
    server.assign(assignment("START", 1, { service: "web" }));
    await server.until(() => runs.length === 1);
    server.close();
    runs[0]!.print("while away\n");
    runs[0]!.end(0);
    await server.listen();
    await server.until(() => server.results.length === 1);
    assert.equal(server.results[0]!.succeeded, true);
    assert.deepEqual(server.texts, ["while away\n"]);
    assert.deepEqual(server.order.slice(-2), ["log", "result"]);
  });

  it("does a task that is handed out twice once", async () => {
    const { runs, automator } = manual();
    await start({ automators: [automator] });
    server.assign(assignment("START", 1, { service: "web" }), assignment("START", 1, { service: "web" }));
    server.assign(assignment("START", 2, { service: "web" }));
    await server.until(() => runs.length === 2);
    runs.forEach(({ end }) => end(0));
    await server.until(() => server.results.length === 2);
  });

  it("ends a revoked task on the node and says so", async () => {
    const { runs, killed, automator } = manual();
    await start({ automators: [automator] });
    const revoked = assignment("START", 1, { service: "web" });
    server.assign(revoked);
    await server.until(() => runs.length === 1);
    server.streams.at(-1)!.write({ body: { $case: "revocations", value: { leases: [revoked.lease!] } } });
    await server.until(() => server.results.length === 1);
    assert.equal(server.results[0]!.reason, "CANCELLED");
    assert.equal(runs[0]!.signal.aborted, true);
    assert.deepEqual(killed, [revoked.taskKey]);
  });

  it("gives up a task whose lease was not renewed, and tells nothing", async () => {
    const { runs, killed, automator } = manual();
    server.leaseMs = 400;
    await start({ automators: [automator] });
    server.assign(assignment("START", 1, { service: "web" }));
    await server.until(() => runs.length === 1);
    server.renew = false;
    await server.until(() => runs[0]!.signal.aborted);
    server.renew = true;
    server.assign(assignment("START", 2, { service: "web" }));
    await server.until(() => runs.length === 2);
    runs[1]!.end(0);
    await server.until(() => server.results.length > 0);
    assert.deepEqual(server.results.map(({ lease }) => lease!.task), [2]);
    assert.deepEqual(killed, []);
  });

  it("gives up a task at once whose lease the server does not renew", async () => {
    const { runs, automator } = manual();
    await start({ automators: [automator] });
    server.assign(assignment("START", 1, { service: "web" }), assignment("START", 2, { service: "web" }));
    await server.until(() => runs.length === 2);
    server.renewOnly = (task) => task === 2;
    await server.until(() => runs[0]!.signal.aborted);
    assert.equal(runs[1]!.signal.aborted, false);
    runs[1]!.end(0);
    await server.until(() => server.results.length > 0);
    assert.deepEqual(server.results.map(({ lease }) => lease!.task), [2]);
  });

  it("connects again where heartbeats are not answered", async () => {
    const { runs, automator } = manual();
    server.leaseMs = 200;
    // An automator that does not let go keeps the task there.
    await start({ automators: [{ ...automator, act: () => (runs.push({ signal: NEVER, end() {}, print() {} }), new Promise(() => {})) }] });
    server.assign(assignment("START", 1, { service: "web" }));
    await server.until(() => runs.length === 1);
    server.renew = false;
    await server.until(() => server.registers.length === 2);
  });

  it("ends an older attempt before a newer one begins, and refuses the older one afterwards", async () => {
    const { runs, automator } = manual();
    await start({ automators: [automator], streams: 2 });
    server.assign(assignment("START", 1, { service: "web" }));
    await server.until(() => runs.length === 1);
    server.streams[0]!.write({ body: { $case: "assignments", value: { assignments: [assignment("START", 1, { service: "web", attempt: 2 })] } } });
    await server.until(() => runs.length === 2);
    assert.equal(runs[0]!.signal.aborted, true);
    server.assign(assignment("START", 1, { service: "web", attempt: 1, runner: 0 }));
    await server.until(() => server.results.length === 1);
    assert.equal(server.results[0]!.reason, "FENCED");
    runs[1]!.end(0);
    await server.until(() => server.results.length === 2);
    assert.equal(server.results[1]!.lease!.attempt, 2);
  });

  it("stops a task after its time", async () => {
    const endless: Provider = {
      ...createSimulatedProvider({ journal }),
      create: (_request, { signal }) => new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("aborted")))),
    };
    await start({ providers: [endless] });
    server.assign(assignment("CREATE", 1, { timeoutMs: 50 }));
    await server.until(() => server.results.length === 1);
    assert.equal(server.results[0]!.reason, "TASK_TIMED_OUT");
  });

  it("shows what a script printed before its result, without secrets, and its last line in the message", async () => {
    const { runs, automator } = manual();
    await start({ automators: [automator] });
    server.assign(assignment("START", 1, { service: "web", secrets: ["hunter2"] }));
    await server.until(() => runs.length === 1);
    const bytes = Buffer.from("grüße hunter2 €\n");
    for (const byte of bytes) runs[0]!.print(Uint8Array.of(byte));
    runs[0]!.print("no hunter2 here\n", "stderr");
    runs[0]!.end(3);
    await server.until(() => server.results.length === 1);
    assert.equal(server.texts.join(""), "grüße ****** €\nno ****** here\n");
    assert.deepEqual(server.order.at(-1), "result");
    const { reason, message, exitCode } = server.results[0]!;
    assert.deepEqual({ reason, exitCode }, { reason: "SCRIPT_FAILED", exitCode: 3 });
    assert.match(message, /START of web on node 1000 ended with exit code 3\. Its last line: no \*{6} here/);
  });

  it("maps what goes wrong", async () => {
    const errors: Record<string, unknown> = {
      "1": new LoomError("PROVIDER_UNREACHABLE", "away"), "2": new LoomError("IMAGE_NOT_FOUND", "no image with s3cret"),
      "3": Object.assign(new Error("password is s3cret"), { code: "ECONNRESET" }), "4": new LoomError("PROVIDER_ERROR", "later"),
    };
    const failing: Provider = {
      ...createSimulatedProvider({ journal }),
      create: async (request) => Promise.reject(errors[String(request.hardwareFields["n"])]),
    };
    await start({ providers: [failing] });
    for (const n of [1, 2, 3, 4]) {
      const base = assignment("CREATE", n, { secrets: ["s3cret"] });
      server.assign({ ...base, node: { ...base.node!, hardwareFields: { n } } });
    }
    server.assign(assignment("CREATE", 5, { providerType: "none" }));
    await server.until(() => server.results.length === 5);
    const told = new Map(server.results.map((result) => [result.lease!.task, result]));
    assert.deepEqual([1, 2, 3, 4, 5].map((n) => {
      const { reason, unreachable, permanent } = told.get(n)!;
      return { reason, unreachable, permanent };
    }), [
      { reason: "PROVIDER_UNREACHABLE", unreachable: true, permanent: false },
      { reason: "IMAGE_NOT_FOUND", unreachable: false, permanent: true },
      { reason: "PROVIDER_ERROR", unreachable: false, permanent: false },
      { reason: "PROVIDER_ERROR", unreachable: false, permanent: false },
      { reason: "PLUGIN_TYPE_UNKNOWN", unreachable: false, permanent: true },
    ]);
    assert.ok(!JSON.stringify([...told.values()].map(({ message }) => message)).includes("s3cret"));
    assert.match(told.get(3)!.message, /ECONNRESET/);
  });

  it("answers an inventory", async () => {
    await start();
    server.assign(assignment("CREATE", 1));
    await server.until(() => server.results.length === 1);
    const stream = server.streams.at(-1)!;
    const answer = new Promise<WorkRequest>((resolve) => stream.on("data", (request: WorkRequest) => request.body?.$case === "inventory" && resolve(request)));
    stream.write({ body: { $case: "inventory", value: { query: "q", providerType: "simulated", providerFields: {} } } });
    const { body } = await answer;
    assert.ok(body?.$case === "inventory");
    assert.deepEqual(body.value, {
      query: "q", error: "",
      machines: [{ token: machineToken(CLUSTER, 1000, 1), running: true, machine: `simulated-${machineToken(CLUSTER, 1000, 1).slice(0, 12)}` }],
    });
  });

  it("stops although tasks run, and takes no new ones", async () => {
    const { runs, killed, automator } = manual();
    await start({ automators: [automator] });
    server.assign(assignment("START", 1, { service: "web" }));
    await server.until(() => runs.length === 1);
    await provisioner.stop();
    assert.equal(runs[0]!.signal.aborted, true);
    assert.deepEqual(killed, []);
    assert.deepEqual(server.results, []);
  });
});

function pick({ succeeded, reason }: Result) {
  return { succeeded, reason };
}
