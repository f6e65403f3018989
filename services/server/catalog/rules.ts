/** Rules inside one document that its shape alone does not tell: values that contradict each other. */
import type { Report } from "./body.js";
import { termsFault } from "../leases/rules.js";
import { badGenerated } from "./secrets.js";
import type { Path } from "./paths.js";
import type { Action, ActionVariant, CatalogDocument, Check, ClusterTemplate, Service } from "./types.js";

/** Reports what is wrong inside the document. */
export function checkRules(document: CatalogDocument, report: Report): void {
  if (document.kind === "Service") checkService(document.body, report);
  if (document.kind === "ClusterTemplate" || document.kind === "PartialTemplate") checkTemplate(document.body, report);
}

function error(report: Report, path: Path, message: string, suggestion = ""): void {
  report({ severity: "error", path, message, suggestion });
}

function checkService(service: Service, report: Report): void {
  for (const [name, action] of Object.entries(service.actions ?? {})) checkVariants(action, ["actions", name], report);
  for (const bad of badGenerated(service.config ?? {}, ["config"]))
    error(report, bad.path, bad.message, bad.suggestion);
}

function checkTemplate(template: ClusterTemplate, report: Report): void {
  for (const bad of badGenerated(template.defaults?.config ?? {}, ["defaults", "config"]))
    error(report, bad.path, bad.message, bad.suggestion);
  const { layout, services, size } = template.constraints ?? {};
  for (const [name, { min, max }] of Object.entries(services ?? {}))
    checkBounds(min, max, ["constraints", "services", name], report);
  checkBounds(size?.min, size?.max, ["constraints", "size"], report);
  for (const [field, lists] of Object.entries({ mustCoexist: layout?.mustCoexist, cantCoexist: layout?.cantCoexist })) {
    for (const [index, set] of (lists ?? []).entries()) {
      if (set.length < 2) {
        const message = `A list of ${field} with ${set.length === 1 ? "one service" : "no service"} means nothing.`;
        error(report, ["constraints", "layout", field, index], message, "Name at least two services in it.");
      }
    }
  }
  if (template.check !== undefined) checkCheck(template.check, report);
  const fault = termsFault(template.lease ?? {});
  if (fault !== undefined) error(report, ["lease", fault.field], fault.message, fault.suggestion);
}

function checkBounds(min: number | undefined, max: number | undefined, path: Path, report: Report): void {
  if (max === undefined || max >= (min ?? 1)) return;
  const message =
    min === undefined
      ? `The maximum ${max} is below the minimum, which is 1 where nothing is said.`
      : `The maximum ${max} is below the minimum ${min}.`;
  error(report, [...path, "max"], message, min === undefined ? "Write min: 0 where it may be left out." : "");
}

function checkCheck(check: Check, report: Report): void {
  checkVariants(check, ["check"], report);
  if (check.script !== undefined && check.type !== undefined && check.type !== "shell") {
    error(
      report,
      ["check", "script"],
      `"script" is short for type shell, but the type is ${check.type}.`,
      'Give the values of this type under "fields".',
    );
  }
  if (check.script !== undefined && check.fields?.["script"] !== undefined) {
    error(report, ["check", "script"], 'The script is given twice, here and under "fields".', "Remove one of the two.");
  }
  if (check.script === undefined && check.fields === undefined && check.variants === undefined) {
    report({
      severity: "error",
      absent: true,
      path: ["check"],
      message: "The check does nothing.",
      suggestion: 'Give it a "script".',
    });
  }
}

function checkVariants(action: Action & { readonly script?: string }, path: Path, report: Report): void {
  const variants = action.variants ?? [];
  const seen = new Map<string, number>();
  let rest: number | undefined;
  for (const [index, variant] of variants.entries()) {
    const at = [...path, "variants", index];
    const names = variant.imageTypes ?? [];
    if (names.length === 0) {
      if (rest !== undefined)
        error(
          report,
          at,
          `Variants ${rest} and ${index} are both for every other image type.`,
          'Name the image types of one of them under "imageTypes".',
        );
      rest ??= index;
    }
    for (const [position, name] of names.entries()) {
      const first = seen.get(name);
      if (first === undefined) seen.set(name, index);
      else
        error(
          report,
          [...at, "imageTypes", position],
          `The image type "${name}" is in variant ${first} already.`,
          "Remove it from one of the two.",
        );
    }
  }
  const ownScript =
    action.script === undefined && action.fields?.["script"] === undefined
      ? undefined
      : action.script === undefined
        ? ["fields", "script"]
        : ["script"];
  if (ownScript !== undefined && variants.length > 0 && variants.every((variant) => replaces(variant, action))) {
    const suggestion =
      "Move it into a variant without imageTypes, which is for every image type that no other variant names.";
    report({
      severity: "warning",
      path: [...path, ...ownScript],
      message: "This script is never used: every variant has its own.",
      suggestion,
    });
  }
}

/** True where nothing of the action's own script is left in the variant. */
function replaces(variant: ActionVariant, action: Action): boolean {
  return variant.fields?.["script"] !== undefined || (variant.type ?? action.type) !== action.type;
}
