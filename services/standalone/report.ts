/** What a person reads of a Loom that has started: what was found, where things answer, what to type next. Pure. */
import { Cluster_State, type Cluster } from "../../gen/web/loom/v1/cluster_pb.js";
import { Job_State } from "../../gen/web/loom/v1/job_pb.js";
import { count, jobEnded, jobKind, someOf, word } from "../../cli/render/words.js";

const CREATE_AGAIN = "bin/loom create hello --template web-farm --nodes 4 --wait";

/** What the command line can do for a newcomer, with what each line is for. */
const HINTS: readonly (readonly [command: string, what: string])[] = [
  ["bin/loom status hello", "the cluster, its nodes and services"],
  ["bin/loom add-nodes hello web 2 --wait", "two more web servers"],
  ["bin/loom logs hello -f", "what the scripts on the nodes print"],
  ["bin/loom delete hello --yes --wait", "nothing is left behind"],
  ["bin/loom --help", "everything else"],
];

/** The name in addresses: `hello-5d`. */
function idOf(cluster: Cluster): string {
  return cluster.name.slice("clusters/".length);
}

function stateOf(cluster: Cluster): string {
  return word(Cluster_State as unknown as Record<number, string>, cluster.state);
}

/** What is known of what an earlier Loom left. */
export interface Found {
  /** All but deleted ones, newest first; the first page. */
  readonly clusters: readonly Cluster[];
  /** There are more than those. */
  readonly more: boolean;
  /** Names of edited documents that the shipped ones did not replace, `documents/service/web`. */
  readonly kept: readonly string[];
}

/** What a start that is not the first one found. */
export function foundLines({ clusters, more, kept }: Found): string[] {
  const many =
    clusters.length === 0 ? "no clusters" : `${more ? "more than " : ""}${count(clusters.length, "cluster")}`;
  const some = clusters.map((cluster) => `${idOf(cluster)} ${stateOf(cluster)}`);
  const lines = [`found ${many}${some.length === 0 ? "" : `: ${someOf(some)}`}`];
  const busy = clusters.filter(({ job }) => job !== undefined && !jobEnded(job));
  if (busy.length > 0) {
    lines.push(
      `${count(busy.length, "job")} not ended: ${someOf(busy.map((cluster) => `${jobKind(cluster.job!)} of ${idOf(cluster)}`))}`,
    );
  }
  if (kept.length > 0) {
    const names = kept.map((name) => name.split("/").slice(1).join(" "));
    lines.push(`kept ${count(kept.length, "catalog document")} edited here: ${someOf(names)}`);
  }
  return lines;
}

/** Where the first cluster answers; undefined where it does not. */
export function farmAddress(farm: Cluster | undefined): string | undefined {
  return farm?.state === Cluster_State.ACTIVE || farm?.state === Cluster_State.INCONSISTENT
    ? farm.links[0]?.url
    : undefined;
}

/** What is wrong with the first cluster and what to do about it; undefined where nothing is. */
export function farmTrouble(farm: Cluster | undefined): string | undefined {
  if (farm === undefined) return `There is no first cluster. Make it: ${CREATE_AGAIN}`;
  const id = idOf(farm);
  if (farm.state === Cluster_State.TERMINATED) {
    return `The first cluster was deleted and is not made again by itself. Make another one: ${CREATE_AGAIN}`;
  }
  if (farm.state === Cluster_State.PENDING) {
    return farm.job?.state === Job_State.PAUSED
      ? `The job of ${id} is paused. Let it go on: bin/loom resume ${id}`
      : `${id} is not ready. Look: bin/loom status ${id}`;
  }
  if (farm.state === Cluster_State.ACTIVE) return undefined;
  return `${id} is ${stateOf(farm)}: its last job did not complete. Look: bin/loom describe ${id}; go on: bin/loom retry ${id}`;
}

/**
 * The last lines of a start, for standard output. `farm:`, `api:` and `fingerprint:` are one line each, for programs to
 * read.
 */
export function addressLines(address: string | undefined, api: string, fingerprint?: string): string[] {
  const width = Math.max(...HINTS.map(([command]) => command.length));
  return [
    ...(address === undefined ? [] : [`farm: ${address}`]),
    `api: ${api}`,
    ...(fingerprint === undefined ? [] : [`fingerprint: ${fingerprint}`]),
    ...HINTS.map(([command, what], i) => `${i === 0 ? "loom:" : "     "} ${command.padEnd(width)}  ${what}`),
  ];
}
