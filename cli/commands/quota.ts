/** `loom quota` and `loom quota set` */
import { badInput, EXIT } from "../exit.js";
import { QUOTAS } from "../render/kinds/quotas.js";
import { printRecord } from "../render/output.js";
import { mutate, type MutationOptions } from "../request.js";
import type { OutputOptions, Session } from "../session.js";

export interface QuotaSetOptions extends MutationOptions, OutputOptions {
  /** Undefined: as it is. Infinity: no limit. */
  readonly clusters?: number;
  readonly nodes?: number;
}

export async function show(session: Session, options: OutputOptions): Promise<number> {
  const api = await session.api();
  await printRecord(session, options, QUOTAS, await api.system.getQuota({}, { signal: session.signal }));
  return EXIT.done;
}

export async function set(session: Session, options: QuotaSetOptions): Promise<number> {
  if (options.clusters === undefined && options.nodes === undefined)
    throw badInput(
      "It is not said what the quota is to be.",
      "Give --clusters, --nodes or both; unlimited for no limit.",
    );
  const api = await session.api();
  const { signal } = session;
  const before = await api.system.getQuota({}, { signal });
  const pick = (given: number | undefined, present: number | undefined): number | undefined =>
    given === undefined ? present : given === Infinity ? undefined : given;
  const maxClusters = pick(options.clusters, before.maxClusters);
  const maxNodes = pick(options.nodes, before.maxNodes);
  const quota = await mutate(session, options, "set the quota", (requestId) =>
    api.system.setQuota(
      {
        ...(maxClusters === undefined ? {} : { maxClusters }),
        ...(maxNodes === undefined ? {} : { maxNodes }),
        validateOnly: options.dryRun === true,
        requestId,
      },
      { signal },
    ),
  );
  if (options.dryRun === true) session.say("Dry run: nothing is changed. The quota would be:");
  const isOver = (used: number, max: number | undefined): boolean => max !== undefined && used > max;
  if (isOver(quota.usedClusters, quota.maxClusters) || isOver(quota.usedNodes, quota.maxNodes))
    session.say("More is in use than that. It stays; nothing is added until enough of it is gone.");
  await printRecord(session, options, QUOTAS, quota);
  return options.detailedExitCode === true && options.dryRun === true && quota.etag !== before.etag
    ? EXIT.changes
    : EXIT.done;
}
