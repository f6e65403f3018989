/**
 * Which services wait for which, by action (docs/architecture.md, "Plan"): START and INITIALIZE of a service wait for
 * START of what it depends on at run time, STOP of a service waits for STOP of what depends on it, INSTALL waits for
 * INSTALL of what it depends on to be installed. A service without the action hands the wait on to its own
 * dependencies. Pure.
 */
import { LoomError } from "../../common/errors.js";
import type { PlanService } from "./types.js";

/** Direct dependencies by service name, both sides in the cluster. */
export type DependencyGraph = ReadonlyMap<string, readonly string[]>;

/**
 * Names replaced by the services of the cluster that answer to them: the service of that name and every service that
 * provides it. Names nobody answers to are left out.
 */
export function dependencyGraph(
  services: readonly PlanService[],
  namesOf: (service: PlanService) => readonly string[],
): DependencyGraph {
  const answering = new Map<string, Set<string>>();
  for (const service of services) {
    for (const name of [service.name, ...service.provides]) {
      const set = answering.get(name);
      if (set === undefined) answering.set(name, new Set([service.name]));
      else set.add(service.name);
    }
  }
  return new Map(
    services.map((service) => {
      const found = new Set<string>();
      for (const name of namesOf(service)) {
        // What a service provides itself it does not wait for; naming itself is a cycle of one.
        for (const other of answering.get(name) ?? [])
          if (other !== service.name || name === service.name) found.add(other);
      }
      return [service.name, [...found].sort()];
    }),
  );
}

/** @throws DEPENDENCY_CYCLE naming the services of a cycle in order */
export function refuseCycles(graph: DependencyGraph, phase: "install" | "runtime"): void {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (name: string): void => {
    if (done.has(name)) return;
    const at = path.indexOf(name);
    if (at !== -1) {
      const cycle = [...path.slice(at), name].join(" -> ");
      throw new LoomError(
        "DEPENDENCY_CYCLE",
        `Services depend on each other in a circle (${phase}): ${cycle}. Take one of these dependencies out of the catalog.`,
        { metadata: { cycle } },
      );
    }
    path.push(name);
    for (const next of graph.get(name) ?? []) visit(next);
    path.pop();
    done.add(name);
  };
  for (const name of graph.keys()) visit(name);
}

/**
 * For each service, the nearest dependencies that have the action, without those that another of them waits for
 * anyway.
 */
export function nearest(graph: DependencyGraph, hasAction: (service: string) => boolean): DependencyGraph {
  const reach = new Map<string, ReadonlySet<string>>();
  const reachable = (name: string): ReadonlySet<string> => {
    const known = reach.get(name);
    if (known !== undefined) return known;
    const found = new Set<string>();
    for (const next of graph.get(name) ?? []) {
      found.add(next);
      for (const further of reachable(next)) found.add(further);
    }
    reach.set(name, found);
    return found;
  };
  const collect = (name: string): string[] => {
    const found: string[] = [];
    const looked = new Set([name]);
    // A set is walked to its end, so what is added is looked at too.
    for (const current of looked) {
      for (const next of graph.get(current) ?? []) {
        if (looked.has(next) || found.includes(next)) continue;
        if (hasAction(next)) found.push(next);
        else looked.add(next);
      }
    }
    return found;
  };
  return new Map(
    [...graph.keys()].map((name) => {
      const all = collect(name);
      return [name, all.filter((one) => !all.some((other) => other !== one && reachable(other).has(one))).sort()];
    }),
  );
}
