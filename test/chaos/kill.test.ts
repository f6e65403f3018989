/**
 * The whole process is killed with SIGKILL at seeded moments, while a client that repeats its requests makes, changes and
 * deletes clusters. Judged by the journal of the simulated provider, and by what is on this machine for `local`.
 *
 *     LOOM_SEED=7 npx mocha test/chaos/kill.test.ts
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { processesByToken } from "../../services/provisioner/providers/local/processes.js";
import { Job_State } from "../../gen/web/loom/v1/job_pb.js";
import { judge, readJournal } from "../../services/provisioner/providers/simulated/journal.js";
import { processesMentioning } from "../../tools/test/leftovers.js";
import { CHAOS_CATALOG } from "../support/loom-catalog.js";
import { LoomProcess } from "../support/loom-process.js";
import { createRandom, type Random } from "../bench/random.js";
import { createStubbornClient, type Change, type StubbornClient, type Wish } from "../support/stubborn-client.js";
import { until } from "../support/wait.js";
import { IS_LONG } from "./operations.js";

/** Moments of death; long runs have others each time. */
const SEED = Number(process.env["LOOM_SEED"] ?? (IS_LONG ? Date.now() % 1_000_000 : 7));

/** How long steps of simulated machines take, in milliseconds, so that deaths fall into all of them. */
const LATENCIES = { createMs: 60, confirmMs: 30, bootstrapMs: 15, actionMs: 50, deleteMs: 60 };
const SIMULATED: Wish = { template: "small", provider: "simulated", nodes: 3, service: "back" };
const LOCAL: Wish = { template: "web-farm", provider: "local", nodes: 3, service: "web" };

const CHANGES: readonly (readonly Change[])[] = [
  ["grow", "replace", "shrink"],
  ["configure", "grow", "restart"],
  ["replace", "grow", "configure"],
];

describe(`a killed Loom (LOOM_SEED=${SEED})`, function () {
  this.timeout(IS_LONG ? 1_800_000 : 300_000);
  let loom: LoomProcess;
  let isUp = false;
  /** Nodes that may have had two machines for a while. */
  const replaced = new Set<string>();

  beforeEach(async () => {
    loom = new LoomProcess({ flags: ["--no-farm"] });
    await start();
  });
  afterEach(async () => {
    await loom.destroy();
    assert.deepEqual(processesMentioning(loom.folder), []);
    assert.equal(existsSync(loom.folder), false);
  });

  const where = (): { url: string; token: string } | undefined =>
    isUp ? { url: loom.url, token: loom.token } : undefined;
  const journal = (): ReturnType<typeof readJournal> => readJournal(join(loom.folder, "simulated.journal"));

  async function start(): Promise<void> {
    await loom.up();
    isUp = true;
  }

  async function kill(): Promise<void> {
    isUp = false;
    await loom.signal("SIGKILL");
  }

  /** Starts Loom and kills it, again and again: sometimes while it starts, mostly while it works. */
  async function killAgainAndAgain(times: number, random: Random, longestMs: number): Promise<void> {
    for (let round = 0; round < times; round += 1) {
      if (round % 5 === 4) {
        await kill();
        const starting = loom.start();
        await sleep(random.whole(50, 1200));
        await kill();
        await starting;
        await start();
      } else {
        await sleep(random.whole(0, longestMs));
        await kill();
        await start();
      }
    }
  }

  /** Clusters come, grow and go until `isOver`; the one that is at work then still comes to its end. */
  async function live(client: StubbornClient, prefix: string, wish: Wish, isOver: () => boolean): Promise<number> {
    let lives = 0;
    do {
      const cluster = await client.create(`${prefix}${lives}`, wish);
      // Each life has its own order; what made a cluster larger comes before what makes it smaller.
      for (const change of CHANGES[lives % CHANGES.length]!) {
        if (change === "replace") replaced.add(`${cluster.uid}/1001`);
        await client.change(cluster, change, wish.service);
      }
      await client.delete(cluster);
      lives += 1;
    } while (!isOver());
    return lives;
  }

  /** Nothing of the journal speaks of a machine that was made twice, or of one that was left. */
  function assertOrder(): void {
    const verdict = judge(journal());
    assert.deepEqual(verdict.doubleCreations, []);
    for (const node of verdict.crowdedNodes) assert.ok(replaced.has(node), `${node} had two machines`);
    assert.deepEqual(verdict.repeatedSuccesses, []);
    assert.deepEqual(verdict.staleRuns, []);
    assert.deepEqual(verdict.lostRuns, []);
    assert.deepEqual(
      [...verdict.runs].filter(([, count]) => count !== 1),
      [],
    );
    assert.deepEqual([...verdict.live.keys()], []);
  }

  async function killed(wish: Wish, times: number, longestMs: number): Promise<void> {
    const client = createStubbornClient(where);
    let isOver = false;
    const lives = Promise.all(
      ["a", "b"].slice(0, wish === LOCAL ? 1 : 2).map((prefix) => live(client, prefix, wish, () => isOver)),
    );
    // A life that ends badly ends the killing too.
    await Promise.race([killAgainAndAgain(times, createRandom(SEED), longestMs), lives]);
    isOver = true;
    await lives;
    await client.check();
    assert.deepEqual(client.complaints, []);
  }

  it(`loses nothing on simulated in ${IS_LONG ? 100 : 20} deaths`, async () => {
    await loom.apply({ "chaos.yaml": CHAOS_CATALOG(LATENCIES) });
    await killed(SIMULATED, IS_LONG ? 100 : 20, 900);
    assertOrder();
  });

  it(`loses nothing on local in ${IS_LONG ? 25 : 5} deaths`, async () => {
    await killed(LOCAL, IS_LONG ? 25 : 5, 3_000);
    assert.deepEqual(
      readdirSync(join(loom.folder, "nodes")).filter((name) => name !== "addresses"),
      [],
    );
    const ours = [...(await processesByToken()).keys()].filter((token) =>
      existsSync(join(loom.folder, "nodes", token)),
    );
    assert.deepEqual(ours, []);
  });

  it("loses nothing when it is frozen until all its leases have run out", async () => {
    await loom.apply({ "chaos.yaml": CHAOS_CATALOG({ ...LATENCIES, actionMs: 200 }) });
    const client = createStubbornClient(where);
    const life = live(client, "f", SIMULATED, () => true);
    await until("a task runs", () => journal().some(({ kind }) => kind === "begin"));
    process.kill(loom.pid, "SIGSTOP");
    // Longer than the lease of a task and that of a job.
    await sleep(12_000);
    process.kill(loom.pid, "SIGCONT");
    await life;
    await client.check();
    assert.deepEqual(client.complaints, []);
    assertOrder();
  });

  it("ends a cancelled script on its node although it died right after the order, and one that takes too long", async () => {
    const sleep = "sleep 4711.25";
    await loom.apply({
      "sleeper.yaml": `
kind: Service
name: sleeper
actions: { start: { type: shell, timeoutSeconds: 3, fields: { script: "${sleep}" } } }
---
kind: ClusterTemplate
name: sleepers
defaults: { services: [sleeper], provider: local }
`,
    });
    const sleepers = (): number => processesMentioning(sleep).length;
    const client = createStubbornClient(where);
    const { name } = await client.call("create", (to) =>
      to.clusters.createCluster({ displayName: "z", template: "sleepers", nodeCount: 1, requestId: randomUUID() }),
    );
    const job = `${name}/jobs/1`;
    const inState = async (...states: Job_State[]): Promise<boolean> =>
      states.includes((await client.call("get", (to) => to.jobs.getJob({ name: job }))).state);
    await until("the script runs", () => sleepers() === 1);
    await client.call("cancel", (to) => to.jobs.cancelJob({ name: job, requestId: randomUUID() }));
    await kill();
    await start();
    await until("the job is cancelled", () => inState(Job_State.CANCELLED));
    assert.equal(sleepers(), 0);

    await client.call("retry", (to) => to.jobs.retryJob({ name: job, requestId: randomUUID() }));
    const { tasks } = await client.call("tasks", (to) => to.jobs.listTasks({ parent: job, pageSize: 100 }));
    const starting = tasks.find(({ action }) => action === "START")!.name;
    await until("a try has ended in time", async () => {
      const { attempts } = await client.call("attempts", (to) => to.jobs.listAttempts({ parent: starting }));
      return attempts.some(({ reason }) => reason === "TASK_TIMED_OUT");
    });
    await client.call("cancel", (to) => to.jobs.cancelJob({ name: job, requestId: randomUUID() }));
    await until("the job has ended", () => inState(Job_State.CANCELLED, Job_State.FAILED));
    assert.equal(sleepers(), 0);
    await client.delete({ name });
    assert.deepEqual(client.complaints, []);
  });

  it("refuses a second one on its folder, and goes on unharmed", async () => {
    await loom.apply({ "chaos.yaml": CHAOS_CATALOG(LATENCIES) });
    const client = createStubbornClient(where);
    const life = live(client, "t", SIMULATED, () => true);
    const second = new LoomProcess({ flags: ["--no-farm", "--no-context"], folder: loom.folder });
    try {
      assert.equal(await second.start(), 1);
      assert.match(second.said, /FOLDER_IN_USE/);
      assert.match(second.said, new RegExp(`process ${loom.pid}`));
    } finally {
      second.leave();
    }
    await life;
    assert.deepEqual(client.complaints, []);
    assertOrder();
  });

  it("stops with Ctrl-C in the middle of a job, which goes on at the next start, while a farm keeps answering", async () => {
    await loom.apply({ "chaos.yaml": CHAOS_CATALOG(LATENCIES) });
    const client = createStubbornClient(where);
    const farm = await client.create("farm", LOCAL);
    const life = live(client, "s", SIMULATED, () => true);
    await until("a task runs", () => journal().some(({ kind }) => kind === "begin"));
    isUp = false;
    assert.equal(await loom.signal("SIGINT"), 0);
    const answer = await fetch(farm.links[0]!.url, { signal: AbortSignal.timeout(10_000) });
    assert.equal(answer.status, 200);
    await start();
    await life;
    await client.delete(farm);
    await client.check();
    assert.deepEqual(client.complaints, []);
    assertOrder();
  });
});
