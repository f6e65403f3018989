/** Which tasks of different services wait for each other (docs/architecture.md, "Plan"). Pure. */
import type { ServiceAction } from "../catalog/types.js";
import type { GraphBuilder, Vertex } from "./builder.js";
import { nearest, type DependencyGraph } from "./dependencies.js";
import type { PlanService } from "./types.js";

/** Tasks of one part of a plan, by service and action. */
export type TaskIndex = Map<string, Vertex[]>;

export const keyOf = (service: string, action: ServiceAction): string => `${action} ${service}`;

/** Lets tasks of one part of a plan wait for each other as the dependencies of their services say. */
export function addDependencies(
  builder: GraphBuilder,
  services: ReadonlyMap<string, PlanService>,
  index: TaskIndex,
  install: DependencyGraph,
  runtime: DependencyGraph,
): void {
  const has =
    (action: ServiceAction) =>
    (service: string): boolean =>
      services.get(service)!.actions.includes(action) && index.has(keyOf(service, action));
  const installed = nearest(install, has("install"));
  const started = nearest(runtime, has("start"));
  const stopped = nearest(runtime, has("stop"));
  /** Tasks of one (service, action), behind one join for everything that waits for them. */
  const gates = new Map<string, readonly Vertex[]>();
  const gate = (key: string): readonly Vertex[] => {
    const known = gates.get(key);
    if (known !== undefined) return known;
    const tasks = index.get(key) ?? [];
    let result: readonly Vertex[] = tasks;
    if (tasks.length > 1) {
      const join = builder.join();
      for (const task of tasks) builder.edge(task, join);
      result = [join];
    }
    gates.set(key, result);
    return result;
  };
  /** A gate that nobody waits for would hide that its tasks are the last ones. */
  const wait = (tasks: readonly Vertex[] | undefined, key: string): void => {
    if (tasks !== undefined && index.has(key)) builder.edges(gate(key), tasks);
  };
  for (const service of services.keys()) {
    for (const other of installed.get(service) ?? [])
      wait(index.get(keyOf(service, "install")), keyOf(other, "install"));
    const initialize = index.get(keyOf(service, "initialize")) ?? [];
    const start = index.get(keyOf(service, "start")) ?? [];
    // A START behind an INITIALIZE waits for what that waits for.
    const first = start.length > initialize.length ? [...initialize, ...start] : initialize;
    for (const other of started.get(service) ?? []) if (first.length > 0) wait(first, keyOf(other, "start"));
    for (const other of stopped.get(service) ?? []) wait(index.get(keyOf(other, "stop")), keyOf(service, "stop"));
  }
}
