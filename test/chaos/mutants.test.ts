/**
 * Takes one guard after the other out of a copy of the sources and shows that a test goes red. A guard that nobody
 * misses is a guard without a test. Two of them are tried in every run, all of them in long ones.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { IS_LONG } from "./operations.js";

interface Mutant {
  /** What is gone. */
  readonly name: string;
  readonly file: string;
  /** Stands in the file once. */
  readonly guard: string;
  readonly instead: string;
  /** What notices. */
  readonly test: string;
  readonly titles: string;
  /** Tried in every run. */
  readonly always?: true;
}

const CONTROLS = "test/chaos/controls.test.ts";
const GENERIC = "test/chaos/generic.test.ts";

const MUTANTS: readonly Mutant[] = [
  {
    name: "the runner in the statement of a step",
    file: "services/server/store/step-writer.ts",
    guard: " AND job_run.runner = step.runner",
    instead: "",
    test: CONTROLS,
    titles: "are one: what a frozen one wakes up to store",
    always: true,
  },
  {
    name: "the runner in what a runner records",
    file: "services/server/store/jobs.ts",
    guard: "if (run?.runner !== runner)",
    instead: "if (run === undefined)",
    test: CONTROLS,
    titles: "are one: what a frozen one wakes up to record",
  },
  {
    name: "the lock on the epoch in the statement of a step",
    file: "services/server/store/step-writer.ts",
    guard: " ORDER BY shard FOR SHARE)",
    instead: ")",
    test: CONTROLS,
    titles: "an epoch that changes",
  },
  {
    name: "the lock on the epoch in transactions",
    file: "services/server/store/transaction.ts",
    guard: "FROM shard_fence WHERE shard = $1 FOR SHARE",
    instead: "FROM shard_fence WHERE shard = $1",
    test: "services/server/store/transaction.test.ts",
    titles: "stops a zombie that arrives",
  },
  {
    name: "the guard against repeated requests",
    file: "services/server/store/log.ts",
    guard: "if (guard !== undefined) {",
    instead: "if (guard !== undefined && guard.tenant === '') {",
    test: GENERIC,
    titles: "create ends the same where Loom dies after any write",
  },
  {
    name: "the look for commands that nobody has seen",
    file: "services/server/store/jobs.ts",
    guard: "const isPassedOver = unseen.length > 0;",
    instead: "const isPassedOver = unseen.length > 1_000_000;",
    test: CONTROLS,
    titles: "a command in the moment a job ends",
  },
  {
    name: "the adoption of machines by their token",
    file: "services/provisioner/providers/simulated/provider.ts",
    guard: 'if (world.machines.has(subject.token!)) world.write("adopt", subject);\n  else world',
    instead: "world",
    test: GENERIC,
    titles: "create ends the same where the answer of every task is lost",
    always: true,
  },
  {
    name: "the answer to a task that has succeeded on its node",
    file: "services/provisioner/providers/simulated/channel.ts",
    guard: "if (task?.succeeded === true) {",
    instead: "if (task?.succeeded === undefined && task !== undefined) {",
    test: GENERIC,
    titles: "create ends the same where the answer of every task is lost",
  },
  {
    name: "the removal of the machine that is made again",
    file: "services/server/jobs/assignment.ts",
    guard: "node.incarnation > 1;",
    instead: "node.incarnation > 1_000_000;",
    test: GENERIC,
    titles: "create with a machine that cannot be confirmed ends the same where Loom dies again",
  },
  {
    name: "the tasks that the Loom before this one had handed out",
    file: "services/server/jobs/engine.ts",
    guard: 'stored.filter((task) => task.state === "RUNNING")',
    instead: 'stored.filter((task) => task.state === "SKIPPED" && task.attempt < 0)',
    test: GENERIC,
    titles: "delete ends the same where Loom dies after any write",
  },
  {
    name: "the orders to workers of a cancelled job that were lost",
    file: "services/server/jobs/run.ts",
    guard: "unattended.set(task, lost);",
    instead: "{ /* forgotten */ }",
    test: CONTROLS,
    titles: "holds where Loom dies right after it said so",
  },
  {
    name: "what a delete has deleted already",
    file: "services/server/jobs/engine.ts",
    guard: 'node.state === "DELETED" ? ',
    instead: 'node.state === "DELETED" && node.number < 0 ? ',
    test: GENERIC,
    titles: "delete fails by name",
  },
  {
    name: "the fence of loom-run",
    file: "services/provisioner/node/loom-run",
    guard: 'die "$FENCED" "refused: epoch $f_epoch',
    instead: ': "$FENCED" "refused: epoch $f_epoch',
    test: "services/provisioner/node/loom-run.test.ts",
    titles: "fences by epoch",
  },
  {
    name: "the fence of loom-run against older attempts",
    file: "services/provisioner/node/loom-run",
    guard: '[ "$attempt" -lt "$last" ] && die',
    instead: '[ "$attempt" -lt "$last" ] && :',
    test: "services/provisioner/node/loom-run.test.ts",
    titles: "fences by epoch",
  },
  {
    name: "the lock on a data folder",
    file: "services/standalone/lock.ts",
    guard: "if (holder !== undefined && (await answers(`${short}/${holder.socket}`))) {",
    instead: "if (holder !== undefined && holder.pid === -1) {",
    test: "services/standalone/lock.test.ts",
    titles: "",
  },
];

/** What tests of the mutants read. */
const COPIED = [
  "services",
  "test",
  "gateway",
  "cli",
  "gen",
  "db",
  "catalog",
  "proto",
  "package.json",
  "tsconfig.json",
  ".mocharc.json",
];

describe("without a guard the tests go red", function () {
  this.timeout(240_000);
  let copy: string;

  before(() => {
    copy = mkdtempSync(join(tmpdir(), "loom-mutants-"));
    for (const name of COPIED) cpSync(name, join(copy, name), { recursive: true });
    symlinkSync(resolve("node_modules"), join(copy, "node_modules"));
  });
  after(() => rmSync(copy, { recursive: true, force: true, maxRetries: 5 }));

  /** The tests of a file whose titles match, in the copy. */
  function run(test: string, titles: string): Promise<{ code: number; said: string }> {
    const { LOOM_CHAOS: _long, ...env } = process.env;
    const args = [
      "node_modules/mocha/bin/mocha.js",
      "--bail",
      "--exit",
      "--reporter",
      "spec",
      test,
      ...(titles === "" ? [] : ["--fgrep", titles]),
    ];
    const child = spawn(process.execPath, args, { cwd: copy, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (said += text));
    const late = setTimeout(() => process.kill(-child.pid!, "SIGKILL"), 180_000);
    return new Promise((done) => {
      child.once("close", (code) => {
        clearTimeout(late);
        done({ code: code ?? -1, said });
      });
    });
  }

  for (const { name, file, guard, instead, test, titles, always } of MUTANTS) {
    if (!IS_LONG && always !== true) continue;
    it(name, async () => {
      const whole = readFileSync(file, "utf8");
      assert.equal(whole.split(guard).length, 2, `${file} does not hold this guard once: ${guard}`);
      try {
        writeFileSync(
          join(copy, file),
          whole.replace(guard, () => instead),
        );
        const { code, said } = await run(test, titles);
        assert.match(said, /\d+ failing/, said);
        assert.notEqual(code, 0);
        assert.doesNotMatch(said, /SyntaxError|ERR_MODULE_NOT_FOUND/);
      } finally {
        writeFileSync(join(copy, file), whole);
      }
    });
  }

  it("and with all of them the same tests are green", async function () {
    const tried = MUTANTS.filter(({ always }) => IS_LONG || always === true);
    for (const { test, titles } of IS_LONG ? tried : tried.slice(0, 1)) {
      const { code, said } = await run(test, titles);
      assert.equal(code, 0, said);
      assert.match(said, /[1-9]\d* passing/);
    }
  });
});
