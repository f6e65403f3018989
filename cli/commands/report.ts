/** What commands that start a job say and print. */
import type { Job } from "../../gen/web/loom/v1/job_pb.js";
import { EXIT } from "../exit.js";
import { clusterPart } from "../names.js";
import { JOBS } from "../render/kinds/jobs.js";
import { formatOf } from "../render/format.js";
import { printRecord } from "../render/output.js";
import { hasChanges, planLines } from "../render/plan.js";
import { jobKind } from "../render/words.js";
import type { Plan } from "../../gen/web/loom/v1/job_pb.js";
import type { MutationOptions } from "../request.js";
import type { OutputOptions, Session } from "../session.js";
import { checkWait, waitForJob, type WaitOptions } from "../wait.js";

export type JobCommandOptions = MutationOptions & WaitOptions & OutputOptions;

/** Refuses flags that make no sense before anything is sent. */
export function checkFlags(options: JobCommandOptions, usual?: string): void {
  formatOf(options);
  checkWait(options, usual);
}

/** Prints the plan of a dry run for people. Returns the exit code. */
export function printPlan(session: Session, options: MutationOptions, plan: Plan | undefined): number {
  if (plan === undefined) session.say("Nothing would be started.");
  else for (const line of planLines(plan, session.outPalette)) session.print(line);
  return planExit(options, plan);
}

/** 4 where there are changes and `--detailed-exit-code` is given. */
export function planExit(options: MutationOptions, plan: Plan | undefined): number {
  return options.detailedExitCode === true && plan !== undefined && hasChanges(plan) ? EXIT.changes : EXIT.done;
}

/** True where a dry run is to be shown as text. */
export function isText(options: OutputOptions): boolean {
  const format = formatOf(options);
  return format === "table" || format === "wide";
}

/**
 * Says what was accepted, waits where asked, and prints the job.
 *
 * @param usual what `--wait` without a state means
 */
export async function reportJob(
  session: Session,
  options: JobCommandOptions,
  job: Job,
  what: string,
  usual?: string,
): Promise<number> {
  const cluster = clusterPart(job.name);
  if (options.dryRun === true) {
    session.say(`Dry run: nothing is changed. This is what "${what}" does:`);
    if (isText(options) && job.plan !== undefined) return printPlan(session, options, job.plan);
    await printRecord(session, options, JOBS, job);
    return planExit(options, job.plan);
  }
  session.say(`Accepted: ${what}, job ${job.name} (${jobKind(job)})`);
  if (options.wait === undefined) {
    session.say(`Follow it: loom status ${cluster} --watch`);
    await printRecord(session, options, JOBS, job);
    return EXIT.done;
  }
  const { job: last, exit } = await waitForJob(session, job, options, usual);
  await printRecord(session, options, JOBS, last);
  return exit;
}
