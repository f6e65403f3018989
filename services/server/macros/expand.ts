/** Putting values in the place of macros. Pure; a value is expanded once, its results are not looked at again. */
import { LoomError } from "../../common/errors.js";
import type { Json } from "../catalog/types.js";
import { parseMacros, type Macro, type MacroToken } from "./parse.js";

export interface MacroNode {
  readonly number: number;
  readonly hostname: string;
  /** By purpose. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly services: readonly string[];
}

export interface MacroContext {
  readonly owner: string;
  /** The node the value is for; undefined where it is for none. */
  readonly self: MacroNode | undefined;
  /** Nodes with a service, in number order. */
  readonly nodesOf: (service: string) => readonly MacroNode[];
}

/**
 * The value with every macro in its texts expanded, keys left alone. Values without macros are returned as they are.
 *
 * Lists are in node-number order. A list of a service nobody carries, and the place of this node among those with a
 * service it does not have, stay as they are written; the number of nodes with such a service is 0.
 * @throws MACRO_ERROR for an unknown macro, an index out of range, or an address that is not known
 */
export function expandMacros(value: Json, context: MacroContext): Json {
  if (typeof value === "string") return value.includes("%") ? expandText(value, context) : value;
  if (Array.isArray(value)) {
    const items = value as readonly Json[];
    const expanded = items.map((item) => expandMacros(item, context));
    return expanded.some((item, index) => item !== items[index]) ? expanded : value;
  }
  if (typeof value === "object" && value !== null) {
    let isSame = true;
    const entries = Object.entries(value).map(([key, item]): [string, Json] => {
      const expanded = expandMacros(item, context);
      isSame &&= expanded === item;
      return [key, expanded];
    });
    return isSame ? value : Object.fromEntries(entries);
  }
  return value;
}

function expandText(text: string, context: MacroContext): string {
  return parseMacros(text)
    .map((token) => (token.kind === "text" ? token.text : expandToken(token, context)))
    .join("");
}

function expandToken(token: Exclude<MacroToken, { kind: "text" }>, context: MacroContext): string {
  const refuse = (message: string): never => {
    throw new LoomError(
      "MACRO_ERROR",
      `The macro ${token.text} at position ${token.offset + 1} cannot be expanded: ${message}`,
      { metadata: { macro: token.text } },
    );
  };
  if (token.kind === "wrong") return refuse(token.message);
  const elements = elementsOf(token.macro, context, refuse);
  if (elements === undefined) return token.text;
  const { pattern, separator } = token.macro;
  if (pattern === undefined) return elements.join(separator);
  return elements
    .map((element) => pattern.replace(/\$\$|\$/g, (sign) => (sign === "$$" ? "$" : element)))
    .join(separator);
}

/** Why a macro has no value, as a clause; undefined where it has one, or stays as it is written. */
export function whyNoValue(macro: Macro, context: MacroContext): string | undefined {
  try {
    elementsOf(macro, context, (message) => {
      throw new NoValue(message);
    });
    return undefined;
  } catch (thrown) {
    if (thrown instanceof NoValue) return thrown.message.replace(/\.$/, "");
    throw thrown;
  }
}

class NoValue extends Error {}

function elementsOf(
  { term }: Macro,
  { owner, self, nodesOf }: MacroContext,
  refuse: (message: string) => never,
): readonly string[] | undefined {
  const addressOf = (node: MacroNode, purpose: string): string =>
    (Object.hasOwn(node.addresses, purpose) ? node.addresses[purpose] : undefined) ??
    refuse(`the address "${purpose}" of node ${node.number} is not known.`);
  const own = (): MacroNode => self ?? refuse("it names the node itself, and this value is for no node.");
  const pick = (service: string, index: number | undefined): readonly MacroNode[] | undefined => {
    const nodes = nodesOf(service);
    if (index === undefined) return nodes.length === 0 ? undefined : nodes;
    return [
      nodes[index] ??
        refuse(
          nodes.length === 0
            ? `no node of the cluster carries "${service}".`
            : `only ${nodes.length} ${nodes.length === 1 ? "node carries" : "nodes carry"} "${service}", counted from 0.`,
        ),
    ];
  };
  switch (term.kind) {
    case "owner":
      return [owner];
    case "hostSelf":
      return [own().hostname];
    case "addressSelf":
      return [addressOf(own(), term.purpose)];
    case "count":
      return [String(nodesOf(term.service).length)];
    case "instance": {
      const rank = nodesOf(term.service).findIndex((node) => node.number === own().number);
      return rank === -1 ? undefined : [String(rank + 1)];
    }
    case "hosts":
      return pick(term.service, term.index)?.map((node) => node.hostname);
    case "addresses":
      return pick(term.service, term.index)?.map((node) => addressOf(node, term.purpose));
  }
}
