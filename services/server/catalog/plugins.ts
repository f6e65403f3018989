/** Documents against the fields that provider and automator types ask for. */
import { checkAction, waysOf } from "./actions.js";
import { isObject } from "./body.js";
import type { Report } from "./body.js";
import type { Path } from "./paths.js";
import type { Finding } from "./problems.js";
import { closest } from "./suggest.js";
import type { Action, CatalogDocument, Json, JsonObject } from "./types.js";

/** A provider or automator type with its fields. */
export interface PluginType {
  readonly kind: "PROVIDER" | "AUTOMATOR";
  readonly type: string;
  readonly fields: readonly {
    readonly name: string;
    /** string, integer, boolean, object, list */ readonly type: string;
    readonly required?: boolean;
  }[];
}

export interface KnownPlugins {
  readonly types: readonly PluginType[];
  /** What an unknown type is: a warning where the server that has it is not asked, an error where it is. */
  readonly unknown: Finding["severity"];
}

/** Reports unknown types, and fields of known types that are missing, unknown or wrong. */
export function checkPlugins(document: CatalogDocument, plugins: KnownPlugins, report: Report): void {
  const checker = createChecker(plugins, report);
  if (document.kind === "Provider") {
    const { type, fields } = document.body;
    checker("PROVIDER", type, fields ?? {}, ["type"], ["fields"]);
  }
  const actions: { readonly action: Action; readonly path: Path }[] = [];
  if (document.kind === "Service") {
    for (const [name, action] of Object.entries(document.body.actions ?? {}))
      actions.push({ action, path: ["actions", name] });
  }
  if (document.kind === "ClusterTemplate" || document.kind === "PartialTemplate") {
    if (document.body.check !== undefined) actions.push({ action: checkAction(document.body.check), path: ["check"] });
  }
  for (const { action, path } of actions) {
    for (const { way, path: inner } of waysOf(action)) {
      const at = [...path, ...inner];
      checker("AUTOMATOR", way.type, way.fields, [...at, "type"], [...at, "fields"]);
    }
  }
}

type Checker = (kind: PluginType["kind"], type: string, fields: JsonObject, typePath: Path, fieldsPath: Path) => void;

function createChecker(plugins: KnownPlugins, report: Report): Checker {
  return (kind, type, fields, typePath, fieldsPath) => {
    if (type === "") return;
    const word = kind === "PROVIDER" ? "provider" : "automator";
    const known = plugins.types.filter((plugin) => plugin.kind === kind);
    const plugin = known.find((one) => one.type === type);
    if (plugin === undefined) {
      const near = closest(
        type,
        known.map((one) => one.type),
      );
      const suggestion =
        near === undefined
          ? `Known are: ${known.map((one) => one.type).join(", ") || "none"}.`
          : `Did you mean "${near}"?`;
      report({ severity: plugins.unknown, path: typePath, message: `There is no ${word} type "${type}".`, suggestion });
      return;
    }
    for (const field of plugin.fields) {
      const value = fields[field.name];
      const path = [...fieldsPath, field.name];
      if (value === undefined || value === null) {
        if (field.required === true)
          report({ severity: "error", path, message: `The ${word} type "${type}" needs the field "${field.name}".` });
      } else if (!fits(value, field.type)) {
        report({
          severity: "error",
          path,
          message: `The field "${field.name}" of ${word} type "${type}" must be ${WORDS[field.type] ?? field.type}.`,
        });
      }
    }
    const names = plugin.fields.map((field) => field.name);
    for (const name of Object.keys(fields)) {
      if (names.includes(name)) continue;
      const near = closest(name, names);
      const suggestion =
        near === undefined
          ? names.length === 0
            ? "It has no fields."
            : `Its fields are: ${names.join(", ")}.`
          : `Did you mean "${near}"?`;
      report({
        severity: "warning",
        path: [...fieldsPath, name],
        atKey: true,
        message: `The ${word} type "${type}" has no field "${name}".`,
        suggestion,
      });
    }
  };
}

const WORDS: Readonly<Record<string, string>> = {
  string: "text",
  integer: "a whole number",
  boolean: "true or false",
  object: "a mapping",
  list: "a list",
};

/** A text with macros may become anything once they are expanded, but only a text stays a text. */
function fits(value: Json, type: string): boolean {
  switch (type) {
    case "string":
      return typeof value === "string";
    case "integer":
      return Number.isInteger(value) || (typeof value === "string" && value.includes("%"));
    case "boolean":
      return typeof value === "boolean";
    case "object":
      return isObject(value);
    case "list":
      return Array.isArray(value);
    default:
      return true;
  }
}
