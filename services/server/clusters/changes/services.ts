/** Which services are acted on, and which go. Pure. */
import { LoomError } from "../../../common/errors.js";
import { planServices } from "../../plan/request.js";
import { dependencyGraph, type DependencyGraph } from "../../plan/dependencies.js";
import { whyBroken } from "./remaining.js";
import { servicesOf, type ChangingCluster, type Decision } from "./types.js";

/** @throws SERVICE_NOT_FOUND */
export function presentServices(subject: ChangingCluster, asked: readonly string[]): string[] {
  const present = servicesOf(subject);
  const missing = asked.filter((name) => !present.includes(name));
  if (missing.length > 0) {
    throw new LoomError(
      "SERVICE_NOT_FOUND",
      `No node of "${subject.name}" has ${missing.map((name) => `"${name}"`).join(", ")}. On it are ${present.join(", ")}. ${bringBack(subject, missing)}`.trimEnd(),
      { metadata: { service: missing[0]! } },
    );
  }
  return asked.length === 0 ? present : [...new Set(asked)].sort();
}

/** How services come back that the cluster had; empty where it had none of these. */
export function bringBack({ name, cluster }: ChangingCluster, missing: readonly string[]): string {
  const had = missing.filter((service) => Object.hasOwn(cluster.spec.services, service));
  if (had.length === 0) return "";
  const it = had.length === 1 ? "it" : "them";
  return `The cluster had ${had.map((service) => `"${service}"`).join(", ")} before: "loom add-services ${name} ${had.join(" ")}" puts ${it} on its nodes again, with what was configured.`;
}

/** Everything that can be reached, with where one starts. */
function reach(graph: DependencyGraph, from: readonly string[]): string[] {
  const found = new Set(from);
  // A set is walked to its end, so what is added is looked at too.
  for (const name of found) for (const next of graph.get(name) ?? []) found.add(next);
  return [...found].sort();
}

/** Who waits for whom at run time. */
function runtimeGraph({ cluster, layout }: ChangingCluster): DependencyGraph {
  const imageTypes = [...new Set(layout.map((group) => group.imageType))];
  return dependencyGraph(
    planServices({ services: cluster.spec.services, config: cluster.config }, servicesOf({ layout }), imageTypes),
    (service) => [...service.runtimeRequires, ...service.runtimeUses],
  );
}

function reversed(graph: DependencyGraph): DependencyGraph {
  const back = new Map<string, string[]>([...graph.keys()].map((name) => [name, []]));
  for (const [name, others] of graph) for (const other of others) back.get(other)!.push(name);
  return back;
}

/**
 * Starting takes along what the services depend on; stopping and restarting what depends on them.
 *
 * @throws SERVICE_NOT_FOUND
 */
export function actOnServices(
  subject: ChangingCluster,
  operation: "START_SERVICES" | "STOP_SERVICES" | "RESTART_SERVICES",
  asked: readonly string[],
): Decision {
  const named = presentServices(subject, asked);
  const graph = runtimeGraph(subject);
  return { change: { services: reach(operation === "START_SERVICES" ? graph : reversed(graph), named) } };
}

/** @throws SERVICE_NOT_FOUND, INVALID_FIELD, NO_LAYOUT, MISSING_DEPENDENCIES, MACRO_ERROR */
export function removeServices(subject: ChangingCluster, asked: readonly string[]): Decision {
  if (asked.length === 0)
    throw new LoomError("INVALID_FIELD", "Say which services to take away.", {
      violations: [{ field: "services", description: "must name a service" }],
    });
  const { cluster, name, nodes } = subject;
  const going = presentServices(subject, asked);
  const constraints = cluster.spec.template.body.constraints?.services ?? {};
  const bound = going.filter((service) => Object.hasOwn(constraints, service) && (constraints[service]!.min ?? 1) > 0);
  if (bound.length > 0) {
    throw new LoomError(
      "NO_LAYOUT",
      `${bound.join(", ")} cannot be taken away from "${name}": its template wants ${bound.length === 1 ? "it" : "them"} on every cluster.`,
      { metadata: { services: bound.join(",") } },
    );
  }
  // To themselves, services that go are there to the end (jobs/assignment.ts).
  const staying = nodes.map((node) => ({ ...node, services: node.services.filter((one) => !going.includes(one)) }));
  const why = whyBroken(subject, { staying, leaving: [] });
  if (why !== undefined) {
    const { reason, text, advice, metadata } = why;
    throw new LoomError(
      reason,
      `${going.join(", ")} cannot be taken away from "${name}": ${text}. ${advice}`.trimEnd(),
      { metadata: { services: going.join(","), ...metadata } },
    );
  }
  return { change: { services: going, changed: going } };
}
