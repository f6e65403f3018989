/**
 * Mocha reporter of `make test`: a line for each file, slow tests as they end, failures in full at the end, every
 * skipped test with its reason, and the counts in a file for whoever sums several runs up.
 *
 *   mocha --reporter tools/mocha-summary/reporter.ts --reporter-option counts=FILE
 */
import Mocha from "mocha";
import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import { readSkip } from "./skip.js";

/** What a run leaves in its counts file. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Milliseconds from which on a test gets a line of its own. */
const SLOW = 5000;

const { EVENT_TEST_PASS, EVENT_TEST_FAIL, EVENT_TEST_PENDING, EVENT_RUN_END } = Mocha.Runner.constants;

const print = (line: string): boolean => process.stdout.write(`${line}\n`);
const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;

export default class SummaryReporter {
  private passed = 0;
  private readonly failures: Mocha.Test[] = [];
  private skipped = 0;
  private unexplained = 0;
  private readonly skips: string[] = [];
  private file = { name: "", passed: 0, failed: 0, skipped: 0, milliseconds: 0 };
  private readonly countsFile: string | undefined;

  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    this.countsFile = (options.reporterOptions as { counts?: string } | undefined)?.counts;
    runner.on(EVENT_TEST_PASS, (test) => {
      this.enter(test).passed++;
      this.passed++;
      if ((test.duration ?? 0) >= SLOW) print(`        ${seconds(test.duration!).padStart(7)}  ${test.fullTitle()}`);
    });
    runner.on(EVENT_TEST_FAIL, (test, error: Error) => {
      this.enter(test).failed++;
      // A suite is listed by this field; a parallel worker sends the error beside the test.
      test.err ??= error;
      this.failures.push(test);
      print(`        failed   ${test.fullTitle()}: ${String(error?.message ?? error).split("\n", 1)[0]}`);
    });
    runner.on(EVENT_TEST_PENDING, (test) => {
      this.enter(test).skipped++;
      const { title, reason } = readSkip(test.fullTitle());
      if (reason === undefined) this.unexplained++;
      else this.skipped++;
      this.skips.push(
        reason === undefined ? `${title}: skipped without a reason, which counts as failed` : `${title}: ${reason}`,
      );
    });
    runner.on(EVENT_RUN_END, () => this.end());
  }

  /** Mocha calls this last; what it is given becomes the exit code. */
  done(failures: number, finish: (failures: number) => void): void {
    finish(failures + this.unexplained);
  }

  /** Counts of the test's file; a line about the file before where it is another one. */
  private enter(test: Mocha.Test): { passed: number; failed: number; skipped: number } {
    const name = test.file === undefined ? this.file.name : relative(process.cwd(), test.file);
    if (name !== this.file.name) {
      this.leave();
      this.file = { name, passed: 0, failed: 0, skipped: 0, milliseconds: 0 };
    }
    this.file.milliseconds += test.duration ?? 0;
    return this.file;
  }

  private leave(): void {
    const { name, passed, failed, skipped, milliseconds } = this.file;
    if (name === "") return;
    const counts = [`${passed} passed`, failed > 0 ? `${failed} failed` : "", skipped > 0 ? `${skipped} skipped` : ""];
    print(
      `  ${failed > 0 ? "FAIL" : "ok  "}  ${name}  ${counts.filter((text) => text !== "").join(", ")}  ${seconds(milliseconds)}`,
    );
  }

  private end(): void {
    this.leave();
    if (this.skips.length > 0) print(`\n  skipped:`);
    for (const line of this.skips) print(`    ${line}`);
    if (this.failures.length > 0) Mocha.reporters.Base.list(this.failures);
    const counts: Counts = {
      passed: this.passed,
      failed: this.failures.length + this.unexplained,
      skipped: this.skipped,
    };
    if (this.countsFile !== undefined) writeFileSync(this.countsFile, JSON.stringify(counts));
  }
}
