import assert from "node:assert/strict";
import type { Worker } from "node:worker_threads";
import { solveLayout } from "../layout/solve.js";
import { spreadServices } from "../layout/spread.js";
import type { LayoutProblem } from "../layout/types.js";
import { planOperation } from "./operation.js";
import { createPlanner, type Planner } from "./thread.js";
import type { PlanRequest, PlanService } from "./types.js";

const problem: LayoutProblem = {
  size: 3,
  services: ["lb", "web"],
  hardwareTypes: ["small"],
  imageTypes: ["debian"],
  mustCoexist: [],
  cantCoexist: [["lb", "web"]],
  quantities: { lb: { min: 1, max: 1 }, web: { min: 0, max: Number.POSITIVE_INFINITY } },
  hardwareOf: {},
  imagesOf: {},
  variantsOf: {},
};

const serviceOf = (name: string, runtimeRequires: readonly string[] = []): PlanService => ({
  name,
  provides: [],
  installRequires: [],
  installUses: [],
  runtimeRequires,
  runtimeUses: [],
  actions: ["install", "start"],
  sees: [],
});

const requestOf = (services: readonly PlanService[]): PlanRequest => ({
  operation: "CREATE",
  services,
  nodes: [
    {
      number: 1000,
      hostname: "a",
      hardwareType: "small",
      imageType: "debian",
      services: services.map(({ name }) => name),
      change: "MAKE",
      added: services.map(({ name }) => name),
      removed: [],
    },
  ],
});

describe("createPlanner", function () {
  let planner: Planner;

  beforeEach(() => {
    planner = createPlanner();
  });

  afterEach(() => planner.stop());

  it("solves and plans like the functions it runs, many at once", async () => {
    const request = requestOf([serviceOf("a"), serviceOf("b", ["a"])]);
    const present = [{ count: 3, hardwareType: "small", imageType: "debian", services: ["lb"] }];
    const spread = { problem, present, added: ["web"] };
    const answers = await Promise.all([
      planner.solve(problem),
      planner.plan(request),
      planner.solve({ ...problem, size: 1 }),
      planner.plan(request),
      planner.spread(spread),
    ]);
    assert.deepEqual(answers, [
      solveLayout(problem),
      planOperation(request),
      solveLayout({ ...problem, size: 1 }),
      planOperation(request),
      spreadServices(spread),
    ]);
    assert.equal(answers[2].outcome, "solved");
  });

  it("carries errors over with their reason and details, and goes on", async () => {
    await assert.rejects(planner.plan(requestOf([serviceOf("a", ["b"]), serviceOf("b", ["a"])])), {
      name: "LoomError",
      reason: "DEPENDENCY_CYCLE",
      metadata: { cycle: "a -> b -> a" },
    });
    await assert.rejects(planner.plan({ ...requestOf([]), nodes: [] }), { reason: "NOTHING_TO_DO" });
    assert.equal((await planner.solve(problem)).outcome, "solved");
  });

  it("keeps what nobody foresaw to itself, for the log", async () => {
    const broken = { ...requestOf([serviceOf("a")]), services: undefined as unknown as PlanService[] };
    await assert.rejects(planner.plan(broken), (error: Error & { reason: string }) => {
      assert.equal(error.reason, "INTERNAL");
      assert.match(String(error.cause), /planOperation/);
      return true;
    });
  });

  it("fails what is under way when it stops, and refuses what comes later", async () => {
    const pending = planner.solve(problem);
    const failed = assert.rejects(pending, { reason: "SHUTTING_DOWN" });
    await planner.stop();
    await failed;
    await assert.rejects(planner.solve(problem), { reason: "SHUTTING_DOWN" });
  });

  it("starts again after its thread has ended, and fails only what that thread had", async () => {
    const threads: Worker[] = [];
    const remember = (worker: Worker): void => void threads.push(worker);
    process.on("worker", remember);
    try {
      await planner.solve(problem);
      assert.equal(threads.length, 1);
      // It never reaches the thread, which could otherwise answer before it ends.
      threads[0]!.postMessage = () => undefined;
      const pending = planner.solve(problem);
      const failed = assert.rejects(pending, { reason: "INTERNAL" });
      await threads[0]!.terminate();
      await failed;
      assert.equal((await planner.solve(problem)).outcome, "solved");
      assert.equal(threads.length, 2);
    } finally {
      process.off("worker", remember);
    }
  });
});
