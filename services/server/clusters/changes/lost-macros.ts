/** Macros that name a node by its place in a list, and have no value any more after a change. Pure. */
import { effectiveAction } from "../../catalog/actions.js";
import { formatPath } from "../../catalog/paths.js";
import type { Action, JsonObject } from "../../catalog/types.js";
import type { RunNode } from "../../jobs/cluster-state.js";
import { whyNoValue, type MacroContext } from "../../macros/expand.js";
import { macrosIn } from "../../macros/references.js";
import { absentServices } from "./halfway.js";
import type { ChangingCluster } from "./types.js";

/** The nodes of a cluster as they are or would be, in number order. */
export interface Nodes {
  readonly staying: readonly RunNode[];
  /** Nodes that go, with what is stopped and taken away on them. Nobody names them any more, not even themselves. */
  readonly leaving: readonly RunNode[];
}

export interface LostMacro {
  /** As it is written. */
  readonly macro: string;
  /** Of the configuration; empty for a field of an action. */
  readonly path: string;
  /** Where it stands, in words. */
  readonly where: string;
  /** A sentence without its end. */
  readonly why: string;
}

/** What is done to a service on a node that goes. */
const LAST_ACTIONS: ReadonlySet<string> = new Set(["stop", "remove"]);

/** Macros that workers could not be told after a change and could be before it. */
export function lostMacros({ cluster, nodes }: ChangingCluster, after: Nodes): LostMacro[] {
  const before = { staying: nodes, leaving: [] };
  const known = new Set(withoutValue(cluster, before).map(keyOf));
  return withoutValue(cluster, after).filter((lost) => !known.has(keyOf(lost)));
}

const keyOf = ({ where, macro }: LostMacro): string => `${where} ${macro}`;

function withoutValue(cluster: ChangingCluster["cluster"], nodes: Nodes): LostMacro[] {
  const context: MacroContext = { owner: cluster.owner, self: undefined, nodesOf: nodesByService(nodes.staying) };
  const found = handedOut(cluster, nodes).flatMap(({ value, path, where }) =>
    [...macrosIn(value)].flatMap(({ path: below, text, macro }): LostMacro[] => {
      // Lists only get shorter, and what names the node itself stays as it is.
      if (!("index" in macro.term) || macro.term.index === undefined) return [];
      const why = whyNoValue(macro, context);
      const at = formatPath([...path, ...below]);
      return why === undefined
        ? []
        : [{ macro: text, path: path.length === 0 ? "" : at, where: `${at} of ${where}`, why }];
    }),
  );
  return [...new Map(found.map((lost) => [keyOf(lost), lost])).values()];
}

/** Whom macros name: what is not there is named by nobody (jobs/assignment.ts). */
function nodesByService(nodes: readonly RunNode[]): MacroContext["nodesOf"] {
  const lists = new Map<string, RunNode[]>();
  for (const node of nodes) {
    const absent = absentServices(node);
    for (const service of node.services) {
      if (absent.includes(service)) continue;
      const list = lists.get(service);
      if (list === undefined) lists.set(service, [node]);
      else list.push(node);
    }
  }
  return (service) => lists.get(service) ?? [];
}

/** A value that workers get with its macros expanded. */
interface HandedOut {
  readonly value: JsonObject[string];
  /** Of the configuration, where it is a part of it. */
  readonly path: readonly string[];
  readonly where: string;
}

/** What workers get in this operation or a later one: fields of actions, and the configuration that these may see. */
function handedOut({ spec, config }: ChangingCluster["cluster"], { staying, leaving }: Nodes): HandedOut[] {
  const fields = new Map<string, HandedOut>();
  const acting = new Set<string>();
  const act = (service: string, action: Action, imageType: string, where: string): void => {
    const effective = effectiveAction(action, imageType);
    if (effective === undefined) return;
    acting.add(service);
    // In scripts nothing is expanded.
    const { script: _script, ...value } = effective.fields;
    fields.set(`${where} ${imageType}`, { value, path: [], where });
  };
  const { check } = spec.template.body;
  const look = (nodes: readonly RunNode[], isLeaving: boolean): void => {
    for (const [service, imageTypes] of imageTypesByService(nodes)) {
      for (const imageType of imageTypes) {
        for (const [name, action] of Object.entries(spec.services[service]!.body.actions ?? {}))
          if (!isLeaving || LAST_ACTIONS.has(name))
            act(service, action, imageType, `the action ${name} of service "${service}"`);
        if (!isLeaving && check?.service === service) act(service, check, imageType, "the check of the template");
      }
    }
  };
  look(staying, false);
  look(leaving, true);
  // A service sees its own part, and what belongs to no service.
  const isSeen = (key: string): boolean => (Object.hasOwn(spec.services, key) ? acting.has(key) : acting.size > 0);
  const parts = Object.entries(config).filter(([key]) => isSeen(key));
  return [...parts.map(([key, value]) => ({ value, path: [key], where: "the configuration" })), ...fields.values()];
}

function imageTypesByService(nodes: readonly RunNode[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const { services, imageType } of nodes) {
    for (const service of services) {
      const known = found.get(service);
      if (known === undefined) found.set(service, new Set([imageType]));
      else known.add(imageType);
    }
  }
  return found;
}
