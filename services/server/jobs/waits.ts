/**
 * What waits for what in a job's graph, and what waits for nothing any more. A vertex is done when its task is done; a
 * join vertex, and a task that passes (a skipped one), as soon as nothing before it is left. Pure.
 */
import type { TaskGraph } from "../plan/types.js";

export interface Waits {
  /** True where everything the vertex depends on is done. */
  isFree(vertex: number): boolean;
  /** The vertex is done. Joins and passing tasks behind it may be done with it. */
  release(vertex: number): void;
  /** A task that was done is to be done again. Nothing behind it may be done. */
  hold(task: number): void;
  /** The task and everything behind it is to be done again. Returns the tasks among that, in number order. */
  holdAllBehind(task: number): number[];
}

/**
 * @param passes a task that is done once everything before it is
 * @param freed called for every other task when the last vertex it waited for is done
 */
export function createWaits(
  graph: TaskGraph,
  passes: (task: number) => boolean,
  freed: (task: number) => unknown,
): Waits {
  const { offset, dependents, taskCount, vertexCount, indegree } = graph;
  /** How many vertices each vertex still waits for. */
  const left = Int32Array.from(indegree);
  const isDone = new Uint8Array(vertexCount);

  function eachBehind(vertex: number, visit: (dependent: number) => void): void {
    for (let edge = offset[vertex]!; edge < offset[vertex + 1]!; edge += 1) visit(dependents[edge]!);
  }

  function release(vertex: number): void {
    const pending = [vertex];
    for (let done = pending.pop(); done !== undefined; done = pending.pop()) {
      if (isDone[done] === 1) continue;
      isDone[done] = 1;
      eachBehind(done, (dependent) => {
        left[dependent]! -= 1;
        if (left[dependent] !== 0) return;
        if (dependent >= taskCount || passes(dependent)) pending.push(dependent);
        else freed(dependent);
      });
    }
  }

  function behind(task: number): Uint8Array {
    const found = new Uint8Array(vertexCount);
    const pending = [task];
    found[task] = 1;
    for (let vertex = pending.pop(); vertex !== undefined; vertex = pending.pop()) {
      eachBehind(vertex, (dependent) => {
        if (found[dependent] === 1) return;
        found[dependent] = 1;
        pending.push(dependent);
      });
    }
    return found;
  }

  // Join vertices without predecessors are done from the beginning.
  for (let vertex = taskCount; vertex < vertexCount; vertex += 1) if (indegree[vertex] === 0) release(vertex);

  return {
    isFree: (vertex) => left[vertex] === 0,
    release,
    hold(task) {
      isDone[task] = 0;
      eachBehind(task, (dependent) => {
        left[dependent]! += 1;
      });
    },
    holdAllBehind(task) {
      const held = behind(task);
      // Whatever waits for a held vertex is held itself, so what it waits for is counted anew.
      for (let vertex = 0; vertex < vertexCount; vertex += 1) {
        if (held[vertex] === 0) continue;
        left[vertex] = indegree[vertex]!;
        isDone[vertex] = 0;
      }
      for (let vertex = 0; vertex < vertexCount; vertex += 1) {
        if (isDone[vertex] === 0) continue;
        eachBehind(vertex, (dependent) => {
          if (held[dependent] === 1) left[dependent]! -= 1;
        });
      }
      const tasks: number[] = [];
      for (let vertex = 0; vertex < taskCount; vertex += 1) if (held[vertex] === 1) tasks.push(vertex);
      return tasks;
    },
  };
}
