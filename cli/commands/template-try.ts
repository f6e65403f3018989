/** `loom template try`: a real cluster from a folder, which is gone again afterwards. */
import { Job_State, type Job } from "../../gen/web/loom/v1/job_pb.js";
import { resolveTemplate } from "../../services/server/catalog/resolve.js";
import type { JsonObject } from "../../services/server/catalog/types.js";
import { parseConfig } from "../config-flags.js";
import { exitCodeOf, failureLines } from "../errors.js";
import { badInput, CliError, EXIT } from "../exit.js";
import { leaseSeconds } from "../lease-flags.js";
import { lastPart } from "../names.js";
import { lintLines, lintSummary } from "../render/lint.js";
import { count } from "../render/words.js";
import { mutate } from "../request.js";
import type { Session } from "../session.js";
import { checkResult, explain } from "../templates/failure.js";
import { fewestNodes, readFolderFor, templateOf, type Folder } from "../templates/folder.js";
import { removeCluster } from "../templates/remove.js";
import { watchFolder } from "../templates/watch.js";
import { ask } from "../terminal.js";
import { waitForJob } from "../wait.js";
import { printStatus } from "./status.js";
import { widthOf } from "./template-lint.js";

export interface TryOptions {
  readonly template?: string;
  readonly nodes?: number;
  readonly provider?: string;
  readonly services?: readonly string[];
  readonly config?: readonly string[];
  readonly name?: string;
  readonly lease?: string;
  readonly keep?: boolean;
  readonly delete?: boolean;
  readonly watch?: boolean;
}

/** Seconds after which a cluster that nobody deleted is deleted: its author's machine may have gone. */
const LEASE_S = 4 * 3600;
const NAME = /^[A-Za-z](?:[A-Za-z0-9-]{0,38}[A-Za-z0-9])?$/;

export async function run(session: Session, options: TryOptions, folder: string): Promise<number> {
  if (options.keep === true && (options.delete === true || options.watch === true))
    throw badInput(`--keep and ${options.delete === true ? "--delete" : "--watch"} contradict each other.`);
  if (options.name !== undefined && !NAME.test(options.name))
    throw badInput(
      `"${options.name}" cannot be the name of a cluster.`,
      "Use a letter, then letters, digits and hyphens, at most 40, no hyphen at the end.",
    );
  const asked: Asked = {
    ...options,
    values: await parseConfig(options.config ?? []),
    leaseS: options.lease === undefined ? undefined : leaseSeconds(options.lease, "--lease"),
  };
  return options.watch === true
    ? tryAgain(session, asked, folder)
    : tryOnce(session, asked, folder, () => goAhead(session, asked));
}

/** The flags, read. */
interface Asked extends TryOptions {
  readonly values: JsonObject;
  readonly leaseS: number | undefined;
}

/** A new cluster for each change of the folder, until Enter or Ctrl-C. */
async function tryAgain(session: Session, asked: Asked, folder: string): Promise<number> {
  const watch = watchFolder(session, folder);
  let exit: number = EXIT.done;
  for (let goesOn = true; goesOn && !session.signal.aborted;) {
    await watch.mark();
    let waited = false;
    const wait = async (): Promise<void> => {
      waited = true;
      session.say(
        `Waiting for a change below ${folder}. Enter or Ctrl-C deletes the cluster, if there is one, and ends.`,
      );
      goesOn = await watch.changed();
      if (goesOn) session.say(`\n${folder} has changed.`);
    };
    try {
      exit = await tryOnce(session, asked, folder, wait);
    } catch (thrown) {
      if (session.signal.aborted || waited) throw thrown;
      const { stderr } = session.terminal;
      exit = exitCodeOf(thrown);
      for (const line of failureLines(thrown, session.errPalette, stderr.columns ?? 100, false)) session.say(line);
      await wait();
    }
  }
  return exit;
}

/** Waits until the author has seen enough; not at all where nobody sits there. */
async function goAhead(session: Session, { delete: atOnce }: Asked): Promise<void> {
  if (atOnce === true || session.terminal.stdin.isTTY !== true || session.signal.aborted) return;
  await ask(session.terminal, "Press Enter to delete it: ", { signal: session.signal });
}

/**
 * Checks the folder, makes the cluster, says what became of it, and deletes it.
 *
 * @param enough resolves when the cluster may go
 */
async function tryOnce(session: Session, asked: Asked, folder: string, enough: () => Promise<void>): Promise<number> {
  const found = await readFolderFor(session, folder);
  refuseErrors(session, found);
  const template = templateOf(folder, found, asked.template);
  // What has begun must end in order: nothing below is stopped by Ctrl-C but the waiting.
  const lasting: Session = { ...session, signal: new AbortController().signal };
  const { name, job } = await create(lasting, asked, folder, found, template);
  const what = lastPart(name);
  session.say(`Cluster ${what}. Ctrl-C ${asked.keep === true ? "stops watching; the cluster stays" : "deletes it"}.`);
  let exit: number = EXIT.failed;
  try {
    if (!session.signal.aborted) exit = await follow(session, found, template, name, job);
    if (asked.keep !== true) await enough();
  } catch (thrown) {
    // After Ctrl-C there is nothing to say but what is done about it.
    if (!session.signal.aborted || asked.keep === true) {
      if (asked.keep !== true) await removeCluster(lasting, name);
      throw thrown;
    }
  }
  if (asked.keep === true) {
    session.say(`Kept: ${what}. Delete it with: loom delete ${what}`);
    return exit;
  }
  await removeCluster(lasting, name);
  return exit;
}

/** Says what is wrong with the documents. @throws CliError where one has an error */
function refuseErrors(session: Session, { files, documents, problems }: Folder): void {
  const shown = problems.filter(({ severity }) => severity !== "note");
  for (const line of lintLines(shown, files, session.errPalette, widthOf(session))) session.say(line);
  if (shown.length > 0) session.say(lintSummary(documents.length, shown));
  const errors = shown.filter(({ severity }) => severity === "error").length;
  if (errors > 0)
    throw new CliError(EXIT.badInput, `Nothing was made: ${count(errors, "error")}.`, { reason: "INVALID_CATALOG" });
}

async function create(
  session: Session,
  asked: Asked,
  folder: string,
  { files, catalog }: Folder,
  template: string,
): Promise<{ name: string; job: Job }> {
  const { provider, services } = asked;
  const nodes =
    asked.nodes ??
    fewestNodes(catalog, template, {
      ...(provider === undefined ? {} : { provider }),
      ...(services === undefined ? {} : { services }),
    });
  const { defaults, lease } = resolveTemplate(catalog, template);
  const leaseS =
    asked.leaseS ??
    (asked.keep === true || lease?.initial !== undefined || lease?.max !== undefined ? undefined : LEASE_S);
  session.say(
    `Trying ${template} of ${folder} on ${provider ?? defaults?.provider ?? "no provider"}, ${count(nodes, "node")}. The catalog stays as it is.`,
  );
  const api = await session.api();
  const cluster = await mutate(session, {}, `try ${folder}`, (requestId) =>
    api.clusters.createCluster({
      displayName:
        asked.name ??
        `try-${template}`
          .replaceAll(/[^A-Za-z0-9-]/g, "-")
          .slice(0, 40)
          .replace(/-+$/, ""),
      template,
      nodeCount: nodes,
      description: `loom template try ${folder}`.slice(0, 1000),
      provider: provider ?? "",
      services: [...(services ?? [])],
      ...(Object.keys(asked.values).length === 0 ? {} : { config: asked.values as never }),
      ...(leaseS === undefined ? {} : { leaseSeconds: leaseS }),
      documents: files.map(({ path, text }) => ({ path, text })),
      requestId,
    }),
  );
  return { name: cluster.name, job: cluster.job! };
}

/** Waits for the cluster and says how it is: where it answers and what its check said, or why it failed. */
async function follow(session: Session, folder: Folder, template: string, name: string, first: Job): Promise<number> {
  const { job, exit } = await waitForJob(session, first, {}, "complete", false);
  const api = await session.api();
  if (job.state === Job_State.FAILED) await explain(session, api, job, folder, template);
  if (exit !== EXIT.done) return exit;
  const check = await checkResult(session, api, job);
  const { errPalette: palette } = session;
  if (check === undefined) session.say(`${palette.yellow("no check:")} the template has none`);
  else {
    session.say(`${palette.green("check passed")}${check.length === 0 ? "" : ":"}`);
    for (const line of check) session.say(`    ${palette.dim("|")} ${line}`);
  }
  await printStatus(session, {}, await api.clusters.getCluster({ name }, { signal: session.signal }));
  return exit;
}
