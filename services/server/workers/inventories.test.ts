import assert from "node:assert/strict";
import { setImmediate as settled } from "node:timers/promises";
import { connect, createBench } from "../../../test/support/hub-bench.js";
import { createInventories } from "./inventories.js";
import type { InventoryQuestion, ObservedMachine, WorkerSession } from "./types.js";

const QUESTION: InventoryQuestion = { providerType: "docker", provider: "here", fields: { password: "s3cret" } };
const machine = (token: string): ObservedMachine => ({ token, running: true, machine: token, clusterUid: "", node: 0 });
const whole = (query: string, ...tokens: string[]) => ({
  query,
  machines: tokens.map(machine),
  error: "",
  more: false,
});

describe("asking providers for their machines", () => {
  it("asks a worker that offers the type, and puts the pieces together", async () => {
    const { hub } = createBench();
    connect(hub, 1, ["local"], "other");
    const worker = connect(hub, 0, ["docker"]);
    const answer = hub.inventory(QUESTION);
    const { query, question } = worker.told.asked[0]!;
    assert.deepEqual(question, QUESTION);
    worker.inventory({ ...whole(query, "a", "b"), more: true });
    worker.inventory({ ...whole(query, "c"), more: true });
    await settled();
    worker.inventory(whole(query, "d"));
    assert.deepEqual(
      (await answer).map(({ token }) => token),
      ["a", "b", "c", "d"],
    );
    // What comes too late, or twice, is nobody's.
    worker.inventory(whole(query, "e"));
  });

  it("is an error where nobody offers the type, and where the provider fails in the middle", async () => {
    const { hub } = createBench();
    await assert.rejects(hub.inventory(QUESTION), {
      reason: "PROVIDER_UNREACHABLE",
      message: /Provider "here" .*no provisioner/,
    });
    const worker = connect(hub, 1);
    const answer = hub.inventory(QUESTION);
    const { query } = worker.told.asked[0]!;
    worker.inventory({ ...whole(query, "a"), more: true });
    worker.inventory({ query, machines: [], error: "The daemon does not answer.", more: false });
    await assert.rejects(answer, { reason: "PROVIDER_UNREACHABLE", message: "The daemon does not answer." });
  });

  it("cleans texts that the database refuses, and keeps all machines", async () => {
    const { hub } = createBench();
    const worker = connect(hub, 1);
    const answer = hub.inventory(QUESTION);
    const odd = { ...machine("b\0"), machine: "odd\0name", clusterUid: "\0" };
    worker.inventory({ ...whole(worker.told.asked[0]!.query, "a"), machines: [machine("a"), odd] });
    assert.deepEqual(await answer, [
      machine("a"),
      { ...odd, token: "b\ufffd", machine: "odd\ufffdname", clusterUid: "\ufffd" },
    ]);
    const failing = hub.inventory(QUESTION);
    worker.inventory({ query: worker.told.asked[1]!.query, machines: [], error: "It\0is off.", more: false });
    await assert.rejects(failing, { message: "It\ufffdis off." });
  });

  it("asks another worker where the stream breaks, and forgets the pieces of the first", async () => {
    const { hub } = createBench();
    const [one, two] = [connect(hub, 1, ["docker"], "one"), connect(hub, 1, ["docker"], "two")];
    const answer = hub.inventory(QUESTION);
    one.inventory({ ...whole(one.told.asked[0]!.query, "stale"), more: true });
    one.close();
    await settled();
    // An answer from a worker that was not asked is nobody's.
    const { query } = two.told.asked[0]!;
    const three = connect(hub, 1, ["docker"], "three");
    three.inventory(whole(query, "foreign"));
    two.inventory(whole(query, "a"));
    assert.deepEqual(
      (await answer).map(({ token }) => token),
      ["a"],
    );
    three.close();
    const none = hub.inventory(QUESTION);
    two.close();
    await assert.rejects(none, { reason: "PROVIDER_UNREACHABLE" });
  });

  it("does not wait for ever", async () => {
    const silent = { worker: "w", ask: () => undefined } as unknown as WorkerSession;
    await assert.rejects(createInventories(20).ask([silent], QUESTION), {
      reason: "PROVIDER_UNREACHABLE",
      message: /did not answer within/,
    });
  });

  it("never takes an answer without its end for a whole one", async () => {
    const inventories = createInventories(30);
    const worker: WorkerSession = {
      ask: (query: string) => inventories.report(worker, { ...whole(query, "a"), more: true }),
    } as unknown as WorkerSession;
    await assert.rejects(inventories.ask([worker], QUESTION), { reason: "PROVIDER_UNREACHABLE" });
  });
});
