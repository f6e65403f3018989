/** What is said of what was observed. Pure. */
import type { EventView } from "../views.js";
import type { Finding, Findings } from "./judge.js";

/** An event that is no record: nobody changed anything, it was seen. */
export interface ObservedEvent extends Pick<EventView, "severity" | "message"> {
  readonly tenant: string;
  /** Absent: about more than one cluster. */
  readonly clusterId?: bigint;
  readonly reason:
    | "NODES_DOWN"
    | "NODES_MISSING"
    | "NODES_UP"
    | "PROVIDER_UNREACHABLE"
    | "PROVIDER_REACHABLE"
    | "STRAY_FOUND"
    | "STRAY_REMOVED";
}

/** Said of single nodes. */
export const FINDING_WORDS: Readonly<Record<Exclude<Finding, "UP">, string>> = {
  DOWN: "Its machine is there but does not run.",
  MISSING: "The provider has no machine of it any more.",
};

/** Said of a node that is down as far as anybody can tell. */
export const SILENT_WORDS = "Its machine does not answer.";

/** Ranges named one by one; the rest is counted. */
const MOST_RANGES = 10;

/** `1000, 1002 to 1004`. Numbers in order. */
export function numbersInWords(numbers: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === number - 1) last[1] = number;
    else ranges.push([number, number]);
  }
  const words = ranges.slice(0, MOST_RANGES).map(([from, to]) => {
    if (from === to) return String(from);
    return to === from + 1 ? `${from}, ${to}` : `${from} to ${to}`;
  });
  const rest = ranges.slice(MOST_RANGES).reduce((sum, [from, to]) => sum + to - from + 1, 0);
  return `${words.join(", ")}${rest === 0 ? "" : ` and ${rest} more`}`;
}

function nodesInWords(numbers: readonly number[]): string {
  return numbers.length === 1 ? `Node ${numbers[0]}` : `${numbers.length} nodes (${numbersInWords(numbers)})`;
}

/**
 * One event for each thing that happened to nodes of a cluster, however many they are.
 *
 * @param name the cluster's, without `clusters/`
 * @param silent nodes whose machines do not answer
 */
export function nodeEvents(
  cluster: { readonly tenant: string; readonly id: bigint },
  name: string,
  before: Findings,
  after: Findings,
  silent: ReadonlySet<number> = new Set(),
): ObservedEvent[] {
  const changed = (to: Finding, isSilent: boolean): number[] =>
    [...after]
      .filter(([number]) => to !== "DOWN" || silent.has(number) === isSilent)
      .filter(([number, finding]) => finding === to && (before.get(number) ?? "UP") !== to)
      .map(([number]) => number)
      .sort((a, b) => a - b);
  const events: ObservedEvent[] = [];
  const add = (
    to: Finding,
    rest: Pick<ObservedEvent, "severity" | "reason">,
    words: (one: boolean) => string,
    isSilent = false,
  ): void => {
    const numbers = changed(to, isSilent);
    if (numbers.length === 0) return;
    const message = `${nodesInWords(numbers)} ${words(numbers.length === 1)}`;
    events.push({ ...rest, tenant: cluster.tenant, clusterId: cluster.id, message });
  };
  const repair = `"loom repair ${name}"`;
  add(
    "MISSING",
    { severity: "ERROR", reason: "NODES_MISSING" },
    (one) =>
      `${one ? "is" : "are"} missing: the provider has no ${one ? "machine of it" : "machines of them"} any more. ${repair} makes ${one ? "it" : "them"} again.`,
  );
  add(
    "DOWN",
    { severity: "WARNING", reason: "NODES_DOWN" },
    (one) =>
      `${one ? "is down: its machine is" : "are down: their machines are"} there but ${one ? "does" : "do"} not run. ${repair} starts ${one ? "it" : "them"}.`,
  );
  add(
    "DOWN",
    { severity: "WARNING", reason: "NODES_DOWN" },
    (one) =>
      `${one ? "is down: its machine does" : "are down: their machines do"} not answer. Start ${one ? "it" : "them"}, then ${repair}; or "loom replace-node" puts ${one ? "the node" : "the nodes"} on ${one ? "another machine" : "other machines"}.`,
    true,
  );
  add("UP", { severity: "INFO", reason: "NODES_UP" }, (one) => `${one ? "runs" : "run"} again.`);
  return events;
}

/** The provider stopped or began to answer. */
export function providerEvent(
  tenant: string,
  provider: string,
  clusters: number,
  message: string | undefined,
): ObservedEvent {
  const what = `${clusters} ${clusters === 1 ? "cluster" : "clusters"}`;
  return message === undefined
    ? {
        tenant,
        severity: "INFO",
        reason: "PROVIDER_REACHABLE",
        message: `Provider ${provider} answers again; ${what} can be watched.`,
      }
    : {
        tenant,
        severity: "WARNING",
        reason: "PROVIDER_UNREACHABLE",
        message: `Nobody can tell how ${what} of provider ${provider} ${clusters === 1 ? "is" : "are"}: ${message}`,
      };
}

interface StrayWords {
  readonly tenant: string;
  readonly clusterId: bigint;
  readonly node: number;
  readonly machine: string;
  readonly provider: string;
}

/** @param cluster its name without `clusters/` */
export function strayFound(stray: StrayWords, cluster: string, graceMs: number): ObservedEvent {
  return {
    tenant: stray.tenant,
    clusterId: stray.clusterId,
    severity: "WARNING",
    reason: "STRAY_FOUND",
    message: `Provider ${stray.provider} has a machine that nobody owns: ${stray.machine}, made for node ${stray.node} of ${cluster}. It is removed after ${durationInWords(graceMs)} unless it goes before.`,
  };
}

/** @param cluster its name without `clusters/` */
export function strayRemoved(stray: StrayWords, cluster: string): ObservedEvent {
  return {
    tenant: stray.tenant,
    clusterId: stray.clusterId,
    severity: "INFO",
    reason: "STRAY_REMOVED",
    message: `The machine ${stray.machine}, made for node ${stray.node} of ${cluster}, was removed from provider ${stray.provider}: nobody owned it.`,
  };
}

function durationInWords(ms: number): string {
  const [size, unit] = ms >= 3_600_000 ? [3_600_000, "hour"] : ms >= 60_000 ? [60_000, "minute"] : [1_000, "second"];
  const count = Math.round(ms / size);
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}
