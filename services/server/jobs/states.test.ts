import assert from "node:assert/strict";
import { JOB_MOVES, JOB_STATES, TASK_MOVES, TASK_STATES, checkJobMove, checkTaskMove, isEnded } from "./states.js";

/** Every pair, as a row of the states one may go to; what is not written here is illegal. */
const JOBS: Readonly<Record<string, string>> = {
  QUEUED: "RUNNING PAUSED CANCELLING FAILED",
  RUNNING: "PAUSED WAITING CANCELLING COMPLETE FAILED",
  PAUSED: "QUEUED RUNNING CANCELLING COMPLETE FAILED",
  WAITING: "RUNNING PAUSED CANCELLING COMPLETE FAILED",
  CANCELLING: "CANCELLED COMPLETE FAILED",
  COMPLETE: "",
  FAILED: "QUEUED RUNNING",
  CANCELLED: "QUEUED RUNNING",
};

const TASKS: Readonly<Record<string, string>> = {
  WAITING: "READY SKIPPED CANCELLED",
  READY: "RUNNING WAITING SKIPPED CANCELLED",
  RUNNING: "COMPLETE FAILED RETRYING READY WAITING CANCELLED",
  RETRYING: "READY WAITING FAILED SKIPPED CANCELLED",
  COMPLETE: "WAITING READY",
  FAILED: "READY WAITING SKIPPED",
  SKIPPED: "WAITING",
  CANCELLED: "WAITING READY SKIPPED",
};

function walk<S extends string>(
  states: readonly S[],
  expected: Readonly<Record<string, string>>,
  moves: Readonly<Record<S, readonly S[]>>,
  check: (from: S, to: S) => void,
): void {
  assert.deepEqual(Object.keys(expected), states);
  assert.deepEqual(Object.keys(moves), states);
  for (const from of states) {
    for (const to of states) {
      const isLegal = from === to || expected[from]!.split(" ").includes(to);
      if (isLegal) check(from, to);
      else assert.throws(() => check(from, to), new RegExp(`illegal move of a (job|task): ${from} to ${to}`));
    }
  }
}

describe("states of jobs and tasks", () => {
  it("allow the moves of a job that are written down, and no others", () =>
    walk(JOB_STATES, JOBS, JOB_MOVES, checkJobMove));

  it("allow the moves of a task that are written down, and no others", () =>
    walk(TASK_STATES, TASKS, TASK_MOVES, checkTaskMove));

  it("end a job in three of them, from each of which only a retry leads out", () => {
    assert.deepEqual(JOB_STATES.filter(isEnded), ["COMPLETE", "FAILED", "CANCELLED"]);
    for (const state of JOB_STATES.filter(isEnded))
      assert.ok(JOB_MOVES[state].every((to) => to === "QUEUED" || to === "RUNNING"));
  });

  it("reach an end from everywhere", () => {
    for (const start of JOB_STATES) {
      const seen = new Set([start]);
      for (const state of seen) for (const to of JOB_MOVES[state]) seen.add(to);
      assert.ok(seen.has("COMPLETE"), start);
    }
    for (const start of TASK_STATES) {
      const seen = new Set([start]);
      for (const state of seen) for (const to of TASK_MOVES[state]) seen.add(to);
      assert.ok(seen.has("COMPLETE"), start);
    }
  });
});
