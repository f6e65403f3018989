/** `loom describe`: everything there is to know of one resource. */
import type { LoomClient } from "../../gateway/client.js";
import { Task_State, type Job, type Task } from "../../gen/web/loom/v1/job_pb.js";
import { Node_Observation, type Cluster, type Node } from "../../gen/web/loom/v1/cluster_pb.js";
import { costSentence } from "../../services/server/cost/cost.js";
import { badInput, EXIT } from "../exit.js";
import { clusterPart, findCluster, lastPart, parseReference } from "../names.js";
import { paintState } from "../render/colour.js";
import {
  CLUSTERS,
  NODES,
  clusterHealth,
  expiry,
  groupInWords,
  nodeObserved,
  nodeServices,
  nodeState,
  troubleSentence,
} from "../render/kinds/clusters.js";
import { ATTEMPTS, EVENTS, JOBS, TASKS } from "../render/kinds/jobs.js";
import { printRecord, recordLines } from "../render/output.js";
import { rootCause } from "../render/progress.js";
import { fieldLines, moment } from "../render/table.js";
import { oneLine } from "../render/text.js";
import { doing, jobKind, jobState, millis, progress, taskState, took } from "../render/words.js";
import type { OutputOptions, Session } from "../session.js";
import { isText } from "./report.js";
import { nodesOf } from "./status.js";
import { tasksOf } from "./tasks.js";

type Fields = (readonly [string, string])[];

export async function run(session: Session, options: OutputOptions, text: string): Promise<number> {
  if (text.startsWith("documents/")) return (await import("./catalog.js")).get(session, options, text);
  const { job, task, node } = parseReference(text);
  const api = await session.api();
  const cluster = await findCluster(api, text, session.signal);
  if (node !== undefined) await describeNode(session, api, options, `${cluster.name}/nodes/${node}`);
  // Lists leave out what takes long to tell, such as where a cluster answers.
  else if (job === undefined)
    await describeCluster(
      session,
      api,
      options,
      await api.clusters.getCluster({ name: cluster.name }, { signal: session.signal }),
    );
  else {
    const found = await api.jobs.getJob({ name: `${cluster.name}/jobs/${job}` }, { signal: session.signal });
    if (task === undefined) await describeJob(session, api, options, found);
    else await describeTask(session, api, options, found, task);
  }
  return EXIT.done;
}

function show(session: Session, fields: Fields): void {
  for (const line of fieldLines(
    fields.map(([key, value]) => [key, oneLineUnlessPainted(session, value)]),
    session.outPalette,
  ))
    session.print(line);
}

/** Values with colours of our own are safe already. */
function oneLineUnlessPainted(session: Session, value: string): string {
  return session.outPalette.enabled && value.startsWith("\u001b[") ? value : oneLine(value);
}

function section(session: Session, title: string, lines: readonly string[]): void {
  if (lines.length === 0) return;
  session.print("");
  session.print(session.outPalette.bold(title));
  for (const line of lines) session.print(`  ${line}`);
}

function when(session: Session, time: Parameters<typeof millis>[0]): string {
  const at = millis(time);
  if (at === undefined) return "";
  const absolute = moment(at, { now: 0, utc: true });
  return session.globals.utc === true ? absolute : `${absolute} (${moment(at, session.renderContext())})`;
}

async function describeCluster(
  session: Session,
  api: LoomClient,
  options: OutputOptions,
  cluster: Cluster,
): Promise<void> {
  if (!isText(options)) return printRecord(session, options, CLUSTERS, cluster);
  const { signal } = session;
  const [nodes, jobs, events] = await Promise.all([
    nodesOf(session, api, cluster.name),
    api.jobs.listJobs({ parent: cluster.name, pageSize: 5 }, { signal }),
    api.events.listEvents({ parent: cluster.name, pageSize: 10 }, { signal }),
  ]);
  show(session, [
    ["name", cluster.name],
    ["display name", cluster.displayName],
    ["state", paintState(clusterHealth(cluster), session.outPalette)],
    ["trouble", session.outPalette.red(oneLine(troubleSentence(cluster)))],
    ["description", cluster.description],
    ["template", `${cluster.template} version ${cluster.templateVersion}`],
    ["provider", cluster.provider],
    ["owner", [cluster.owner, cluster.tenant].filter((text) => text !== "").join(" of ")],
    ["created", when(session, cluster.createTime)],
    [
      "expires",
      cluster.expireTime === undefined ? expiry(cluster, session.renderContext()) : when(session, cluster.expireTime),
    ],
    ["cost", cluster.cost === undefined ? "" : costSentence(cluster.cost)],
    ["services", cluster.services.join(" ")],
    ["etag", cluster.etag],
    ...cluster.links.map((link) => [link.label, link.url] as const),
  ]);
  section(session, "Layout", cluster.layout.map(groupInWords));
  if (cluster.config !== undefined && Object.keys(cluster.config).length > 0) {
    const { stringify } = await import("yaml");
    section(
      session,
      "Configuration",
      stringify(cluster.config)
        .trimEnd()
        .split("\n")
        .map((line) => line.trimEnd()),
    );
  }
  const plain = {
    ...(options.header === undefined ? {} : { header: options.header }),
    ...(options.output === undefined ? {} : { output: options.output }),
  };
  section(session, "Nodes", nodes.length === 0 ? [] : recordLines(session, plain, NODES, nodes));
  section(session, "Jobs", jobs.jobs.length === 0 ? [] : recordLines(session, plain, JOBS, jobs.jobs));
  section(
    session,
    "Events",
    events.events.length === 0 ? [] : recordLines(session, plain, EVENTS, events.events.reverse()),
  );
}

/** What is wrong with its machine, and the command that mends it. */
function nodeTrouble(node: Node): string {
  const mends = node.observed === Node_Observation.DOWN || node.observed === Node_Observation.MISSING;
  const cluster = node.name.replace(/^clusters\//, "").replace(/\/nodes\/.*$/, "");
  return mends ? `${node.observedMessage} "loom repair ${cluster}" mends it.`.trim() : node.observedMessage;
}

async function describeNode(session: Session, api: LoomClient, options: OutputOptions, name: string): Promise<void> {
  const node = await api.clusters.getNode({ name }, { signal: session.signal });
  if (!isText(options)) return printRecord(session, options, NODES, node);
  show(session, [
    ["name", node.name],
    ["hostname", node.hostname],
    ["state", paintState(nodeState(node), session.outPalette)],
    ["observed", paintState(nodeObserved(node), session.outPalette)],
    ["since", when(session, node.observedSince)],
    ["trouble", session.outPalette.red(oneLine(nodeTrouble(node)))],
    ["message", node.message],
    ["services", nodeServices(node)],
    ["hardware", node.hardwareType],
    ["image", node.imageType],
    ["machine", node.machine],
    ["incarnation", String(node.incarnation)],
    ...Object.entries(node.addresses).map(([purpose, address]) => [`${purpose} address`, address] as const),
  ]);
  session.say(`Its logs: loom logs ${node.name.replace(/^clusters\//, "")}`);
}

async function describeJob(session: Session, api: LoomClient, options: OutputOptions, job: Job): Promise<void> {
  if (!isText(options)) return printRecord(session, options, JOBS, job);
  const notable = await tasksOf(session, api, job, [Task_State.RUNNING, Task_State.RETRYING, Task_State.FAILED]);
  const cause = rootCause(notable);
  show(session, [
    ["name", job.name],
    ["kind", jobKind(job)],
    ["state", paintState(jobState(job), session.outPalette)],
    ["message", job.message],
    ["reason", job.reason],
    ["progress", progress(job)],
    ["running", job.runningCount === 0 ? "" : String(job.runningCount)],
    ["retrying", job.retryingCount === 0 ? "" : String(job.retryingCount)],
    ["failed", job.failedCount === 0 ? "" : String(job.failedCount)],
    ["asked by", job.actor],
    ["accepted", when(session, job.createTime)],
    ["ended", when(session, job.endTime)],
    ["took", took(job.createTime, job.endTime, session.terminal.now())],
    ["runner", String(job.runner)],
  ]);
  if (cause !== undefined) {
    section(session, "Most likely cause", [
      `${doing(cause)} on node ${cause.node}: ${oneLine(cause.message)}`,
      `loom logs ${clusterPart(job.name)} --job ${lastPart(job.name)} --task ${lastPart(cause.name)}`,
    ]);
  }
  section(
    session,
    "Tasks at work or failed",
    notable.length === 0 ? [] : recordLines(session, { output: options.output ?? "table" }, TASKS, notable),
  );
}

async function describeTask(
  session: Session,
  api: LoomClient,
  options: OutputOptions,
  job: Job,
  number: number,
): Promise<void> {
  const name = `${job.name}/tasks/${number}`;
  const [{ attempts }, task] = await Promise.all([
    api.jobs.listAttempts({ parent: name }, { signal: session.signal }),
    findTask(session, api, job, number),
  ]);
  if (task === undefined)
    throw badInput(
      `There is no task ${number} in ${job.name}.`,
      `List them with: loom tasks ${clusterPart(job.name)} --job ${lastPart(job.name)}`,
    );
  if (!isText(options)) return printRecord(session, options, TASKS, task);
  show(session, [
    ["name", task.name],
    ["does", `${doing(task)} on node ${task.node}`],
    ["state", paintState(taskState(task), session.outPalette)],
    ["message", task.message],
    ["stage", String(task.stage)],
    ["took", took(task.startTime, task.endTime, session.terminal.now())],
  ]);
  section(
    session,
    "Attempts",
    attempts.length === 0
      ? [ATTEMPTS.empty]
      : recordLines(session, { output: options.output ?? "table" }, ATTEMPTS, attempts),
  );
}

/** Tasks are listed in number order, so the one wanted is on the page that its number falls into. */
async function findTask(session: Session, api: LoomClient, job: Job, number: number): Promise<Task | undefined> {
  let pageToken = "";
  do {
    const page = await api.jobs.listTasks({ parent: job.name, pageSize: 1000, pageToken }, { signal: session.signal });
    const found = page.tasks.find((task) => lastPart(task.name) === String(number));
    if (found !== undefined) return found;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return undefined;
}
