/** `loom status`: clusters, their nodes and services at a glance. */
import type { LoomClient } from "../../gateway/client.js";
import { Cluster_State, type Cluster, type Node } from "../../gen/web/loom/v1/cluster_pb.js";
import { ClusterSchema, NodeSchema } from "../../gen/web/loom/v1/cluster_pb.js";
import { costSentence } from "../../services/server/cost/cost.js";
import { badInput, EXIT } from "../exit.js";
import { clusterFeed } from "../feeds.js";
import { findCluster, lastPart } from "../names.js";
import { readPages } from "../pages.js";
import { paintState } from "../render/colour.js";
import {
  CLUSTERS,
  NODES,
  clusterHealth,
  clusterState,
  expiry,
  groupInWords,
  troubleSentence,
} from "../render/kinds/clusters.js";
import { formatOf, printValue } from "../render/format.js";
import { jsonOf, recordLines } from "../render/output.js";
import { createLiveArea } from "../render/live.js";
import { oneLine } from "../render/text.js";
import { jobEnded, jobKind, jobState, millis, progress } from "../render/words.js";
import { fieldLines, moment } from "../render/table.js";
import type { OutputOptions, Session } from "../session.js";
import { watch } from "../watch.js";
import { listClusters, watchList } from "./list.js";

export interface StatusOptions extends OutputOptions {
  readonly watch?: boolean;
}

export async function run(session: Session, options: StatusOptions, name?: string): Promise<number> {
  const api = await session.api();
  if (name === undefined) return overview(session, api, options);
  const found = await findCluster(api, name, session.signal);
  // Lists leave out what takes long to tell, such as where a cluster answers.
  const cluster = await api.clusters.getCluster({ name: found.name }, { signal: session.signal });
  if (options.watch === true) return watchStatus(session, api, options, cluster);
  await printStatus(session, options, cluster);
  return EXIT.done;
}

/** All nodes of a cluster in number order. */
export async function nodesOf(session: Session, api: LoomClient, parent: string, showDeleted = false): Promise<Node[]> {
  const { items } = await readPages(async (page) => {
    const answer = await api.clusters.listNodes({ parent, showDeleted, ...page }, { signal: session.signal });
    return { items: answer.nodes, nextPageToken: answer.nextPageToken };
  });
  return items;
}

/** The newest job in a sentence. */
function jobLine(session: Session, cluster: Cluster): string {
  const { job } = cluster;
  if (job === undefined) return "";
  const done = progress(job);
  const message = job.message === "" ? "" : `: ${oneLine(job.message)}`;
  return `${lastPart(job.name)} ${jobKind(job)} ${paintState(jobState(job), session.outPalette)}${done === "" ? "" : ` ${done}`}${message}`;
}

/** The lines of one cluster: what it is, how it is, where it answers, and its nodes. */
function statusLines(session: Session, options: OutputOptions, cluster: Cluster, nodes: readonly Node[]): string[] {
  const palette = session.outPalette;
  const context = session.renderContext();
  const fields: (readonly [string, string])[] = [
    ["cluster", `${palette.bold(lastPart(cluster.name))}  ${paintState(clusterHealth(cluster), palette)}`],
    ["trouble", palette.red(oneLine(troubleSentence(cluster)))],
    ["template", `${cluster.template}${cluster.templateVersion === 0 ? "" : ` version ${cluster.templateVersion}`}`],
    ["provider", cluster.provider],
    ["created", moment(millis(cluster.createTime), context)],
    ["expires", expiry(cluster, context)],
    ["cost", cluster.cost === undefined ? "" : costSentence(cluster.cost)],
    ["job", jobLine(session, cluster)],
    ...cluster.links.map((link) => [oneLine(link.label), oneLine(link.url)] as const),
  ];
  return [
    ...fieldLines(fields, palette),
    "",
    ...(nodes.length === 0 ? ["No nodes."] : recordLines(session, options, NODES, nodes)),
  ];
}

/** Prints one cluster with its nodes; JSON is `{"cluster": ..., "nodes": [...]}`. */
export async function printStatus(session: Session, options: OutputOptions, cluster: Cluster): Promise<void> {
  const format = formatOf(options);
  const nodes = await nodesOf(session, await session.api(), cluster.name);
  if (format === "name") for (const { name } of [cluster, ...nodes]) session.print(name);
  else if (format === "table" || format === "wide")
    for (const line of statusLines(session, options, cluster, nodes)) session.print(line);
  else
    await printValue(session, format, {
      cluster: jsonOf(ClusterSchema, cluster),
      nodes: nodes.map((node) => jsonOf(NodeSchema, node)),
    });
}

/** Watches until the job that is at work has ended, or until Ctrl-C where none is. */
async function watchStatus(session: Session, api: LoomClient, options: StatusOptions, first: Cluster): Promise<number> {
  const format = formatOf(options);
  if (format === "json" || format === "yaml" || format === "name")
    throw badInput(`--watch cannot write ${format}.`, "Use -o jsonl: one line for each change.");
  const inPlace = session.terminal.stdout.isTTY === true && (format === "table" || format === "wide");
  const area = createLiveArea(session.terminal.stdout);
  let cluster = first;
  let wasBusy = first.state === Cluster_State.PENDING;
  let before = "";
  try {
    await watch(
      session,
      clusterFeed(session, api, first.name, () => undefined),
      async (lost) => {
        if (!lost) cluster = await api.clusters.getCluster({ name: first.name }, { signal: session.signal });
        const nodes = lost ? [] : await nodesOf(session, api, cluster.name);
        if (inPlace) {
          if (!lost) area.draw(statusLines(session, options, cluster, nodes));
          else
            area.draw([
              session.outPalette.yellow(
                `reconnecting; ${lastPart(cluster.name)} was last seen ${clusterState(cluster)}`,
              ),
            ]);
        } else if (lost) session.say("The connection was lost; reconnecting.");
        else if (format === "table" || format === "wide") {
          const line = oneLine(`${lastPart(cluster.name)} ${clusterState(cluster)}, job ${jobLine(session, cluster)}`);
          if (line !== before) session.print(line);
          before = line;
        } else
          await printValue(session, "jsonl", {
            cluster: jsonOf(ClusterSchema, cluster),
            nodes: nodes.map((node) => jsonOf(NodeSchema, node)),
          });
        wasBusy ||= cluster.state === Cluster_State.PENDING;
        return (
          cluster.state === Cluster_State.TERMINATED ||
          (wasBusy && cluster.state !== Cluster_State.PENDING && (cluster.job === undefined || jobEnded(cluster.job)))
        );
      },
    );
  } finally {
    area.close(true);
  }
  return cluster.state === Cluster_State.ACTIVE || cluster.state === Cluster_State.TERMINATED ? EXIT.done : EXIT.failed;
}

/** Every live cluster with its groups of nodes. */
async function overview(session: Session, api: LoomClient, options: StatusOptions): Promise<number> {
  const format = formatOf(options);
  if (options.watch === true) return watchList(session, api, options, { states: [], template: "" });
  const { items, unreachable } = await listClusters(session, api, { states: [], template: "" });
  if (unreachable.length > 0) session.say(`incomplete: could not reach ${unreachable.join(", ")}`);
  if (format === "name") for (const cluster of items) session.print(cluster.name);
  else if (format === "jsonl")
    for (const cluster of items) await printValue(session, "jsonl", jsonOf(ClusterSchema, cluster));
  else if (format === "json" || format === "yaml")
    await printValue(session, format, { clusters: items.map((cluster) => jsonOf(ClusterSchema, cluster)) });
  else if (items.length === 0) session.say(CLUSTERS.empty);
  else {
    for (const cluster of items) {
      session.print(
        `${session.outPalette.bold(lastPart(cluster.name))}  ${paintState(clusterHealth(cluster), session.outPalette)}  ${cluster.template} on ${cluster.provider}${cluster.expireTime === undefined ? "" : `  expires ${expiry(cluster, session.renderContext())}`}`,
      );
      for (const group of cluster.layout) session.print(`  ${groupInWords(group)}`);
      const wrong = troubleSentence(cluster);
      if (wrong !== "") session.print(`  ${session.outPalette.red(oneLine(wrong))}`);
      const busy = cluster.job !== undefined && cluster.state !== Cluster_State.ACTIVE;
      if (busy) session.print(`  job ${jobLine(session, cluster)}`);
      for (const link of cluster.links) session.print(`  ${oneLine(link.label)}: ${oneLine(link.url)}`);
    }
  }
  return EXIT.done;
}
