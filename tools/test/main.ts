/**
 * `make test`: the checks, then every suite, then one line with the sums. Everything runs even where something before
 * it failed. Names of suites as arguments run only those.
 *
 *   node --import tsx tools/test/main.ts [check | unit | parts | integration | docker | e2e | chaos]...
 */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Counts } from "../mocha-summary/reporter.js";
import { ensureDocker, type Docker } from "./docker.js";
import { foldersLeft, processesMentioning } from "./leftovers.js";
import { runMocha, type MochaRun } from "./mocha.js";
import { SUITES, testFiles, type Suite } from "./suites.js";

/** The same place in every run: a daemon that a killed run left behind is stopped by the next one. */
const DOCKER_STATE = "node_modules/.cache/loom-test-docker";

const total = { passed: 0, failed: 0, skipped: 0 };
const say = (line: string): boolean => process.stdout.write(`${line}\n`);
const add = (counts: Counts): void => {
  for (const key of ["passed", "failed", "skipped"] as const) total[key] += counts[key];
};
const fail = (what: string): void => {
  say(`  FAIL  ${what}`);
  total.failed++;
};

const asked = process.argv.slice(2);
const known = ["check", ...SUITES.map((suite) => suite.name)];
const unknown = asked.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  say(`There is no suite ${unknown.join(", ")}. There are: ${known.join(", ")}.`);
  process.exit(2);
}
const wanted = (name: string): boolean => asked.length === 0 || asked.includes(name);

const folder = mkdtempSync(join(tmpdir(), "loom-test-"));
// Like the system's own: the database runs as another user where the tests run as root.
chmodSync(folder, 0o1777);
let docker: Docker | undefined;
let running: MochaRun | undefined;
let interrupted = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    interrupted = true;
    running?.end();
  });
}

async function runSuite(suite: Suite): Promise<void> {
  say(`\n== ${suite.name}`);
  if (testFiles(suite).length === 0) return void say("  no tests");
  const skipped = suite.docker === "needed" ? docker?.missing : undefined;
  const started = Date.now();
  running = runMocha(suite, folder, skipped !== undefined);
  const counts = await running.counts;
  running = undefined;
  if (interrupted) return;
  if (skipped !== undefined) {
    add({ passed: 0, failed: counts.failed, skipped: counts.passed });
    return void say(`  ${counts.passed} skipped: ${skipped}`);
  }
  add(counts);
  reportLeftovers(suite.name);
  say(
    `  ${suite.name}: ${counts.passed} passed, ${counts.failed} failed, ${Math.round((Date.now() - started) / 1000)} s`,
  );
}

/** Ends what a suite left running and says so; a folder it left is said and removed. */
function reportLeftovers(name: string): void {
  for (const { pid, command } of processesMentioning(folder)) {
    fail(`${name} left process ${pid} running: ${command.slice(0, 150)}`);
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended in the meantime.
    }
  }
  for (const left of docker?.leftovers() ?? []) fail(`${name} left ${left}`);
  const folders = foldersLeft(folder);
  if (folders.length > 0)
    say(
      `  ${name} left in its temporary folder: ${folders.slice(0, 5).join(", ")}${folders.length > 5 ? ", ..." : ""}`,
    );
  for (const left of folders) rmSync(join(folder, left), { recursive: true, force: true });
}

try {
  if (wanted("check")) {
    say("== check");
    const { status } = spawnSync("make", ["check"], { stdio: "inherit" });
    if (status !== 0) fail("make check");
  }
  if (SUITES.some((suite) => wanted(suite.name) && suite.docker !== "no" && testFiles(suite).length > 0)) {
    docker = ensureDocker(DOCKER_STATE);
  }
  for (const suite of SUITES) {
    if (wanted(suite.name) && !interrupted) await runSuite(suite);
  }
} finally {
  docker?.stop();
  rmSync(folder, { recursive: true, force: true });
}
if (interrupted) {
  say("\ninterrupted");
  process.exit(130);
}
const closing = `${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ""}`;
if (process.env.LOOM_TEST_SUMMARY !== undefined) writeFileSync(process.env.LOOM_TEST_SUMMARY, `${closing}\n`);
say(`\n${closing}`);
process.exitCode = total.failed > 0 ? 1 : 0;
