/** Small task graphs at random. */
import fc from "fast-check";
import { GraphBuilder, type Vertex } from "../../services/server/plan/builder.js";
import type { TaskGraph } from "../../services/server/plan/types.js";

const SERVICES = ["a", "b"];

/** For each task the tasks it waits for directly; joins are looked through. */
export function predecessorsIn(graph: TaskGraph): number[][] {
  const before = Array.from({ length: graph.vertexCount }, (): number[] => []);
  for (let vertex = 0; vertex < graph.vertexCount; vertex += 1) {
    for (let edge = graph.offset[vertex]!; edge < graph.offset[vertex + 1]!; edge += 1)
      before[graph.dependents[edge]!]!.push(vertex);
  }
  const through = (vertex: number): number[] =>
    vertex < graph.taskCount ? [vertex] : before[vertex]!.flatMap(through);
  return before.slice(0, graph.taskCount).map((vertices) => [...new Set(vertices.flatMap(through))]);
}

/** One to four machines, a few tasks on each, and dependencies between these in any direction that makes no cycle. */
export const anyGraph: fc.Arbitrary<TaskGraph> = fc
  .record({
    perNode: fc.array(fc.subarray(["INSTALL a", "INSTALL b", "START a", "START b"] as const), {
      minLength: 1,
      maxLength: 4,
    }),
    edges: fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 8, size: "max" }),
    joins: fc.array(fc.tuple(fc.nat(), fc.nat({ max: 3 }), fc.nat({ max: 3 })), { maxLength: 2 }),
  })
  .map(({ perNode, edges, joins }) => {
    const builder = new GraphBuilder(SERVICES);
    const others: Vertex[] = [];
    for (const [index, tasks] of perNode.entries()) {
      const create = builder.task(1000 + index, "CREATE", "");
      const confirm = builder.task(1000 + index, "CONFIRM", "");
      builder.edge(create, confirm);
      for (const text of tasks) {
        const [action, service] = text.split(" ") as ["INSTALL" | "START", string];
        const task = builder.task(1000 + index, action, service);
        builder.edge(confirm, task);
        others.push(task);
      }
    }
    const seen = new Set<string>();
    for (const [one, other] of edges) {
      if (others.length < 2) break;
      const [from, to] = [one % others.length, other % others.length].sort((a, b) => a - b) as [number, number];
      if (from === to || seen.has(`${from} ${to}`)) continue;
      seen.add(`${from} ${to}`);
      builder.edge(others[from]!, others[to]!);
    }
    for (const [at, before, after] of joins) {
      if (others.length < 2) break;
      const split = 1 + (at % (others.length - 1));
      builder.edges(others.slice(Math.max(0, split - before - 1), split), others.slice(split, split + after + 1));
    }
    return builder.build();
  });
