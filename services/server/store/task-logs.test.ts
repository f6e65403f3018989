import assert from "node:assert/strict";
import { until } from "../../../test/support/wait.js";
import { LoomError } from "../../common/errors.js";
import type { LogChunk } from "../workers/types.js";
import { createTaskLogWriter } from "./task-logs.js";
import type { Transactor } from "./transaction.js";

const chunk = (sequence: number, text = "x"): LogChunk => ({
  lease: { shard: 8, epoch: 1n, cluster: 1n, job: 1, task: 0, runner: 1, attempt: 1 },
  stderr: false,
  text,
  sequence,
});

describe("the writer of logs", () => {
  /** Sequence numbers of each statement, and what each statement is answered with. */
  function writer(answers: (() => Promise<void>)[] = []): {
    batches: number[][];
    problems: unknown[];
    writer: ReturnType<typeof createTaskLogWriter>;
  } {
    const batches: number[][] = [];
    const problems: unknown[] = [];
    const statement = async (_name: string, _text: string, values: readonly unknown[]): Promise<never[]> => {
      batches.push(values[6] as number[]);
      await answers.shift()?.();
      return [];
    };
    return {
      batches,
      problems,
      writer: createTaskLogWriter(
        { statement } as unknown as Transactor,
        () => 1,
        () => undefined,
        (problem) => problems.push(problem),
      ),
    };
  }

  it("stores a batch again where the database went away while it was stored", async () => {
    const lost = (): Promise<void> => Promise.reject(new LoomError("OUTCOME_UNKNOWN", "lost"));
    const { batches, problems, writer: logs } = writer([lost]);
    logs.write(chunk(0), "t");
    await logs.flush();
    assert.deepEqual(batches, [[0], [0]]);
    assert.deepEqual(problems, []);
  });

  it("gives up what cannot be stored, says so and goes on", async () => {
    const { batches, problems, writer: logs } = writer([() => Promise.reject(new Error("bad"))]);
    logs.write(chunk(0), "t");
    await logs.flush();
    logs.write(chunk(1), "t");
    await logs.flush();
    assert.deepEqual(batches, [[0], [1]]);
    assert.equal(problems.length, 1);
  });

  it("waits in a flush for what was printed before it, however much is printed on", async () => {
    let sequence = 0;
    const { writer: logs } = writer(
      Array.from({ length: 1000 }, () => async () => {
        // Another piece is there whenever one is stored.
        if (!flushed) logs.write(chunk((sequence += 1)), "t");
        await new Promise((resolve) => setImmediate(resolve));
      }),
    );
    let flushed = false;
    logs.write(chunk(0), "t");
    await logs.flush();
    flushed = true;
    assert.ok(sequence < 10);
    await logs.flush();
  });

  it("keeps a bounded part of what comes faster than it is stored, and says what it dropped", async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const { batches, problems, writer: logs } = writer([() => held]);
    const text = "x".repeat(1024 * 1024);
    for (let sequence = 0; sequence < 70; sequence += 1) logs.write(chunk(sequence, text), "t");
    release();
    await logs.flush();
    await until("all is stored", () => batches.flat().length === 65);
    assert.deepEqual(batches.flat().slice(0, 2), [0, 6]);
    assert.match(String(problems[0]), /^Error: 5 pieces of output were dropped/);
  });
});
