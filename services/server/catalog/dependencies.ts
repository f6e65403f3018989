/** Which services depend on which, by name or by what they provide, and where that goes round in a circle. */
import type { Path } from "./paths.js";
import type { Service } from "./types.js";

/** When a dependency matters: while installing or while running. */
export type Phase = "install" | "runtime";

/** Services by every name they answer to: their own and what they provide. */
export type Answering = ReadonlyMap<string, readonly string[]>;

/** Finds who answers to a name. The service of that name and all that provide it: dependents wait for all of them. */
export function answering(services: ReadonlyMap<string, Service>): Answering {
  const found = new Map<string, Set<string>>();
  const add = (name: string, service: string): void => {
    const set = found.get(name);
    if (set === undefined) found.set(name, new Set([service]));
    else set.add(service);
  };
  for (const [name, service] of services) {
    add(name, name);
    for (const provided of service.provides ?? []) add(provided, name);
  }
  return new Map([...found].map(([name, set]) => [name, [...set]]));
}

/** One entry of a service's dependencies. */
export interface DependencyEntry {
  readonly phase: Phase;
  readonly field: "requires" | "uses";
  readonly name: string;
  readonly path: Path;
}

/** Every dependency of a service with its place in the document. */
export function dependenciesOf(service: Service): DependencyEntry[] {
  return (["install", "runtime"] as const).flatMap((phase) =>
    (["requires", "uses"] as const).flatMap((field) =>
      (service[phase]?.[field] ?? []).map((name, index) => ({ phase, field, name, path: [phase, field, index] })),
    ),
  );
}

/** A circle of services. */
export interface Cycle {
  readonly phase: Phase;
  /** In order: each depends on the next, the last on the first. The first is the least in code point order. */
  readonly services: readonly string[];
  /** False where a step could also be answered by another service, so that a cluster without the circle can exist. */
  readonly certain: boolean;
}

/**
 * Circles in the dependencies, at least one for every service that is in any; shortest ones, in order of their first
 * service.
 *
 * @param services all that matter: of a catalog, or of one cluster
 */
export function findCycles(services: ReadonlyMap<string, Service>, phase: Phase): Cycle[] {
  const names = answering(services);
  const certain = graphOf(services, phase, names, (answers) => answers.length === 1);
  const all = graphOf(services, phase, names, () => true);
  const cycles = circlesOf(certain).map((circle): Cycle => ({ phase, services: circle, certain: true }));
  const covered = new Set(cycles.flatMap((cycle) => cycle.services));
  for (const circle of circlesOf(all)) {
    if (!circle.every((name) => covered.has(name))) cycles.push({ phase, services: circle, certain: false });
  }
  return cycles;
}

type Graph = ReadonlyMap<string, readonly string[]>;

function graphOf(
  services: ReadonlyMap<string, Service>,
  phase: Phase,
  names: Answering,
  taken: (answers: readonly string[]) => boolean,
): Graph {
  return new Map(
    [...services].map(([name, service]) => {
      const next = new Set<string>();
      for (const dependency of [...(service[phase]?.requires ?? []), ...(service[phase]?.uses ?? [])]) {
        const answers = names.get(dependency) ?? [];
        if (taken(answers)) for (const answer of answers) next.add(answer);
      }
      return [name, [...next]];
    }),
  );
}

/** For every vertex in any circle one of the shortest circles through it, each circle once. */
function circlesOf(graph: Graph): string[][] {
  const component = componentsOf(graph);
  const covered = new Set<string>();
  const circles: string[][] = [];
  for (const start of [...graph.keys()].sort()) {
    if (covered.has(start)) continue;
    const circle = shortestCircle(graph, start, (vertex) => component.get(vertex) === component.get(start));
    if (circle === undefined) continue;
    for (const vertex of circle) covered.add(vertex);
    const least = circle.indexOf([...circle].sort()[0]!);
    circles.push([...circle.slice(least), ...circle.slice(0, least)]);
  }
  return circles;
}

function shortestCircle(graph: Graph, start: string, inside: (vertex: string) => boolean): string[] | undefined {
  const before = new Map<string, string>();
  const queue = [start];
  for (let head = 0; head < queue.length; head++) {
    const vertex = queue[head]!;
    for (const next of graph.get(vertex) ?? []) {
      if (next === start) {
        const circle = [vertex];
        for (let at = vertex; at !== start; circle.unshift(at)) at = before.get(at)!;
        return circle;
      }
      if (before.has(next) || !inside(next)) continue;
      before.set(next, vertex);
      queue.push(next);
    }
  }
  return undefined;
}

/** Strongly connected components (Tarjan 1972), with a stack of its own so that long chains are no trouble. */
function componentsOf(graph: Graph): ReadonlyMap<string, number> {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const component = new Map<string, number>();
  const open: string[] = [];
  let components = 0;
  for (const root of graph.keys()) {
    if (index.has(root)) continue;
    const calls: { vertex: string; next: number }[] = [];
    const enter = (vertex: string): void => {
      index.set(vertex, index.size);
      low.set(vertex, index.get(vertex)!);
      open.push(vertex);
      calls.push({ vertex, next: 0 });
    };
    enter(root);
    while (calls.length > 0) {
      const call = calls.at(-1)!;
      const child = (graph.get(call.vertex) ?? [])[call.next++];
      if (child === undefined) {
        calls.pop();
        const parent = calls.at(-1)?.vertex;
        if (parent !== undefined) low.set(parent, Math.min(low.get(parent)!, low.get(call.vertex)!));
        if (low.get(call.vertex) !== index.get(call.vertex)) continue;
        for (let vertex = open.pop()!; ; vertex = open.pop()!) {
          component.set(vertex, components);
          if (vertex === call.vertex) break;
        }
        components++;
      } else if (!index.has(child)) enter(child);
      else if (!component.has(child)) low.set(call.vertex, Math.min(low.get(call.vertex)!, index.get(child)!));
    }
  }
  return component;
}
