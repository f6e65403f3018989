/** `loom delete` */
import type { Cluster } from "../../gen/web/loom/v1/cluster_pb.js";
import { badInput, CliError, EXIT } from "../exit.js";
import { findCluster, lastPart } from "../names.js";
import { clusterState } from "../render/kinds/clusters.js";
import { count } from "../render/words.js";
import { mutate } from "../request.js";
import type { Session } from "../session.js";
import { ask } from "../terminal.js";
import { checkFlags, reportJob, type JobCommandOptions } from "./report.js";

export interface DeleteOptions extends JobCommandOptions {
  readonly yes?: boolean;
}

export async function run(session: Session, options: DeleteOptions, text: string): Promise<number> {
  checkFlags(options);
  const mustAsk = options.yes !== true && options.dryRun !== true;
  if (mustAsk && session.terminal.stdin.isTTY !== true) {
    throw badInput(
      `Deleting ${text} removes every machine of it, and there is no terminal to ask at.`,
      "Give --yes if that is meant, or --dry-run to see what would be removed.",
    );
  }
  const api = await session.api();
  const cluster = await findCluster(api, text, session.signal);
  if (mustAsk) await confirm(session, cluster);
  const what = `delete ${lastPart(cluster.name)}`;
  const job = await mutate(session, options, what, (requestId) =>
    api.clusters.deleteCluster(
      { name: cluster.name, validateOnly: options.dryRun === true, requestId },
      { signal: session.signal },
    ),
  );
  return reportJob(session, options, job, what);
}

async function confirm(session: Session, cluster: Cluster): Promise<void> {
  const name = lastPart(cluster.name);
  session.say(
    `This removes ${cluster.name} (${clusterState(cluster)}, ${count(cluster.nodeCount, "node")}) and everything on its machines. It cannot be undone.`,
  );
  const answer = await ask(session.terminal, `Type ${cluster.displayName} to delete it: `, { signal: session.signal });
  if (answer?.trim() === cluster.displayName || answer?.trim() === name) return;
  throw new CliError(EXIT.badInput, `That is not ${cluster.displayName}: nothing was deleted.`);
}
