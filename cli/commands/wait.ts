/** `loom wait` */
import { EXIT } from "../exit.js";
import { JOBS } from "../render/kinds/jobs.js";
import { formatOf } from "../render/format.js";
import { printRecord } from "../render/output.js";
import { jobEnded } from "../render/words.js";
import type { OutputOptions, Session } from "../session.js";
import { checkWait, waitForJob, type WaitOptions } from "../wait.js";
import { findJob } from "./jobs.js";

export async function run(
  session: Session,
  given: WaitOptions & OutputOptions & { readonly job?: number },
  text: string,
): Promise<number> {
  const options = { ...given, wait: given.wait ?? "end" };
  formatOf(options);
  const wanted = checkWait(options);
  const job = await findJob(session, await session.api(), text, options.job);
  if (jobEnded(job)) {
    await printRecord(session, options, JOBS, job);
    return wanted.includes(job.state) ? EXIT.done : EXIT.failed;
  }
  const { job: last, exit } = await waitForJob(session, job, options);
  await printRecord(session, options, JOBS, last);
  return exit;
}
