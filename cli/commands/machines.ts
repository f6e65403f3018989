/** `loom remove-nodes`, `loom replace-node` and `loom repair` */
import { badInput } from "../exit.js";
import { lastPart } from "../names.js";
import { count } from "../render/words.js";
import type { Session } from "../session.js";
import { operate, type OperationOptions } from "./operate.js";

export interface RemoveNodesOptions extends OperationOptions {
  readonly service?: string;
  readonly count?: number;
}

export async function remove(
  session: Session,
  options: RemoveNodesOptions,
  text: string,
  nodes: readonly number[],
): Promise<number> {
  const { service, count: n } = options;
  if (nodes.length > 0 === (service !== undefined) || (service === undefined) !== (n === undefined))
    throw badInput("It is not said which nodes.", "Give their numbers, or --service and --count.");
  return operate(session, options, text, {
    what: (cluster) =>
      service === undefined
        ? `remove ${nodes.length === 1 ? "node" : "nodes"} ${nodes.join(", ")} from ${lastPart(cluster.name)}`
        : `remove ${count(n!, "node")} with ${service} from ${lastPart(cluster.name)}`,
    send: (api, common, signal) =>
      api.clusters.removeNodes({ ...common, nodes: [...nodes], service: service ?? "", count: n ?? 0 }, { signal }),
    question: "name",
  });
}

export function replace(session: Session, options: OperationOptions, text: string, node: number): Promise<number> {
  return operate(session, options, text, {
    what: (cluster) => `replace node ${node} of ${lastPart(cluster.name)}`,
    send: (api, common, signal) => api.clusters.replaceNode({ ...common, node }, { signal }),
    question: "name",
  });
}

export function repair(session: Session, options: OperationOptions, text: string): Promise<number> {
  return operate(session, options, text, {
    what: (cluster) => `repair ${lastPart(cluster.name)}`,
    send: (api, common, signal) => api.clusters.repairCluster(common, { signal }),
    nothingToDo: (cluster) => `Every node of ${lastPart(cluster.name)} is as it should be: there is nothing to repair.`,
  });
}
