import { strict as assert } from "node:assert";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { context, machine } from "../../../../test/conformance/machines.js";
import { until } from "../../../../test/support/wait.js";
import { createShellAutomator } from "../../automators/shell/shell.js";
import type { ActionRequest } from "../../automators/automator.js";
import type { Fields, MachineRequest, Provider } from "../provider.js";
import { judge, readJournal } from "./journal.js";
import { createSimulatedProvider } from "./provider.js";

const CLUSTER = "0190a000-0000-7000-8000-000000000002";
const automator = createShellAutomator();

describe("simulated provider: faults and fences", () => {
  let folder: string;
  let journal: string;
  let rules: string;
  let provider: Provider;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "loom-simulated-"));
    journal = join(folder, "journal");
    rules = join(folder, "rules.json");
    provider = createSimulatedProvider({ journal });
  });
  afterEach(() => rm(folder, { recursive: true }));

  const request = (number = 1000, fields: Fields = {}): MachineRequest =>
    machine({ provider, fields: { rules, ...fields }, flavor: "small", image: "simulated" }, CLUSTER, number, 1);
  const steer = (...list: object[]) => writeFileSync(rules, JSON.stringify(list));
  const why = (promise: Promise<unknown>) =>
    promise.then(
      () => "done",
      (error: { reason?: string }) => error.reason ?? "unknown",
    );
  const judged = () => judge(readJournal(journal));

  function action(more: Partial<ActionRequest> = {}): ActionRequest {
    return {
      action: "start",
      service: "web",
      fields: { script: "true" },
      config: {},
      taskKey: "k.start",
      epoch: 1n,
      job: 1,
      runner: 1,
      attempt: 1,
      timeoutMs: 60_000,
      node: { number: 1000, hostname: "h", services: ["web"], addresses: {} },
      clusterName: "c",
      ...more,
    };
  }
  async function act(more: Partial<ActionRequest> = {}, fields: Fields = {}, signal?: AbortSignal): Promise<number> {
    const outcome = await automator.act(provider.channel(request(1000, fields)), action(more), {
      ...context(signal),
      output: () => {},
    });
    assert.equal(outcome.fenced, outcome.exitCode === 75);
    return outcome.exitCode;
  }

  it("fail the n-th call so many times, of the node and action that are named", async () => {
    steer({ fault: "fail", action: "CONFIRM", node: 1001, nth: 2, times: 2 });
    for (const number of [1000, 1001]) await provider.create(request(number), context());
    const answers: string[] = [];
    for (let n = 0; n < 5; n++) answers.push(await why(provider.confirm(request(1001), context())));
    assert.deepEqual(answers, ["done", "PROVIDER_ERROR", "PROVIDER_ERROR", "done", "done"]);
    assert.equal(await why(provider.confirm(request(1000), context())), "done");
  });

  it("fail for ever, in a later process too, until the rules say otherwise", async () => {
    steer({ fault: "fail", action: "CREATE", times: "always", permanent: true });
    for (let n = 0; n < 3; n++) {
      const error = await provider.create(request(), context()).then(
        () => undefined,
        (thrown: unknown) => thrown as { metadata: object },
      );
      assert.deepEqual(error?.metadata, { permanent: "true" });
      provider = createSimulatedProvider({ journal });
    }
    steer();
    assert.equal(await why(provider.create(request(), context())), "done");
  });

  it("count on in a later process", async () => {
    steer({ fault: "fail", action: "CREATE", nth: 2, times: 2 });
    const answers: string[] = [];
    for (let n = 0; n < 5; n++) {
      answers.push(await why(provider.create(request(), context())));
      provider = createSimulatedProvider({ journal });
    }
    assert.deepEqual(answers, ["done", "PROVIDER_ERROR", "PROVIDER_ERROR", "done", "done"]);
  });

  it("come from the provider's own fields as well", async () => {
    assert.equal(
      await why(provider.create(request(1000, { faults: { rules: [{ fault: "fail" }] } }), context())),
      "PROVIDER_ERROR",
    );
    assert.equal(
      await why(provider.create(request(1000, { faults: { rules: [{ fault: "burn" }] } }), context())),
      "INVALID_CONFIG",
    );
  });

  it("lose the answer after the effect", async () => {
    steer({ fault: "loseAnswer", action: "CREATE" });
    assert.equal(await why(provider.create(request(), context())), "PROVIDER_ERROR");
    assert.equal(judged().live.size, 1);
    assert.equal(await why(provider.create(request(), context())), "done");
    assert.deepEqual(judged().doubleCreations, []);
  });

  it("land late, even when the process is another one by then", async () => {
    steer({ fault: "landLate", action: "CREATE", lateMs: 100 });
    assert.equal(await why(provider.create(request(), context())), "PROVIDER_ERROR");
    assert.equal(judged().live.size, 0);
    // What is found after the process was killed: its lines, and no such process.
    journal = join(folder, "found");
    writeFileSync(
      journal,
      readFileSync(join(folder, "journal"), "utf8").replaceAll(`"pid":${process.pid}`, '"pid":4194305'),
    );
    provider = createSimulatedProvider({ journal });
    await provider.observe(request());
    await until("it landed", () => judged().live.size === 1);
    assert.deepEqual(judged().doubleCreations, []);
  });

  it("land late on top of a create that came first, as an adoption", async () => {
    steer({ fault: "landLate", action: "CREATE", lateMs: 100 });
    assert.equal(await why(provider.create(request(), context())), "PROVIDER_ERROR");
    assert.equal(await why(provider.create(request(), context())), "done");
    await until("it landed", () => readJournal(journal).some(({ kind }) => kind === "adopt"));
    assert.deepEqual(judged().doubleCreations, []);
  });

  it("make the provider unreachable for a while", async () => {
    steer({ fault: "unreachable", forMs: 150 });
    assert.equal(await why(provider.create(request(), context())), "PROVIDER_UNREACHABLE");
    assert.equal(await why(provider.inventory({ rules })), "PROVIDER_UNREACHABLE");
    await until("it is back", async () => (await why(provider.create(request(), context()))) === "done");
  });

  it("hang until the caller gives up", async () => {
    steer({ fault: "hang", action: "CREATE" });
    assert.notEqual(await why(provider.create(request(), context(AbortSignal.timeout(30)))), "done");
    assert.equal(judged().live.size, 0);
  });

  it("hit actions of services", async () => {
    await provider.create(request(), context());
    steer({ fault: "fail", action: "START", service: "web" });
    assert.equal(await act(), 1);
    assert.equal(await act({ attempt: 2 }), 0);
    steer({ fault: "unreachable", action: "STOP" });
    assert.equal(await why(act({ action: "stop", taskKey: "k.stop" })), "PROVIDER_UNREACHABLE");
    steer({ fault: "loseAnswer", action: "STOP" });
    await assert.rejects(act({ action: "stop", taskKey: "k.stop" }, {}, AbortSignal.timeout(30)));
    assert.equal(judged().runs.get("k.stop"), 1);
    assert.equal(await act({ action: "stop", taskKey: "k.stop", attempt: 2 }), 0);
    assert.equal(judged().runs.get("k.stop"), 1);
  });

  it("fences older epochs, jobs, runners and attempts as loom-run does, in a later process too", async () => {
    await provider.create(request(), context());
    assert.equal(await act({ epoch: 5n, job: 5, runner: 5, attempt: 5 }), 0);
    provider = createSimulatedProvider({ journal });
    const table: [Partial<ActionRequest>, number][] = [
      [{ epoch: 4n, job: 9, runner: 9, attempt: 9 }, 75],
      [{ epoch: 5n, job: 4, runner: 9, attempt: 9 }, 75],
      [{ epoch: 5n, job: 5, runner: 4, attempt: 9, taskKey: "other" }, 75],
      [{ epoch: 5n, job: 5, runner: 5, attempt: 4 }, 75],
      [{ epoch: 5n, job: 5, runner: 5, attempt: 6 }, 0],
      [{ epoch: 5n, job: 6, runner: 1, attempt: 1, taskKey: "next" }, 0],
      [{ epoch: 5n, job: 5, runner: 9, attempt: 9, taskKey: "next" }, 75],
    ];
    for (const [call, code] of table)
      assert.equal(await act(call), code, `runner ${call.runner}, attempt ${call.attempt}`);
    assert.deepEqual(
      [...judged().runs],
      [
        ["k.start", 1],
        ["next", 1],
      ],
    );
    assert.deepEqual(judged().staleRuns, []);
  });

  it("ends a running action for a newer one, and goes on when its client is killed", async () => {
    await provider.create(request(), context());
    const older = act({}, { actionMs: 60_000 });
    await until("it began", () => readJournal(journal).some(({ kind }) => kind === "begin"));
    assert.equal(await act({ attempt: 2 }), 0);
    assert.equal(await older, 75);
    const gone = new AbortController();
    const left = act({ taskKey: "left" }, { actionMs: 100 }, gone.signal);
    await until("it began", () =>
      readJournal(journal).some(({ kind, taskKey }) => kind === "begin" && taskKey === "left"),
    );
    gone.abort();
    assert.equal(await left, 137);
    await until("it ended by itself", () => judged().runs.get("left") === 1);
  });

  it("ends a cancelled action, and never starts it", async () => {
    await provider.create(request(), context());
    const running = act({}, { actionMs: 60_000 });
    await until("it began", () => readJournal(journal).some(({ kind }) => kind === "begin"));
    await automator.kill(provider.channel(request()), action(), context());
    assert.equal(await running, 75);
    assert.equal(await act(), 75);
    assert.equal(await act({ attempt: 2 }), 0);
  });

  it("takes no harm from a line that a kill cut in two", async () => {
    await provider.create(request(), context());
    appendFileSync(journal, '{"kind":"create","token":"half');
    provider = createSimulatedProvider({ journal });
    await provider.create(request(1001), context());
    assert.equal(judged().live.size, 2);
    assert.ok(readFileSync(journal, "utf8").includes('"half\n{'));
  });
});

describe("judge", () => {
  const line = (kind: string, more: object) => ({ kind, at: 0, pid: 1, ...more }) as never;

  it("sees double creations, crowded nodes, repeated successes, stale and lost runs", () => {
    const run = (more: object) =>
      line("run", { token: "a", taskKey: "k", epoch: "1", job: 1, runner: 2, attempt: 1, ...more });
    const judgement = judge([
      line("create", { token: "a", cluster: "c", node: 1 }),
      line("create", { token: "a", cluster: "c", node: 1 }),
      line("create", { token: "b", cluster: "c", node: 1 }),
      run({}),
      run({ attempt: 2 }),
      run({ runner: 1, taskKey: "old" }),
      run({ token: "gone", taskKey: "lost" }),
      line("delete", { token: "a" }),
    ]);
    assert.deepEqual(judgement.doubleCreations, ["a"]);
    assert.deepEqual(judgement.crowdedNodes, ["c/1"]);
    assert.deepEqual(judgement.repeatedSuccesses, ["k"]);
    assert.deepEqual(
      judgement.staleRuns.map(({ taskKey }) => taskKey),
      ["old"],
    );
    assert.deepEqual(
      judgement.lostRuns.map(({ taskKey }) => taskKey),
      ["lost"],
    );
    assert.deepEqual([...judgement.live.keys()], ["b"]);
    assert.equal(judgement.runs.get("k"), 2);
  });
});
