/** Runs the test files of one suite in a mocha process and reads its counts. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Counts } from "../mocha-summary/reporter.js";
import { testFiles, type Suite } from "./suites.js";

export interface MochaRun {
  readonly counts: Promise<Counts>;
  /** Ends mocha and whatever it has started in its process group. */
  end(): void;
}

/**
 * @param folder becomes the suite's temporary folder
 * @param dry counts the tests without running them
 */
export function runMocha(suite: Suite, folder: string, dry: boolean): MochaRun {
  const countsFile = join(folder, "counts.json");
  const flags = ["--reporter", "tools/mocha-summary/reporter.ts", "--reporter-option", `counts=${countsFile}`];
  if (suite.jobs > 1) flags.push("--parallel", "--jobs", String(suite.jobs));
  if (dry) flags.push("--dry-run");
  const child = spawn("node_modules/.bin/mocha", [...flags, ...testFiles(suite)], {
    stdio: ["ignore", dry ? "ignore" : "inherit", "inherit"],
    detached: true,
    env: { ...process.env, TMPDIR: folder },
  });
  const timer = setTimeout(() => {
    process.stdout.write(`  ${suite.name} did not end within ${suite.minutes} minutes and is ended\n`);
    endGroup(child);
  }, suite.minutes * 60_000);
  const counts = new Promise<Counts>((resolve) => {
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      resolve(readCounts(countsFile, code === 0, signal ?? `exit code ${code}`));
    });
  });
  return { counts, end: () => endGroup(child) };
}

function endGroup(child: ChildProcess): void {
  try {
    process.kill(-child.pid!, "SIGKILL");
  } catch {
    // It has ended already.
  }
}

/** A mocha that ends badly without a failed test, or without counts, is one failure: nothing it says can be relied on. */
function readCounts(file: string, good: boolean, ending: string): Counts {
  const counts = existsSync(file)
    ? (JSON.parse(readFileSync(file, "utf8")) as Counts)
    : { passed: 0, failed: 0, skipped: 0 };
  rmSync(file, { force: true });
  if (good || counts.failed > 0) return counts;
  process.stdout.write(`  mocha ended with ${ending}\n`);
  return { ...counts, failed: 1 };
}
