/** Columns of clusters and nodes. */
import {
  ClusterSchema,
  Cluster_State,
  NodeSchema,
  Node_Observation,
  Node_State,
  type Cluster,
  type Node,
  type NodeGroup,
} from "../../../gen/web/loom/v1/cluster_pb.js";
import { costInWords } from "../../../services/server/cost/cost.js";
import { paintState } from "../colour.js";
import type { RecordKind } from "../output.js";
import { moment, type RenderContext } from "../table.js";
import { count, jobEnded, jobKind, jobState, millis, progress, word } from "../words.js";

export function clusterState(cluster: Cluster): string {
  return word(Cluster_State as unknown as Record<number, string>, cluster.state);
}

/** What is wrong with its machines: `2 down, 1 missing`, `not seen` where nobody can tell; empty where all is well. */
export function trouble({ observed }: Cluster): string {
  if (observed === undefined) return "";
  if (observed.unknown) return "not seen";
  const { down, missing } = observed;
  return [down > 0 ? `${down} down` : "", missing > 0 ? `${missing} missing` : ""]
    .filter((text) => text !== "")
    .join(", ");
}

/** The state, and what is wrong: `ACTIVE (1 down)`. */
export function clusterHealth(cluster: Cluster): string {
  const wrong = trouble(cluster);
  return wrong === "" ? clusterState(cluster) : `${clusterState(cluster)} (${wrong})`;
}

/** What is wrong with its machines in a sentence, with the command that mends it; empty where all is well. */
export function troubleSentence(cluster: Cluster): string {
  const { observed } = cluster;
  if (observed === undefined) return "";
  if (observed.unknown) return `Nobody can tell how its nodes are: ${observed.message}`;
  const { down, missing } = observed;
  if (down + missing === 0) return "";
  const parts = [
    down > 0 ? `the machine of ${count(down, "node")} does not run` : "",
    missing > 0 ? `the machine of ${count(missing, "node")} is gone` : "",
  ].filter((text) => text !== "");
  return `${parts.join(", ")}; "loom repair ${cluster.name.replace(/^clusters\//, "")}" mends it`;
}

export function nodeState(node: Node): string {
  return word(Node_State as unknown as Record<number, string>, node.state);
}

/** Names of its services, with those marked that were stopped on purpose. */
export function nodeServices(node: Node): string {
  return node.services
    .map((service) => (node.stoppedServices.includes(service) ? `${service} (stopped)` : service))
    .join(" ");
}

/** What the provider last said of a node; `-` where nobody looked. */
export function nodeObserved(node: Node): string {
  return word(Node_Observation as unknown as Record<number, string>, node.observed);
}

/** The newest job in a few words: `create 12/29 RUNNING`; how the last one ended is told by the cluster's state. */
function jobInShort(cluster: Cluster): string {
  const { job } = cluster;
  if (job === undefined) return "";
  return jobEnded(job)
    ? `${jobKind(job)} ${jobState(job)}`
    : [jobKind(job), progress(job), jobState(job)].filter((text) => text !== "").join(" ");
}

/** `3 small/debian: web`. */
export function groupInWords(group: NodeGroup): string {
  const services = group.services.length === 0 ? "no service" : group.services.join(" ");
  return `${group.count} × ${group.hardwareType}/${group.imageType}: ${services}`;
}

/** The address a person can reach a node at from here, else the one inside. */
export function mainAddress(node: Node): string {
  return node.addresses["external"] ?? node.addresses["internal"] ?? Object.values(node.addresses)[0] ?? "";
}

/** When its lease ends: a moment, or `never`; empty for one that is gone. */
export function expiry(cluster: Cluster, context: Pick<RenderContext, "now" | "utc">): string {
  if (cluster.state === Cluster_State.TERMINATED) return "";
  return cluster.expireTime === undefined ? "never" : moment(millis(cluster.expireTime), context);
}

export const CLUSTERS: RecordKind<Cluster> = {
  schema: ClusterSchema,
  plural: "clusters",
  nameOf: (cluster) => cluster.name,
  empty: "No clusters. Make one with: loom create NAME --template TEMPLATE --nodes N",
  columns: [
    { name: "name", value: (cluster) => cluster.name.replace(/^clusters\//, "") },
    { name: "display", value: (cluster) => cluster.displayName, wide: true },
    { name: "state", value: clusterHealth, paint: paintState },
    { name: "nodes", value: (cluster) => String(cluster.nodeCount), right: true },
    { name: "template", value: (cluster) => cluster.template, flexible: true },
    { name: "provider", value: (cluster) => cluster.provider },
    { name: "job", value: jobInShort, flexible: true },
    { name: "age", value: (cluster, context) => moment(millis(cluster.createTime), context) },
    { name: "expires", value: expiry },
    {
      name: "cost",
      value: (cluster) => (cluster.cost === undefined ? "" : costInWords(cluster.cost)),
      wide: true,
    },
    { name: "services", value: (cluster) => cluster.services.join(" "), wide: true, flexible: true },
    { name: "owner", value: (cluster) => cluster.owner, wide: true },
    { name: "version", value: (cluster) => String(cluster.templateVersion), wide: true, right: true },
    { name: "links", value: (cluster) => cluster.links.map((link) => link.url).join(" "), wide: true, flexible: true },
    { name: "description", value: (cluster) => cluster.description, wide: true, flexible: true },
  ],
};

export const NODES: RecordKind<Node> = {
  schema: NodeSchema,
  plural: "nodes",
  nameOf: (node) => node.name,
  empty: "No nodes.",
  columns: [
    { name: "node", value: (node) => String(node.number) },
    { name: "state", value: nodeState, paint: paintState },
    { name: "observed", value: nodeObserved, paint: paintState },
    { name: "hostname", value: (node) => node.hostname, flexible: true },
    { name: "services", value: nodeServices, flexible: true },
    { name: "address", value: mainAddress },
    { name: "hardware", value: (node) => node.hardwareType, wide: true },
    { name: "image", value: (node) => node.imageType, wide: true },
    { name: "machine", value: (node) => node.machine, wide: true, flexible: true },
    { name: "incarnation", value: (node) => String(node.incarnation), wide: true, right: true },
    { name: "since", value: (node, context) => moment(millis(node.observedSince), context), wide: true },
    {
      name: "message",
      value: (node) => [node.message, node.observedMessage].filter((text) => text !== "").join(" "),
      flexible: true,
    },
  ],
};
