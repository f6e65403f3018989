/** Builds a packed task graph: tasks and joins are added, then numbered by stage. Pure. */
import { createHash } from "node:crypto";
import { ACTIONS, type ActionName, type TaskGraph } from "./types.js";

/** A vertex while the graph is built; joins are negative. */
export type Vertex = number;

const ACTION_INDEX = new Map<ActionName, number>(ACTIONS.map((action, index) => [action, index]));

/** A growing list of 32-bit numbers. */
class Numbers {
  #items = new Uint32Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.#items.length) {
      const larger = new Uint32Array(this.length * 2);
      larger.set(this.#items);
      this.#items = larger;
    }
    this.#items[this.length] = value;
    this.length += 1;
  }

  at(index: number): number {
    return this.#items[index]!;
  }

  set(index: number, value: number): void {
    this.#items[index] = value;
  }
}

export class GraphBuilder {
  readonly #serviceIndex: ReadonlyMap<string, number>;
  readonly #serviceNames: readonly string[];
  readonly #node = new Numbers();
  readonly #service = new Numbers();
  readonly #action = new Numbers();
  #joins = 0;
  // Vertices of edges: tasks as they are, joins as JOIN + number.
  readonly #from = new Numbers();
  readonly #to = new Numbers();

  /** @param services names, in code point order */
  constructor(services: readonly string[]) {
    this.#serviceNames = ["", ...services];
    this.#serviceIndex = new Map(this.#serviceNames.map((name, index) => [name, index]));
  }

  get taskCount(): number {
    return this.#node.length;
  }

  /** Tasks are to be added in order of (node, action, service): their numbers within a stage keep it. */
  task(node: number, action: ActionName, service: string): Vertex {
    this.#node.push(node);
    this.#action.push(ACTION_INDEX.get(action)!);
    this.#service.push(this.#serviceIndex.get(service)!);
    return this.#node.length - 1;
  }

  join(): Vertex {
    this.#joins += 1;
    return -this.#joins;
  }

  edge(from: Vertex, to: Vertex): void {
    this.#from.push(encode(from));
    this.#to.push(encode(to));
  }

  /** Every one of `to` waits for every one of `from`; through a join where both are several, so that edges add up and do not multiply. */
  edges(from: readonly Vertex[], to: readonly Vertex[]): void {
    if (from.length <= 1 || to.length <= 1) {
      for (const source of from) for (const target of to) this.edge(source, target);
      return;
    }
    const join = this.join();
    for (const source of from) this.edge(source, join);
    for (const target of to) this.edge(join, target);
  }

  /** Tasks that nothing waits for yet. */
  sinks(): Vertex[] {
    const hasDependents = new Uint8Array(this.taskCount);
    for (let edge = 0; edge < this.#from.length; edge += 1) {
      const vertex = this.#from.at(edge);
      if (vertex < JOIN) hasDependents[vertex] = 1;
    }
    const found: Vertex[] = [];
    for (let task = 0; task < this.taskCount; task += 1) if (hasDependents[task] === 0) found.push(task);
    return found;
  }

  /** @throws Error where the graph has a cycle: rules that the planner checks before make that a defect */
  build(): TaskGraph {
    const taskCount = this.taskCount;
    const vertexCount = taskCount + this.#joins;
    const edgeCount = this.#from.length;
    const raw = (encoded: number): number => (encoded < JOIN ? encoded : taskCount + (encoded - JOIN) - 1);

    // Longest path (Kahn): the stage of a vertex is 1 more than that of a task it waits for, and that of a join.
    const offset = new Uint32Array(vertexCount + 1);
    const waits = new Uint32Array(vertexCount);
    for (let edge = 0; edge < edgeCount; edge += 1) {
      offset[raw(this.#from.at(edge)) + 1]! += 1;
      waits[raw(this.#to.at(edge))]! += 1;
    }
    for (let vertex = 0; vertex < vertexCount; vertex += 1) offset[vertex + 1]! += offset[vertex]!;
    const targets = new Uint32Array(edgeCount);
    const fill = offset.slice();
    for (let edge = 0; edge < edgeCount; edge += 1) {
      const source = raw(this.#from.at(edge));
      targets[fill[source]!] = raw(this.#to.at(edge));
      fill[source]! += 1;
    }
    const stage = new Uint32Array(vertexCount);
    const left = waits.slice();
    const queue = new Uint32Array(vertexCount);
    let tail = 0;
    for (let vertex = 0; vertex < vertexCount; vertex += 1) if (left[vertex] === 0) queue[tail++] = vertex;
    for (let head = 0; head < tail; head += 1) {
      const vertex = queue[head]!;
      const next = stage[vertex]! + (vertex < taskCount ? 1 : 0);
      for (let edge = offset[vertex]!; edge < offset[vertex + 1]!; edge += 1) {
        const target = targets[edge]!;
        if (stage[target]! < next) stage[target] = next;
        left[target]! -= 1;
        if (left[target] === 0) queue[tail++] = target;
      }
    }
    if (tail !== vertexCount) throw new Error("the task graph has a cycle");

    // Number tasks by stage; inside a stage they stand in the order in which they were added.
    let stages = 0;
    for (let task = 0; task < taskCount; task += 1) stages = Math.max(stages, stage[task]! + 1);
    const starts = new Uint32Array(stages + 1);
    for (let task = 0; task < taskCount; task += 1) starts[stage[task]! + 1]! += 1;
    for (let level = 0; level < stages; level += 1) starts[level + 1]! += starts[level]!;
    const numberOf = new Uint32Array(vertexCount);
    for (let task = 0; task < taskCount; task += 1) {
      numberOf[task] = starts[stage[task]!]!;
      starts[stage[task]!]! += 1;
    }
    for (let join = taskCount; join < vertexCount; join += 1) numberOf[join] = join;

    const graph = {
      serviceNames: this.#serviceNames,
      taskCount,
      vertexCount,
      node: new Uint32Array(taskCount),
      service: new Uint16Array(taskCount),
      action: new Uint8Array(taskCount),
      stage: new Uint32Array(taskCount),
      indegree: new Uint32Array(vertexCount),
      offset: new Uint32Array(vertexCount + 1),
      dependents: new Uint32Array(edgeCount),
    };
    const original = new Uint32Array(vertexCount);
    for (let vertex = 0; vertex < vertexCount; vertex += 1) {
      const number = numberOf[vertex]!;
      original[number] = vertex;
      graph.indegree[number] = waits[vertex]!;
      if (vertex >= taskCount) continue;
      graph.node[number] = this.#node.at(vertex);
      graph.service[number] = this.#service.at(vertex);
      graph.action[number] = this.#action.at(vertex);
      graph.stage[number] = stage[vertex]!;
    }
    let written = 0;
    for (let number = 0; number < vertexCount; number += 1) {
      const vertex = original[number]!;
      for (let edge = offset[vertex]!; edge < offset[vertex + 1]!; edge += 1)
        graph.dependents[written++] = numberOf[targets[edge]!]!;
      graph.offset[number + 1] = written;
    }
    return { ...graph, digest: digestOf(graph) };
  }
}

/** Numbers of joins in edges begin here; far above any number of tasks. */
const JOIN = 0x8000_0000;
const encode = (vertex: Vertex): number => (vertex >= 0 ? vertex : JOIN - vertex);

function digestOf(graph: Omit<TaskGraph, "digest">): string {
  const hash = createHash("sha256").update(JSON.stringify(graph.serviceNames));
  for (const array of [
    graph.node,
    graph.service,
    graph.action,
    graph.stage,
    graph.indegree,
    graph.offset,
    graph.dependents,
  ]) {
    hash.update(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  }
  return hash.digest("hex");
}
