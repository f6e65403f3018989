/** `loom add-nodes` */
import { findCluster, lastPart } from "../names.js";
import { count as counted } from "../render/words.js";
import { mutate } from "../request.js";
import type { Session } from "../session.js";
import { checkFlags, reportJob, type JobCommandOptions } from "./report.js";

export async function run(
  session: Session,
  options: JobCommandOptions,
  text: string,
  service: string,
  count: number,
): Promise<number> {
  checkFlags(options);
  const api = await session.api();
  const cluster = await findCluster(api, text, session.signal);
  const what = `add ${counted(count, "node")} with ${service} to ${lastPart(cluster.name)}`;
  const job = await mutate(session, options, what, (requestId) =>
    api.clusters.addNodes(
      { name: cluster.name, service, count, validateOnly: options.dryRun === true, requestId },
      { signal: session.signal },
    ),
  );
  return reportJob(session, options, job, what);
}
