import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { LoomError } from "../common/errors.js";
import { lockFolder } from "./lock.js";

/** A process that takes the lock of a folder when told to, and keeps it. */
interface Contender {
  readonly process: ChildProcess;
  /** "won", or the reason and the process id of the holder. */
  take(folder: string): Promise<string>;
}

const SCRIPT = `
  import { createInterface } from "node:readline";
  const { lockFolder } = await import(${JSON.stringify(new URL("./lock.ts", import.meta.url).href)});
  console.log("ready");
  for await (const folder of createInterface({ input: process.stdin })) {
    await lockFolder(folder).then(() => console.log("won"), (error) => console.log(error.reason, error.metadata?.pid ?? error.cause));
  }`;

describe("lock of a data folder", () => {
  let folder: string;
  let contenders: Contender[] = [];

  async function start(): Promise<Contender> {
    const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", SCRIPT], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    assert.equal((await lines.next()).value, "ready");
    return {
      process: child,
      take: async (place) => {
        child.stdin.write(`${place}\n`);
        return String((await lines.next()).value);
      },
    };
  }

  async function kill({ process: child }: Contender): Promise<void> {
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "loom-lock-"));
  });
  afterEach(async () => {
    await Promise.all(
      contenders.filter(({ process: child }) => child.exitCode === null && child.signalCode === null).map(kill),
    );
    contenders = [];
    rmSync(folder, { recursive: true, force: true });
  });

  it("is held by one process, which the error names, until it lets go", async () => {
    const lock = await lockFolder(folder);
    await assert.rejects(
      lockFolder(folder),
      (error: LoomError) => error.reason === "FOLDER_IN_USE" && error.message.includes(String(process.pid)),
    );
    await lock.release();
    const next = await lockFolder(folder);
    await next.release();
    assert.equal(readdirSync(join(folder, "lock")).length, 1, "only the last number stays");
  });

  it("works however long the path is", async () => {
    const deep = join(folder, ..."abcde".split("").map((letter) => letter.repeat(60)));
    mkdirSync(deep, { recursive: true });
    const lock = await lockFolder(deep);
    await assert.rejects(lockFolder(deep), { reason: "FOLDER_IN_USE" });
    await lock.release();
  });

  it("takes over from a number whose file a loss of power has emptied", async () => {
    mkdirSync(join(folder, "lock"));
    writeFileSync(join(folder, "lock", "7.json"), "");
    const lock = await lockFolder(folder);
    await assert.rejects(lockFolder(folder), { reason: "FOLDER_IN_USE" });
    await lock.release();
  });

  it("goes to exactly one of 20, again and again as holders are killed", async function () {
    this.timeout(120_000);
    contenders = await Promise.all(Array.from({ length: 20 }, start));
    let running = contenders;
    while (running.length > 1) {
      const answers = await Promise.all(running.map((contender) => contender.take(folder)));
      const winners = running.filter((_, index) => answers[index] === "won");
      assert.equal(winners.length, 1, answers.join(", "));
      const pid = String(winners[0]!.process.pid);
      assert.deepEqual(
        answers.filter((answer) => answer !== "won"),
        Array.from({ length: running.length - 1 }, () => `FOLDER_IN_USE ${pid}`),
      );
      await kill(winners[0]!);
      running = running.filter((contender) => contender !== winners[0]);
    }
  });

  it("stays with a holder that is stopped", async () => {
    const holder = await start();
    contenders = [holder];
    assert.equal(await holder.take(folder), "won");
    holder.process.kill("SIGSTOP");
    for (let n = 0; n < 20; n += 1) await assert.rejects(lockFolder(folder), { reason: "FOLDER_IN_USE" });
    holder.process.kill("SIGCONT");
  });
});
