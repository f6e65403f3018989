import { strict as assert } from "node:assert";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createNodeHome, isRunning, type NodeHome } from "../../../test/support/node-home.js";
import { until } from "../../../test/support/wait.js";

describe("loom-run", function () {
  this.timeout(60_000);
  let node: NodeHome;
  beforeEach(() => (node = createNodeHome()));
  afterEach(() => node.dispose());

  interface Call {
    readonly epoch?: number | bigint;
    readonly job?: number;
    readonly runner?: number;
    readonly attempt?: number;
    readonly key?: string;
    readonly seconds?: number;
  }
  function args({ epoch = 1, job = 1, runner = 1, attempt = 1, key = "task", seconds = 60 }: Call): string[] {
    return [String(epoch), String(job), String(runner), String(attempt), key, String(seconds)];
  }
  const run = (script: string, call: Call = {}) => node.run("loom-run", args(call), { input: script });
  const start = (script: string, call: Call = {}) => node.start("loom-run", args(call), { input: script });
  const lines = (path: string) =>
    node
      .read(path)
      .split("\n")
      .filter((line) => line !== "");

  it("gives the script its output, exit code, configuration, folder and PATH", async () => {
    const script = 'cat "$LOOM_CONFIG"; echo "$GREETING"; pwd; command -v loom-service; echo wrong >&2; umask; exit 3';
    const input = `{"a":"x\\ny \\\\ é"}\n${script}`;
    const answer = await node.run("loom-run", ["-c", ...args({})], { input, env: { GREETING: "it's $HOME" } });
    assert.deepEqual(answer, {
      code: 3,
      stderr: "wrong\n",
      stdout: `{"a":"x\\ny \\\\ é"}\nit's $HOME\n${node.home}\n${node.home}/bin/loom-service\n0022\n`,
    });
  });

  it("runs a script from a file, with the interpreter it names", async () => {
    writeFileSync(join(node.home, "script"), "#!/usr/bin/env node\nconsole.log(6 * 7);\n");
    const answer = await node.run("loom-run", [...args({}), join(node.home, "script")]);
    assert.deepEqual(answer, { code: 0, stdout: "42\n", stderr: "" });
  });

  it("refuses what makes no sense", async () => {
    for (const wrong of [
      ["1", "1", "1"],
      args({ key: "../x" }),
      args({ key: ".x" }),
      ["x", ...args({}).slice(1)],
      [...args({}).slice(0, 5), "ten"],
    ]) {
      assert.equal((await node.run("loom-run", wrong, { input: "echo no" })).code, 64, wrong.join(" "));
    }
  });

  it("fences by epoch, then job, then runner, and by the attempt of the same task", async () => {
    assert.equal((await run("true", { epoch: 5, job: 5, runner: 5, attempt: 5 })).code, 0);
    const table: [Call, "runs" | "fenced" | "stored"][] = [
      [{ epoch: 4, job: 9, runner: 9, attempt: 9 }, "fenced"],
      [{ epoch: 5, job: 4, runner: 9, attempt: 9 }, "fenced"],
      [{ epoch: 5, job: 5, runner: 4, attempt: 9 }, "fenced"],
      [{ epoch: 5, job: 5, runner: 4, attempt: 9, key: "other" }, "fenced"],
      [{ epoch: 5, job: 5, runner: 5, attempt: 4 }, "fenced"],
      [{ epoch: 5, job: 5, runner: 5, attempt: 5 }, "stored"],
      [{ epoch: 5, job: 5, runner: 5, attempt: 1, key: "other" }, "runs"],
      [{ epoch: 5, job: 5, runner: 6, attempt: 6 }, "stored"],
      [{ epoch: 5, job: 5, runner: 5, attempt: 7 }, "fenced"],
      [{ epoch: 5, job: 6, runner: 1, attempt: 1, key: "next" }, "runs"],
      [{ epoch: 5, job: 5, runner: 9, attempt: 9, key: "next" }, "fenced"],
      [{ epoch: 9007199254740993n, job: 1, runner: 1, key: "far" }, "runs"],
      [{ epoch: 9007199254740992n, job: 1, runner: 1, key: "far" }, "fenced"],
    ];
    for (const [call, expected] of table) {
      const { code, stdout } = await run("echo ran", call);
      const got = code === 75 ? "fenced" : stdout === "ran\n" ? "runs" : "stored";
      assert.equal(
        got,
        expected,
        JSON.stringify(call, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)),
      );
    }
  });

  it("answers a stored success with its output, and runs a stored failure again", async () => {
    const script = 'echo x >>runs; echo "out $(wc -l <runs)"; echo err >&2; [ -e fine ]';
    assert.equal((await run(script)).code, 1);
    assert.equal((await run(script, { attempt: 2 })).code, 1);
    writeFileSync(join(node.home, "fine"), "");
    const third = await run(script, { attempt: 3 });
    assert.deepEqual(third, { code: 0, stdout: "out 3\n", stderr: "err\n" });
    assert.deepEqual(await run(script, { attempt: 3 }), third);
    assert.deepEqual(await run(script, { attempt: 4, runner: 2 }), third);
    assert.equal(lines("runs").length, 3);
  });

  it("keeps a bounded part of a large output, and shows all of it", async () => {
    const answer = await run("head -c 3000000 /dev/zero | tr '\\0' x");
    assert.equal(answer.stdout.length, 3_000_000);
    assert.equal((await run("")).stdout.length, 1_048_576);
  });

  it("ends a script after its time with all it started, also what ignores TERM", async () => {
    const script = "sh -c 'trap \"\" TERM; echo $$ >>pids; sleep 300; sleep 300' & echo $$ >>pids; sleep 300";
    const { code, stderr } = await run(script, { seconds: 0.5 });
    assert.equal(code, 124);
    assert.match(stderr, /stopped after 0.5 seconds/);
    assert.equal(lines("pids").length, 2);
    for (const pid of lines("pids")) assert.ok(!isRunning(Number(pid)));
  });

  it("leaves no time keeper behind", async () => {
    for (let attempt = 1; attempt <= 10; attempt++) await run("exit 1", { attempt });
    await until("nothing of it runs", async () => (await node.pids()).length === 0);
  });

  it("tells a script's own 75 and 124 as 1", async () => {
    assert.equal((await run("exit 75")).code, 1);
    assert.equal((await run("exit 124", { attempt: 2 })).code, 1);
    assert.equal((await run("kill -9 $$", { attempt: 3 })).code, 137);
  });

  it("ends the older one with all it started before the newer one runs", async () => {
    const cases: [Call, Call][] = [
      [
        { key: "a", attempt: 1 },
        { key: "a", attempt: 2 },
      ],
      [{ key: "b" }, { key: "c", runner: 2 }],
      [
        { key: "d", runner: 2 },
        { key: "e", job: 2 },
      ],
      [
        { key: "f", job: 2 },
        { key: "g", job: 2 },
      ],
    ];
    for (const [before, after] of cases) {
      // What ignores TERM takes the whole grace of 5 s; once is enough.
      const trap = before.key === "a" ? 'trap "" TERM; ' : "";
      const older = start(
        `sh -c '${trap}echo $$ >>pids; sleep 300; sleep 300' & echo $$ >>pids; sleep 300; sleep 300`,
        before,
      );
      await until("the older one runs", () => lines("pids").length === 2);
      const pids = lines("pids").map(Number);
      const look = pids.map(
        (pid) =>
          `{ read -r line </proc/${pid}/stat && case "\${line##*) }" in Z*) ;; *) echo "${pid} runs" ;; esac; } 2>/dev/null`,
      );
      const { code, stdout } = await run(`${look.join("; ")}; rm pids; echo done`, after);
      assert.deepEqual({ code, stdout }, { code: 0, stdout: "done\n" });
      assert.equal((await older.ended).code, 75);
    }
  });

  it("goes on when its client is killed, and answers the next client", async () => {
    const { child } = start(
      "echo begun; echo $$ >pid; until [ -e go ]; do sleep 0.05; done; echo ended; echo x >>runs",
    );
    await until("it runs", () => node.read("pid") !== "");
    process.kill(-child.pid!, "SIGKILL");
    writeFileSync(join(node.home, "go"), "");
    await until("its result is stored", () => existsSync(join(node.home, "run/tasks/task/result")));
    assert.deepEqual(await run("echo no", { attempt: 2 }), { code: 0, stdout: "begun\nended\n", stderr: "" });
    assert.equal(lines("runs").length, 1);
  });

  it("is ended by a newer attempt when its client was killed, and its supervisor too", async () => {
    const { child } = start("echo $$ >pid; sleep 300; sleep 300");
    await until("it runs", () => node.read("pid") !== "" && node.read("run/current") !== "");
    const [, , supervisor] = node.read("run/current").split(" ");
    process.kill(-child.pid!, "SIGKILL");
    process.kill(Number(supervisor), "SIGKILL");
    assert.ok(isRunning(Number(node.read("pid"))));
    assert.equal((await run("echo new", { attempt: 2 })).stdout, "new\n");
    assert.ok(!isRunning(Number(node.read("pid"))));
  });

  it("runs once when the same attempt is asked for twenty times at once", async () => {
    const script = "echo begin >>runs; sleep 0.3; echo end >>runs; echo answer";
    const answers = await Promise.all(Array.from({ length: 20 }, () => run(script)));
    for (const answer of answers) assert.deepEqual(answer, { code: 0, stdout: "answer\n", stderr: "" });
    assert.deepEqual(lines("runs"), ["begin", "end"]);
  });

  it("lets the newest win when twenty attempts contend", async () => {
    const order = Array.from({ length: 20 }, (_, index) => ((index * 7) % 20) + 1);
    const started = order.map((attempt) => start("until [ -e go ]; do sleep 0.05; done; echo end >>runs", { attempt }));
    await until("the newest runs", () => node.read("run/current").endsWith(" task 20\n"));
    writeFileSync(join(node.home, "go"), "");
    const codes = await Promise.all(started.map(async ({ ended }) => (await ended).code));
    assert.deepEqual(
      codes.map((code, index) => ({ attempt: order[index], code })).filter(({ code }) => code === 0),
      [{ attempt: 20, code: 0 }],
    );
    assert.ok(
      codes.every((code) => code === 0 || code === 75),
      codes.join(" "),
    );
    assert.deepEqual(lines("runs"), ["end"]);
  });

  it("ends an attempt that is cancelled, and never starts it", async () => {
    const running = start("echo $$ >pid; sleep 300");
    await until("it runs", () => node.read("pid") !== "");
    assert.equal((await node.run("loom-run", ["-k", "1", "1", "1", "1", "task"])).code, 0);
    assert.equal((await running.ended).code, 143);
    assert.equal((await run("echo no")).code, 75);
    assert.equal((await node.run("loom-run", ["-k", "1", "1", "1", "1", "later"])).code, 0);
    assert.equal((await run("echo no", { key: "later" })).code, 75);
    assert.equal((await run("echo yes", { key: "later", attempt: 2 })).stdout, "yes\n");
    assert.equal((await node.run("loom-run", ["-k", "0", "1", "1", "9", "later"])).code, 75);
  });

  it("comes to the same end whenever it is killed", async () => {
    // Every process of it is killed at some moment, from before the first record to after the result.
    let attempt = 0;
    for (let delay = 0; delay < 60; delay += 4) {
      const { child } = start("echo x >>runs; sleep 0.01", { attempt: ++attempt, key: `crash-${delay}` });
      await new Promise((resolve) => setTimeout(resolve, delay));
      const current = node.read("run/current").split(" ");
      for (const pid of [-child.pid!, Number(current[2]), Number(current[0])]) {
        if (Number.isNaN(pid) || pid === 0) continue;
        try {
          process.kill(pid, "SIGKILL");
        } catch {
          // It ended first.
        }
      }
      const again = await run("echo fine", { attempt: ++attempt, key: `crash-${delay}` });
      assert.ok(again.code === 0 && ["fine\n", ""].includes(again.stdout), `${delay} ms: ${JSON.stringify(again)}`);
    }
  });

  it("leaves only its records behind", async () => {
    await run("true");
    await run("false", { attempt: 2, key: "b" });
    await until(
      "the work folders are gone",
      async () => (await run("ls run/tmp | wc -l", { key: `c${Date.now()}` })).stdout.trim() === "1",
    );
    assert.equal(node.read("run/current"), "");
  });
});
