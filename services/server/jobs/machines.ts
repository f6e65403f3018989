/** What a runner knows of the nodes of its cluster, and which of that is not stored yet. */
import type { ActionName } from "../plan/types.js";
import type { NodeProgress } from "../store/step.js";
import type { TaskResult } from "../workers/types.js";
import type { RunNode } from "./cluster-state.js";

export interface RunMachines {
  update(number: number, changes: Partial<Omit<RunNode, "number">>): void;
  /** An action on a node succeeded: what it told of the machine is kept. */
  succeeded(number: number, action: ActionName, result: TaskResult): void;
  /** What changed since the last call. */
  takeChanges(): NodeProgress[];
}

/**
 * @param remade nodes whose machine is made again: what the job deletes of them is the old one
 * @param listsChanged called where what other nodes see of a node has changed
 */
export function createRunMachines(
  nodes: ReadonlyMap<number, RunNode>,
  remade: ReadonlySet<number>,
  listsChanged: () => void,
): RunMachines {
  const changed = new Set<number>();

  function update(number: number, changes: Partial<Omit<RunNode, "number">>): void {
    const node = nodes.get(number);
    if (node === undefined) return;
    Object.assign(node, changes);
    changed.add(number);
    if (changes.addresses !== undefined || changes.state === "DELETED") listsChanged();
  }

  return {
    update,
    succeeded(number, action, result) {
      const node = nodes.get(number);
      if (node === undefined) return;
      switch (action) {
        case "CREATE":
        case "CONFIRM":
          return update(number, {
            state: action === "CREATE" ? "CREATING" : "UP",
            machine: result.machine === "" ? node.machine : result.machine,
            addresses: { ...node.addresses, ...result.addresses },
            results: { ...node.results, ...result.results },
            message: "",
          });
        case "DELETE":
          // The old machine went; the new one is not touched by that.
          if (!remade.has(number)) return update(number, { state: "DELETED", addresses: {}, message: "" });
          if (node.state === "FAILED") update(number, { state: "UP", message: "" });
          return;
        default:
          if (node.state === "FAILED") update(number, { state: "UP", message: "" });
      }
    },
    takeChanges() {
      const taken = [...changed].map((number) => progressOf(nodes.get(number)!));
      changed.clear();
      return taken;
    },
  };
}

/** The part of a node that jobs change. */
export function progressOf({ number, state, addresses, machine, results, message }: RunNode): NodeProgress {
  return { number, state, addresses, machine, results, message };
}
