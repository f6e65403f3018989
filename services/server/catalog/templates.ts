/** Templates as a whole: what they build on, and defaults that could not work. */
import type { Report } from "./body.js";
import { dependenciesOf } from "./dependencies.js";
import type { Answering } from "./dependencies.js";
import type { ProblemIndex } from "./problems.js";
import { termsFault } from "../leases/rules.js";
import { resolve } from "./resolve.js";
import type { TemplatePart } from "./resolve.js";
import type { Catalog, ClusterTemplate } from "./types.js";

/** Reports what keeps the template from being put together, errors of the documents it builds on included. */
export function checkTemplateParts(catalog: Catalog, target: TemplatePart, index: ProblemIndex, report: Report): void {
  const { parts, faults } = resolve(catalog, target);
  for (const { path, message, suggestion, dangling } of faults) {
    // What dangles is reported with all other names that do not exist.
    if (!dangling) report({ severity: "error", path, message, suggestion });
  }
  for (const part of parts) {
    if (part.kind === target.kind && part.name === target.name) continue;
    const error = index.errorOf(part.kind, part.name);
    if (error === undefined) continue;
    const place =
      target.body.extends === part.name && part.kind === target.kind ? ["extends"] : partPlace(target, part);
    report({
      severity: "error",
      path: place,
      message: `It builds on ${part.kind} "${part.name}", which has an error: ${error.message}`,
    });
  }
}

function partPlace(target: TemplatePart, part: TemplatePart): (string | number)[] {
  const index = part.kind === "PartialTemplate" ? (target.body.includes ?? []).indexOf(part.name) : -1;
  if (index !== -1) return ["includes", index];
  return target.body.extends === undefined ? ["includes"] : ["extends"];
}

/**
 * Reports defaults that contradict the template itself. A create that says nothing else would be refused; a create
 * that names other services or types need not be, so most of these are warnings.
 *
 * @param body as it was written; what it says itself is where problems are shown
 * @param template with everything it builds on
 */
export function checkTemplateSense(
  body: ClusterTemplate,
  template: ClusterTemplate,
  catalog: Catalog,
  names: Answering,
  report: Report,
): void {
  const services = template.defaults?.services ?? [];
  const at = (service: string): (string | number)[] => {
    const index = body.defaults?.services?.indexOf(service) ?? -1;
    return index === -1 ? ["defaults", "services"] : ["defaults", "services", index];
  };
  const warn = (path: (string | number)[], message: string, suggestion = ""): void =>
    report({ severity: "warning", path, message, suggestion });

  for (const service of services) {
    for (const missing of missingRequirements(catalog, service, services, names)) {
      warn(
        at(service),
        `"${service}" requires "${missing}", which is not among the template's services.`,
        `Add "${missing}", or create with --with-dependencies.`,
      );
    }
    for (const other of catalog.Service.get(service)?.conflicts ?? []) {
      if (services.includes(other))
        warn(
          at(service),
          `"${service}" conflicts with "${other}", and both are among the template's services.`,
          "Remove one of the two.",
        );
    }
    if (catalog.Service.has(service) && !allows(template.compatibility?.services, service)) {
      warn(
        at(service),
        `"${service}" is a default service, but compatibility does not allow it.`,
        'Add it to "compatibility.services".',
      );
    }
  }
  const types = { hardwareType: catalog.HardwareType, imageType: catalog.ImageType };
  for (const field of ["hardwareType", "imageType"] as const) {
    const value = template.defaults?.[field];
    if (value !== undefined && types[field].has(value) && !allows(template.compatibility?.[`${field}s`], value)) {
      warn(
        ["defaults", field],
        `"${value}" is the default, but compatibility does not allow it.`,
        `Add it to "compatibility.${field}s".`,
      );
    }
  }
  const check = template.check?.service;
  if (
    check !== undefined &&
    check !== "" &&
    services.length > 0 &&
    !services.includes(check) &&
    catalog.Service.has(check)
  ) {
    report({
      severity: "error",
      path: ["check", "service"],
      message: `The check runs on a node of "${check}", which is not among the template's services.`,
      suggestion: `Add "${check}" to "defaults.services", or name one of them.`,
    });
  }
  checkMergedBounds(body, template, report);
}

/** Bounds that only contradict each other once the documents a template builds on are merged. */
function checkMergedBounds(body: ClusterTemplate, template: ClusterTemplate, report: Report): void {
  const check = (
    path: string[],
    own: { min?: number; max?: number } | undefined,
    merged: { min?: number; max?: number },
  ): void => {
    if (merged.max === undefined || merged.max >= (merged.min ?? 1)) return;
    if (own?.max !== undefined && own.max < (own.min ?? 1)) return;
    report({
      severity: "error",
      path,
      message: `With what it builds on, the maximum ${merged.max} is below the minimum ${merged.min ?? 1}.`,
    });
  };
  for (const [service, merged] of Object.entries(template.constraints?.services ?? {})) {
    check(["constraints", "services", service], body.constraints?.services?.[service], merged);
  }
  check(["constraints", "size"], body.constraints?.size, template.constraints?.size ?? {});
  const fault = termsFault(template.lease ?? {});
  if (fault !== undefined && termsFault(body.lease ?? {}) === undefined)
    report({
      severity: "error",
      path: ["lease"],
      message: `With what it builds on: ${fault.message}`,
      suggestion: fault.suggestion,
    });
}

/** What a service requires and no service of the list answers to. */
function missingRequirements(
  catalog: Catalog,
  service: string,
  services: readonly string[],
  names: Answering,
): string[] {
  const required = dependenciesOf(catalog.Service.get(service) ?? {}).filter(
    (entry) => entry.field === "requires" && names.has(entry.name),
  );
  return [...new Set(required.map((entry) => entry.name))].filter(
    (name) => !names.get(name)!.some((answer) => services.includes(answer)),
  );
}

function allows(list: readonly string[] | undefined, name: string): boolean {
  return list === undefined || list.length === 0 || list.includes(name);
}
