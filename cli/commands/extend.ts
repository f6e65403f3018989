/** `loom extend` */
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { badInput, EXIT } from "../exit.js";
import { leaseSeconds, timeOf } from "../lease-flags.js";
import { findCluster, lastPart } from "../names.js";
import { CLUSTERS, expiry } from "../render/kinds/clusters.js";
import { printRecord } from "../render/output.js";
import { mutate, type MutationOptions } from "../request.js";
import type { OutputOptions, Session } from "../session.js";
import type { ChangeLeaseRequest } from "../../gen/web/loom/v1/cluster_pb.js";

export interface ExtendOptions extends MutationOptions, OutputOptions {
  readonly until?: string;
  readonly forever?: boolean;
}

/** What the command line asks for; one of the three ways, and no other beside it. */
function changeOf(options: ExtendOptions, duration: string | undefined): ChangeLeaseRequest["change"] {
  const given = [duration, options.until, options.forever].filter((one) => one !== undefined);
  if (given.length !== 1)
    throw badInput(
      given.length === 0 ? "It is not said until when." : "It is said more than once until when.",
      "Give a duration such as 8h, or --until TIME, or --forever.",
    );
  if (options.until !== undefined)
    return { case: "expireTime", value: timestampFromMs(timeOf(options.until, "--until")) };
  const seconds = duration === undefined ? 0 : leaseSeconds(duration, "The duration");
  return seconds === 0 ? { case: "forever", value: true } : { case: "extendSeconds", value: seconds };
}

export async function run(session: Session, options: ExtendOptions, text: string, duration?: string): Promise<number> {
  const change = changeOf(options, duration);
  const api = await session.api();
  const { name } = await findCluster(api, text, session.signal);
  const cluster = await mutate(session, options, `extend ${lastPart(name)}`, (requestId) =>
    api.clusters.changeLease(
      { name, change, validateOnly: options.dryRun === true, requestId },
      { signal: session.signal },
    ),
  );
  const absolute = expiry(cluster, { ...session.renderContext(), utc: true });
  session.say(
    `${options.dryRun === true ? "Dry run: nothing is changed. The lease would end" : "The lease ends"}: ${absolute}`,
  );
  await printRecord(session, options, CLUSTERS, cluster);
  return EXIT.done;
}
