/** One look at the clusters of one provider: what should be, what the provider says, and what is kept of that. */
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import { clusterName, machineToken } from "../../common/ids.js";
import { LoomError } from "../../common/errors.js";
import type { Known, Look, ObservationStore, WatchedCluster } from "../store/observations.js";
import type { InventoryQuestion, ObservedMachine } from "../workers/types.js";
import type { Group } from "./groups.js";
import { findingsOf, isWorse, settle, type ExpectedNode, type Finding } from "./judge.js";
import { FINDING_WORDS, SILENT_WORDS, nodeEvents, providerEvent, type ObservedEvent } from "./words.js";

export interface LookServices {
  readonly store: ObservationStore;
  /** @throws PROVIDER_UNREACHABLE */
  inventory(question: InventoryQuestion): Promise<readonly ObservedMachine[]>;
  /** Milliseconds between an answer that is worse than what was known and the one that has to say so again. */
  readonly confirmMs: number;
}

export interface LookResult {
  /** Whether the provider answered. */
  readonly isKnown: boolean;
  /** Machines that no node of these clusters should have. */
  readonly others: readonly ObservedMachine[];
  /** Those that are to be stored. */
  readonly looks: readonly Look[];
  /** Of no single cluster. */
  readonly events: readonly ObservedEvent[];
}

const NO_FINDINGS: ReadonlyMap<number, Finding> = new Map();

/** A question that failed after a longer time than this, in milliseconds, is not asked again at once. */
const BLIP_MS = 5_000;

/** Nodes whose tokens are computed before others get their turn. */
const TURN = 2_000;

/** What should be there is read before the provider is asked: what a job changes meanwhile makes the look void. */
export async function lookAt(services: LookServices, group: Group): Promise<LookResult> {
  const { store, confirmMs } = services;
  const { clusters } = group;
  const expected = await expectedOf(store, clusters);
  const known = await store.known(clusters);
  const before = (cluster: WatchedCluster) => known.get(cluster)?.findings ?? NO_FINDINGS;

  const ask = async (): Promise<readonly ObservedMachine[] | LoomError> => {
    try {
      return await services.inventory(group.question);
    } catch (thrown) {
      return LoomError.from(thrown);
    }
  };
  const asked = performance.now();
  let answer = await ask();
  if (answer instanceof LoomError && performance.now() - asked < BLIP_MS) {
    // A stream that is opened again, or a daemon that is restarted, is no news; one that hangs is not waited for twice.
    await sleep(confirmMs);
    answer = await ask();
  }
  if (answer instanceof LoomError) return unknown(group, known, answer.message);

  const findings = (machines: readonly ObservedMachine[]) => {
    const inventory = new Map(machines.map((machine) => [machine.token, machine]));
    const silent = silentOf(machines);
    return new Map(clusters.map((cluster) => [cluster, findingsOf(expected.get(cluster)!, inventory, silent)]));
  };
  const first = findings(answer);
  let second: ReturnType<typeof findings> | undefined;
  if (clusters.some((cluster) => isWorse(before(cluster), first.get(cluster)!))) {
    await sleep(confirmMs);
    const again = await ask();
    if (!(again instanceof LoomError)) {
      second = findings(again);
      answer = again;
    }
  }
  const looks: Look[] = [];
  const silent = silentOf(answer);
  for (const cluster of clusters) {
    const after = settle(before(cluster), first.get(cluster)!, second?.get(cluster));
    const nodes = expected.get(cluster)!;
    if (isSame(cluster, known.get(cluster), after)) continue;
    const silentNodes = new Set(nodes.flatMap(({ number, machine }) => (silent.has(machine) ? [number] : [])));
    looks.push({
      cluster,
      message: "",
      bad: nodes.flatMap(({ number, incarnation }) => {
        const observed = after.get(number)!;
        if (observed === "UP") return [];
        const message = observed === "DOWN" && silentNodes.has(number) ? SILENT_WORDS : FINDING_WORDS[observed];
        return [{ number, incarnation, observed, message }];
      }),
      events: nodeEvents(cluster, clusterName(cluster.displayName, cluster.id), before(cluster), after, silentNodes),
    });
  }
  const back = clusters.filter((cluster) => known.get(cluster)?.isKnown === false);
  const wanted = new Set([...expected.values()].flatMap((nodes) => nodes.map(({ token }) => token)));
  return {
    isKnown: true,
    others: answer.filter(({ token }) => token !== "" && !wanted.has(token)),
    looks,
    events: providerEvents(group, back, undefined),
  };
}

/** Names of the machines that do not say whose they are. */
function silentOf(machines: readonly ObservedMachine[]): Set<string> {
  return new Set(machines.flatMap(({ token, machine }) => (token === "" ? [machine] : [])));
}

/** Nobody can tell: what was known of nodes is kept for when somebody can. */
function unknown(group: Group, known: ReadonlyMap<WatchedCluster, Known>, message: string): LookResult {
  const changed = group.clusters.filter((cluster) => {
    const last = known.get(cluster);
    return !isCurrent(cluster, last) || last.isKnown || last.message !== message;
  });
  const lost = group.clusters.filter((cluster) => known.get(cluster)?.isKnown !== false);
  return {
    isKnown: false,
    others: [],
    looks: changed.map((cluster) => ({ cluster, message, bad: undefined, events: [] })),
    events: providerEvents(group, lost, message),
  };
}

function providerEvents(
  { question }: Group,
  clusters: readonly WatchedCluster[],
  message: string | undefined,
): ObservedEvent[] {
  const tenants = new Map<string, number>();
  for (const { tenant } of clusters) tenants.set(tenant, (tenants.get(tenant) ?? 0) + 1);
  return [...tenants].map(([tenant, count]) => providerEvent(tenant, question.provider, count, message));
}

function isCurrent(cluster: WatchedCluster, known: Known | undefined): known is Known {
  return known !== undefined && known.job === cluster.job && known.jobSeq === cluster.jobSeq;
}

function isSame(cluster: WatchedCluster, known: Known | undefined, after: ReadonlyMap<number, Finding>): boolean {
  return (
    isCurrent(cluster, known) &&
    known.isKnown &&
    !known.hasStale &&
    [...after].every(([number, finding]) => (known.findings.get(number) ?? "UP") === finding)
  );
}

async function expectedOf(
  store: ObservationStore,
  clusters: readonly WatchedCluster[],
): Promise<Map<WatchedCluster, ExpectedNode[]>> {
  const expected = new Map<WatchedCluster, ExpectedNode[]>();
  let count = 0;
  for (const [cluster, nodes] of await store.nodes(clusters)) {
    const named: ExpectedNode[] = [];
    for (const { number, incarnation, machine } of nodes) {
      named.push({ number, incarnation, machine, token: machineToken(cluster.uid, number, incarnation) });
      count += 1;
      if (count % TURN === 0) await turn();
    }
    expected.set(cluster, named);
  }
  return expected;
}
