/** What commands that change a running cluster share: the preview, the question, the request, the wait. */
import type { LoomClient } from "../../gateway/client.js";
import type { Cluster } from "../../gen/web/loom/v1/cluster_pb.js";
import type { Job, Plan } from "../../gen/web/loom/v1/job_pb.js";
import { LoomError } from "../../services/common/errors.js";
import { badInput, CliError, EXIT } from "../exit.js";
import { findCluster, lastPart } from "../names.js";
import { planLines } from "../render/plan.js";
import { mutate } from "../request.js";
import type { Session } from "../session.js";
import { ask } from "../terminal.js";
import { checkFlags, reportJob, type JobCommandOptions } from "./report.js";

export interface OperationOptions extends JobCommandOptions {
  readonly etag?: string;
  readonly yes?: boolean;
}

/** What every request of an operation says besides its own fields. */
export interface Common {
  readonly name: string;
  readonly etag: string;
  readonly validateOnly: boolean;
  readonly requestId: string;
}

export interface Operation {
  /** For the person, for example `restart web of hello-1a`. */
  what(cluster: Cluster): string;
  send(api: LoomClient, common: Common, signal: AbortSignal): Promise<Job>;
  /**
   * `name`: nothing of it comes back, so the name of the cluster must be typed, or --yes given. `yes`: asked where there
   * is a terminal. Both after what it does was shown.
   */
  readonly question?: "name" | "yes";
  /** Said where there is nothing to do; an error where absent. */
  readonly nothingToDo?: (cluster: Cluster) => string;
}

/** Asks whether what was shown is meant. */
async function confirm(session: Session, cluster: Cluster, question: "name" | "yes"): Promise<void> {
  const { displayName } = cluster;
  const text = question === "name" ? `Type ${displayName} to do this: ` : "Do this? [y/N] ";
  const answer = (await ask(session.terminal, text, { signal: session.signal }))?.trim() ?? "";
  const agreed =
    question === "name" ? answer === displayName || answer === lastPart(cluster.name) : /^y(es)?$/i.test(answer);
  if (!agreed) throw new CliError(EXIT.badInput, "Nothing was changed.");
}

function show(session: Session, what: string, plan: Plan | undefined): void {
  session.say(`This is what "${what}" does:`);
  if (plan !== undefined) for (const line of planLines(plan, session.errPalette)) session.say(`  ${line}`);
}

/** Carries out an operation on the cluster that the text names. */
export async function operate(
  session: Session,
  options: OperationOptions,
  text: string,
  operation: Operation,
): Promise<number> {
  checkFlags(options);
  const { question } = operation;
  const hasTerminal = session.terminal.stdin.isTTY === true;
  const mustAsk = question !== undefined && options.yes !== true && options.dryRun !== true;
  if (mustAsk && question === "name" && !hasTerminal) {
    throw badInput(
      "What this takes away does not come back, and there is no terminal to ask at.",
      "Give --yes if that is meant, or --dry-run to see what would be done.",
    );
  }
  const api = await session.api();
  const cluster = await findCluster(api, text, session.signal);
  const what = operation.what(cluster);
  const common: Common = {
    name: cluster.name,
    etag: options.etag ?? "",
    validateOnly: options.dryRun === true,
    requestId: "",
  };
  try {
    // A request that is repeated by its id was answered once, and what it would do now is not what it did.
    const asks = mustAsk && hasTerminal && options.requestId === undefined;
    if (asks) {
      const { plan } = await operation.send(api, { ...common, validateOnly: true }, session.signal);
      show(session, what, plan);
      await confirm(session, cluster, question);
    }
    // What was agreed to is what is done: not where the cluster has changed since it was shown.
    const etag = asks && common.etag === "" ? cluster.etag : common.etag;
    const job = await mutate(session, options, what, (requestId) =>
      operation.send(api, { ...common, etag, requestId }, session.signal),
    );
    return await reportJob(session, options, job, what);
  } catch (thrown) {
    if (operation.nothingToDo === undefined || !(thrown instanceof LoomError) || thrown.reason !== "NOTHING_TO_DO")
      throw thrown;
    session.say(operation.nothingToDo(cluster));
    return EXIT.done;
  }
}
