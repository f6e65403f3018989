/** Macros in documents that cannot come right in any cluster, found before there is one. */
import { parseMacros } from "../macros/parse.js";
import type { MacroTerm } from "../macros/parse.js";
import type { Report } from "./body.js";
import type { Path } from "./paths.js";
import { didYouMean } from "./suggest.js";
import type { Action, Catalog, CatalogDocument, ClusterTemplate, Json } from "./types.js";

/** A text in which macros are expanded. */
interface MacroText {
  readonly text: string;
  readonly path: Path;
  /** False where the text is for the whole cluster, so that there is no node `self` could be. */
  readonly onNode: boolean;
}

/**
 * Reports wrong macros, macros of services that do not exist, and indexes that a constraint of the template rules out.
 *
 * @param template of a template, what it is with everything it builds on; absent for other kinds
 */
export function checkMacros(
  document: CatalogDocument,
  catalog: Catalog,
  template: ClusterTemplate | undefined,
  report: Report,
): void {
  for (const { text, path, onNode } of textsOf(document)) {
    for (const token of parseMacros(text)) {
      if (token.kind === "text") continue;
      const error = (message: string, suggestion = ""): void =>
        report({
          severity: "error",
          path,
          message: `The macro ${token.text} cannot be expanded: ${message}`,
          suggestion,
        });
      if (token.kind === "wrong") {
        error(token.message);
        continue;
      }
      const { term } = token.macro;
      if (!onNode && isOfNode(term))
        error(
          "it names the node itself, and this text is for the whole cluster.",
          "Name a node of a service instead, such as host.service.NAME[0].",
        );
      if (!("service" in term)) continue;
      const { service } = term;
      const index = "index" in term ? term.index : undefined;
      const max = template?.constraints?.services?.[service]?.max;
      if (!catalog.Service.has(service)) {
        const advice = didYouMean(service, catalog.Service.keys());
        if (index === undefined)
          report({
            severity: "warning",
            path,
            message: `There is no service "${service}" for the macro ${token.text}.`,
            suggestion: advice,
          });
        else error(`there is no service "${service}".`, advice);
      } else if (index !== undefined && max !== undefined && index >= max) {
        error(`"${service}" is on at most ${max} ${max === 1 ? "node" : "nodes"}, counted from 0.`);
      }
    }
  }
}

function isOfNode(term: MacroTerm): boolean {
  return term.kind === "hostSelf" || term.kind === "addressSelf" || term.kind === "instance";
}

/** Every text of a document in which macros are expanded. */
export function* textsOf(document: CatalogDocument): Generator<MacroText> {
  if (document.kind === "Service") {
    const { config, actions = {}, links = [] } = document.body;
    yield* textsIn(config, ["config"]);
    for (const [name, action] of Object.entries(actions)) yield* textsOfAction(action, ["actions", name]);
    for (const [index, { url }] of links.entries()) yield { text: url, path: ["links", index, "url"], onNode: true };
  }
  if (document.kind === "ClusterTemplate" || document.kind === "PartialTemplate") {
    const { defaults, check, links = [] } = document.body;
    yield* textsIn(defaults?.config, ["defaults", "config"]);
    if (check !== undefined) yield* textsOfAction(check, ["check"]);
    for (const [index, { url }] of links.entries()) yield { text: url, path: ["links", index, "url"], onNode: false };
  }
}

/** A script is shell text, full of `%`, and no macros are expanded in it. */
function* textsOfAction(action: Action, path: Path): Generator<MacroText> {
  for (const { fields, at } of [
    { fields: action.fields, at: path },
    ...(action.variants ?? []).map((variant, index) => ({ fields: variant.fields, at: [...path, "variants", index] })),
  ]) {
    for (const [name, value] of Object.entries(fields ?? {})) {
      if (name !== "script") yield* textsIn(value, [...at, "fields", name]);
    }
  }
}

function* textsIn(value: Json | undefined, path: Path): Generator<MacroText> {
  if (typeof value === "string") {
    if (value.includes("%")) yield { text: value, path, onNode: true };
  } else if (Array.isArray(value)) {
    for (const [index, item] of (value as readonly Json[]).entries()) yield* textsIn(item, [...path, index]);
  } else if (typeof value === "object" && value !== null) {
    for (const [key, item] of Object.entries(value)) yield* textsIn(item, [...path, key]);
  }
}
