/** `loom create` */
import { EXIT, badInput } from "../exit.js";
import { parseConfig } from "../config-flags.js";
import { leaseSeconds } from "../lease-flags.js";
import { lastPart } from "../names.js";
import { CLUSTERS } from "../render/kinds/clusters.js";
import { printRecord } from "../render/output.js";
import { count } from "../render/words.js";
import { mutate } from "../request.js";
import type { Session } from "../session.js";
import { waitForJob } from "../wait.js";
import { checkFlags, isText, planExit, printPlan, type JobCommandOptions } from "./report.js";
import { printStatus } from "./status.js";

export interface CreateOptions extends JobCommandOptions {
  readonly template: string;
  readonly nodes: number;
  readonly provider?: string;
  readonly services?: readonly string[];
  readonly hardwareType?: string;
  readonly imageType?: string;
  readonly dnsSuffix?: string;
  readonly config?: readonly string[];
  readonly withDependencies?: boolean;
  readonly description?: string;
  readonly lease?: string;
}

const NAME = /^[A-Za-z](?:[A-Za-z0-9-]{0,38}[A-Za-z0-9])?$/;

export async function run(session: Session, options: CreateOptions, name: string): Promise<number> {
  checkFlags(options);
  if (!NAME.test(name))
    throw badInput(
      `"${name}" cannot be the name of a cluster.`,
      "Use a letter, then letters, digits and hyphens, at most 40, no hyphen at the end.",
    );
  const lease = options.lease === undefined ? undefined : leaseSeconds(options.lease, "--lease");
  const config = await parseConfig(options.config ?? []);
  const api = await session.api();
  const cluster = await mutate(session, options, `create ${name}`, (requestId) =>
    api.clusters.createCluster(
      {
        displayName: name,
        template: options.template,
        nodeCount: options.nodes,
        description: options.description ?? "",
        provider: options.provider ?? "",
        services: [...(options.services ?? [])],
        hardwareType: options.hardwareType ?? "",
        imageType: options.imageType ?? "",
        dnsSuffix: options.dnsSuffix ?? "",
        ...(Object.keys(config).length === 0 ? {} : { config: config as never }),
        withDependencies: options.withDependencies === true,
        ...(lease === undefined ? {} : { leaseSeconds: lease }),
        validateOnly: options.dryRun === true,
        requestId,
      },
      { signal: session.signal },
    ),
  );
  const plan = cluster.plan ?? cluster.job?.plan;
  if (options.dryRun === true) {
    session.say(
      `Dry run: nothing is made. Cluster ${name}, ${count(cluster.nodeCount, "node")} from template ${cluster.template} on ${cluster.provider}:`,
    );
    if (isText(options)) return printPlan(session, options, plan);
    await printRecord(session, options, CLUSTERS, cluster);
    return planExit(options, plan);
  }
  session.say(`Accepted: cluster ${cluster.name}`);
  if (options.wait === undefined || cluster.job === undefined) {
    session.say(`Follow it: loom status ${lastPart(cluster.name)} --watch`);
    await printRecord(session, options, CLUSTERS, cluster);
    return EXIT.done;
  }
  const { exit } = await waitForJob(session, cluster.job, options);
  const last = await api.clusters.getCluster({ name: cluster.name }, { signal: session.signal });
  if (isText(options) && options.columns === undefined) await printStatus(session, options, last);
  else await printRecord(session, options, CLUSTERS, last);
  return exit;
}
