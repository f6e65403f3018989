/** Which nodes go, and which are made again. Pure. */
import { LoomError } from "../../../common/errors.js";
import type { RunNode } from "../../jobs/cluster-state.js";
import type { NodeObservation } from "../states.js";
import { whyBroken, type Why } from "./remaining.js";
import { changedServices, servicesOf, type ChangingCluster, type Decision } from "./types.js";

/** Nodes that no job has finished. */
const unfinishedOf = (nodes: readonly RunNode[]): number[] =>
  nodes.filter((node) => !node.isFinished).map((node) => node.number);

/** @throws NODE_NOT_FOUND */
function nodesByNumber({ name, nodes }: ChangingCluster, numbers: readonly number[]): RunNode[] {
  const byNumber = new Map(nodes.map((node) => [node.number, node]));
  const missing = numbers.filter((number) => !byNumber.has(number));
  if (missing.length > 0) {
    throw new LoomError(
      "NODE_NOT_FOUND",
      `Cluster "${name}" has no node ${missing.join(", ")}. "loom nodes ${name}" lists its nodes.`,
      { metadata: { node: String(missing[0]) } },
    );
  }
  return [...new Set(numbers)].sort((a, b) => a - b).map((number) => byNumber.get(number)!);
}

/** Why a cluster cannot be left without these nodes; undefined where it can. */
function whyNot(subject: ChangingCluster, leaving: readonly RunNode[]): Why | undefined {
  const left = subject.nodes.filter((node) => !leaving.includes(node));
  const text = whyTooFew(subject, left);
  if (text !== undefined) return { reason: "NO_LAYOUT", text, advice: "", metadata: {} };
  // On a node that no job has finished nothing is stopped.
  return whyBroken(subject, { staying: left, leaving: leaving.filter((node) => node.isFinished) });
}

/** Why so many nodes are not enough for the template; undefined where they are. */
function whyTooFew({ cluster, nodes }: ChangingCluster, left: readonly RunNode[]): string | undefined {
  if (left.length === 0) return `no node would be left; delete the cluster with "loom delete"`;
  const { size, services = {} } = cluster.spec.template.body.constraints ?? {};
  if (size?.min !== undefined && left.length < size.min)
    return `its template wants ${size.min} nodes at least, and ${left.length} would be left`;
  const carrying = (all: readonly RunNode[], service: string): number =>
    all.filter((node) => node.services.includes(service)).length;
  for (const service of [...new Set(nodes.flatMap((node) => node.services))].sort()) {
    const min = Object.hasOwn(services, service) ? (services[service]!.min ?? 1) : 1;
    const count = carrying(left, service);
    if (count < min && count < carrying(nodes, service))
      return `"${service}" has to be on ${min} ${min === 1 ? "node" : "nodes"} at least, and would be on ${count}`;
  }
  return undefined;
}

/**
 * These nodes, or where none are named the newest `count` of the layout that carries the service; of several layouts the
 * least preferred one that may lose so many.
 *
 * @throws NODE_NOT_FOUND, INVALID_FIELD, SERVICE_NOT_FOUND, NO_LAYOUT, MISSING_DEPENDENCIES, MACRO_ERROR
 */
export function removeNodes(
  subject: ChangingCluster,
  which: { readonly nodes: readonly number[]; readonly service: string; readonly count: number },
): Decision {
  const leaving = which.nodes.length > 0 ? nodesByNumber(subject, which.nodes) : newest(subject, which);
  const why = whyNot(subject, leaving);
  if (why !== undefined) {
    const { reason, text, advice, metadata } = why;
    throw new LoomError(reason, `These nodes of "${subject.name}" cannot be removed: ${text}. ${advice}`.trimEnd(), {
      metadata: { nodes: leaving.map((node) => node.number).join(","), ...metadata },
    });
  }
  return {
    change: {
      nodes: leaving.map((node) => node.number),
      bare: unfinishedOf(leaving),
      changed: changedServices(subject, leaving),
    },
  };
}

function newest(subject: ChangingCluster, { service, count }: { service: string; count: number }): RunNode[] {
  if (service === "" || count < 1) {
    throw new LoomError("INVALID_FIELD", "Say which nodes go: their numbers, or a service and how many of its nodes.", {
      violations: [{ field: "nodes", description: "must name nodes, or service and count must be given" }],
    });
  }
  const carrying = subject.layout.filter((group) => group.services.includes(service));
  if (carrying.length === 0) {
    throw new LoomError(
      "SERVICE_NOT_FOUND",
      `Service "${service}" is on no node of "${subject.name}". On it are ${servicesOf(subject).join(", ")}.`,
      { metadata: { service } },
    );
  }
  const whys: Why[] = [];
  for (const group of [...carrying].reverse()) {
    const key = JSON.stringify([group.hardwareType, group.imageType, group.services]);
    const alike = subject.nodes.filter(
      (node) => JSON.stringify([node.hardwareType, node.imageType, node.services]) === key,
    );
    if (alike.length < count) {
      const text = `only ${alike.length} nodes carry ${group.services.join(", ")}`;
      whys.push({ reason: "NO_LAYOUT", text, advice: "", metadata: {} });
      continue;
    }
    const leaving = alike.slice(alike.length - count);
    const why = whyNot(subject, leaving);
    if (why === undefined) return leaving;
    whys.push(why);
  }
  const [{ reason, metadata }] = whys as [Why];
  const each = (of: (why: Why) => string): string[] => [...new Set(whys.map(of).filter((text) => text !== ""))];
  throw new LoomError(
    whys.every((why) => why.reason === reason) ? reason : "NO_LAYOUT",
    `${count} ${count === 1 ? "node" : "nodes"} of "${service}" cannot be removed from "${subject.name}": ${each((why) => why.text).join("; ")}. ${each((why) => why.advice).join(" ")}`.trimEnd(),
    { metadata: { service, ...metadata } },
  );
}

/** @throws NODE_NOT_FOUND */
export function replaceNode(subject: ChangingCluster, number: number): Decision {
  const nodes = nodesByNumber(subject, [number]);
  return {
    change: { nodes: [number], bare: unfinishedOf(nodes), changed: changedServices(subject, nodes) },
  };
}

/**
 * Machines that are down are started; those that are missing, and those that no job has finished, are made again.
 * Services that were to come or to go, and did not wholly, are installed again where they are listed.
 *
 * @throws NOTHING_TO_DO, PROVIDER_UNREACHABLE where nobody can tell what is broken
 */
export function repair(
  subject: ChangingCluster,
  observed: ReadonlyMap<number, { readonly observed: NodeObservation }>,
): Decision {
  const { name, state, nodes } = subject;
  const seen = (node: RunNode): NodeObservation => observed.get(node.number)?.observed ?? "UNKNOWN";
  const remade = nodes.filter((node) => !node.isFinished || seen(node) === "MISSING");
  const started = nodes.filter((node) => node.isFinished && seen(node) === "DOWN");
  if (state === "ACTIVE" && remade.length === 0 && started.length === 0) {
    const unknown = nodes.filter((node) => seen(node) === "UNKNOWN").length;
    // Whoever asked for a repair must not be told that all is well.
    throw new LoomError(
      unknown === 0 ? "NOTHING_TO_DO" : "PROVIDER_UNREACHABLE",
      unknown === 0
        ? `Every node of "${name}" is up: there is nothing to repair.`
        : `No node of "${name}" is known to be down or missing; ${unknown} of ${nodes.length} could not be looked at. "loom nodes ${name}" says why.`,
    );
  }
  const isRemade = new Set(remade);
  const added = Object.fromEntries(
    nodes
      .filter((node) => !isRemade.has(node))
      .map((node) => [node.number, node.services.filter((service) => node.halfway[service] === "install")] as const)
      .filter(([, services]) => services.length > 0),
  );
  return {
    change: {
      ...(Object.keys(added).length === 0 ? {} : { added }),
      nodes: remade.map((node) => node.number),
      bare: remade.map((node) => node.number),
      started: started.map((node) => node.number),
      changed: changedServices(subject, [...remade, ...started]),
    },
  };
}
