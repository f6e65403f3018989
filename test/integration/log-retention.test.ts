/** Output of scripts that is kept no more, on a whole server over a real database. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { clusterIdOf } from "../../services/common/ids.js";
import { silentLogger } from "../../services/common/log.js";
import { createLogKeeper } from "../../services/server/logs/keeper.js";
import { createLogRetentionStore } from "../../services/server/store/log-retention.js";
import { createTransactor, type Transactor } from "../../services/server/store/transaction.js";
import { CALLER, mutation } from "../support/loom.js";
import { DAY, useLeases } from "../support/leases.js";

const never = { passMs: 0, firstMs: 0 };

describe("output of scripts", function () {
  this.timeout(120_000);
  const { loom, forward, made } = useLeases();

  /** All that `loom logs` would show of a job. */
  async function printed(name: string, job: number): Promise<string> {
    const filter = { task: undefined, attempt: 0, node: 0, follow: false };
    let text = "";
    for await (const chunk of loom.application.jobs.readLogs(CALLER, name, job, filter, new AbortController().signal))
      text += chunk?.text ?? "";
    return text;
  }
  /** Simulated machines say a word of each fault; the next try of the task goes well. */
  const fault = (): void => loom.faults({ fault: "fail", action: "START", id: randomUUID() });
  async function restart(name: string): Promise<number> {
    fault();
    const { number } = await loom.application.clusters.actOn(CALLER, name, "RESTART_SERVICES", [], mutation());
    await loom.ended(name, number);
    return number;
  }
  /** A cluster whose first two jobs have printed something. */
  async function twoJobs(): Promise<string> {
    fault();
    const { name } = await made();
    await restart(name);
    for (const job of [1, 2]) assert.notEqual(await printed(name, job), "");
    return name;
  }
  const storeOf = (transactor: Transactor) =>
    createLogRetentionStore(transactor, [...loom.server.installation.epochs.keys()]);

  it("is kept for its time; then its place says that it was removed, once, and the job is as it was", async () => {
    const name = await twoJobs();
    const before = await printed(name, 1);
    forward(29 * DAY);
    assert.equal(await loom.server.logs.pass(), 0);
    assert.equal(await printed(name, 1), before);
    forward(2 * DAY);
    assert.equal(await loom.server.logs.pass(), 2);
    const note = "The output of this job was removed: output is kept for 30 days.\n";
    for (const job of [1, 2]) assert.equal(await printed(name, job), note);
    assert.equal(await loom.server.logs.pass(), 0);
    assert.equal((await loom.application.jobs.get(CALLER, name, 1)).state, "COMPLETE");
    // It does not come back, and what is printed later is not lost with it.
    const third = await restart(name);
    assert.equal(await printed(name, 1), note);
    assert.match(await printed(name, third), /^failed/);
  });

  it("is kept up to its limit, the newest; whoever dies in the middle has removed a part, and the next pass the rest", async () => {
    const name = await twoJobs();
    const cluster = clusterIdOf(name)!;
    const newest = await printed(name, 2);
    await loom.database.pool.query(
      `INSERT INTO task_log (shard, cluster_id, job, task, attempt, stream, sequence, tenant, position, bytes, text)
       SELECT shard, cluster_id, job, task, attempt, stream, 1000 + n, tenant, position - n, bytes, text
       FROM task_log, generate_series(1, 2500) n WHERE cluster_id = $1 AND job = 1`,
      [cluster],
    );
    const transactor = createTransactor(loom.database);
    let statements = 0;
    const dying: Transactor = {
      ...transactor,
      statement(statement, ...rest) {
        if (statement === "remove logs" && (statements += 1) === 2) return Promise.reject(new Error("died"));
        return transactor.statement(statement, ...rest);
      },
    };
    const latest = (await storeOf(transactor).outputs()).find((one) => one.cluster === cluster && one.job === 2)!;
    const keeper = (through: Transactor) =>
      createLogKeeper(never, { days: 30, bytes: latest.bytes }, storeOf(through), silentLogger, Date.now);
    await assert.rejects(keeper(dying).pass(), /died/);
    await keeper(transactor).pass();
    assert.equal(await printed(name, 1), "The output of this job was removed: output is kept up to 0 MiB in all.\n");
    assert.equal(await printed(name, 2), newest);
    assert.equal(await keeper(transactor).pass(), 0);
  });
});
