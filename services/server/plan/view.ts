/** A plan as people see it: stages summed up, nodes with what happens to them. */
import type { PlanView } from "../views.js";
import { ACTIONS, type MachineChange, type PlanNode, type TaskGraph } from "./types.js";

const CHANGES: Readonly<Record<MachineChange, PlanView["nodes"][number]["change"]>> = {
  KEEP: "UPDATE",
  START: "UPDATE",
  MAKE: "CREATE",
  REPLACE: "REPLACE",
  REMOVE: "DELETE",
};

export function planView(
  graph: TaskGraph,
  nodes: readonly PlanNode[],
  about: Pick<PlanView, "addedServices"> & Partial<Pick<PlanView, "configChanges">>,
): PlanView {
  const sums: Map<number, number>[] = [];
  const touched = new Set<number>();
  const services = graph.serviceNames.length;
  for (let task = 0; task < graph.taskCount; task += 1) {
    touched.add(graph.node[task]!);
    const sum = (sums[graph.stage[task]!] ??= new Map());
    const key = graph.action[task]! * services + graph.service[task]!;
    sum.set(key, (sum.get(key) ?? 0) + 1);
  }
  return {
    nodes: nodes
      .filter((node) => touched.has(node.number))
      .map(({ number, hostname, hardwareType, imageType, services: own, change }) => ({
        change: CHANGES[change],
        number,
        hostname,
        hardwareType,
        imageType,
        services: own,
      })),
    stages: sums.map((sum) =>
      [...sum]
        .sort(([a], [b]) => a - b)
        .map(([key, count]) => ({
          action: ACTIONS[Math.floor(key / services)]!,
          service: graph.serviceNames[key % services]!,
          count,
        })),
    ),
    taskCount: graph.taskCount,
    addedServices: about.addedServices,
    configChanges: about.configChanges ?? [],
  };
}
