/** Documents against each other: the errors and warnings that no single document shows. */
import type { Report } from "./body.js";
import { documentsOf } from "./build.js";
import { answering, dependenciesOf, findCycles } from "./dependencies.js";
import type { Answering, Cycle } from "./dependencies.js";
import { checkMacros } from "./macros.js";
import { checkPlugins } from "./plugins.js";
import type { KnownPlugins } from "./plugins.js";
import { documentId, indexProblems, NO_SOURCE, problemAt, sortProblems } from "./problems.js";
import type { ProblemIndex, Source } from "./problems.js";
import { checkReferences } from "./references.js";
import { resolve } from "./resolve.js";
import { checkTemplateParts, checkTemplateSense } from "./templates.js";
import type { Catalog, ClusterTemplate, DocumentKind, Problem } from "./types.js";

export interface ValidationContext {
  /** Absent: types and their fields are not checked at all. */
  readonly plugins?: KnownPlugins;
  /** Where documents came from, for the lines of problems. */
  readonly sourceOf?: (kind: DocumentKind, name: string) => Source | undefined;
}

/**
 * Everything wrong between the documents of a catalog, in reading order. A document with an error is unusable; it makes
 * no other document unusable but the templates that build on it.
 */
export function validateCatalog(catalog: Catalog, context: ValidationContext = {}): Problem[] {
  const problems: Problem[] = [];
  const reporter = (kind: DocumentKind, name: string): Report => {
    const source = context.sourceOf?.(kind, name) ?? NO_SOURCE;
    return (finding) => problems.push(problemAt(documentId(kind, name), source, finding));
  };
  const names = answering(catalog.Service);
  for (const document of documentsOf(catalog)) {
    const report = reporter(document.kind, document.name);
    checkReferences(document, catalog, names, report);
    if (context.plugins !== undefined) checkPlugins(document, context.plugins, report);
    const template = document.kind === "ClusterTemplate" ? resolve(catalog, document).template : undefined;
    checkMacros(document, catalog, template, report);
    if (template !== undefined) checkTemplateSense(document.body as ClusterTemplate, template, catalog, names, report);
  }
  checkCycles(catalog, names, reporter);
  // Last: it passes on the errors of the documents that a template builds on.
  const index = indexProblems(problems);
  for (const kind of ["PartialTemplate", "ClusterTemplate"] as const) {
    for (const [name, body] of catalog[kind])
      checkTemplateParts(catalog, { kind, name, body }, index, reporter(kind, name));
  }
  return sortProblems(problems);
}

/** The problems of every document of the catalog, to look up by kind and name. */
export function validationIndex(catalog: Catalog, context: ValidationContext = {}): ProblemIndex {
  return indexProblems(validateCatalog(catalog, context));
}

function checkCycles(catalog: Catalog, names: Answering, reporter: (kind: DocumentKind, name: string) => Report): void {
  for (const cycle of (["install", "runtime"] as const).flatMap((phase) => findCycles(catalog.Service, phase))) {
    const finding = describeCycle(cycle);
    for (const [index, name] of cycle.services.entries()) {
      const next = cycle.services[(index + 1) % cycle.services.length]!;
      const entry = dependenciesOf(catalog.Service.get(name)!).find(
        (one) => one.phase === cycle.phase && (names.get(one.name) ?? []).includes(next),
      );
      reporter("Service", name)({ ...finding, path: entry?.path ?? [cycle.phase] });
    }
  }
}

function describeCycle({ phase, services, certain }: Cycle): {
  severity: Problem["severity"];
  message: string;
  suggestion: string;
} {
  const circle = [...services, services[0]!].map((name) => `"${name}"`).join(" -> ");
  const what = services.length === 1 ? `"${services[0]}" depends on itself` : "These services depend on each other";
  const when = phase === "install" ? "to be installed" : "to run";
  const suggestion = "Remove one of these dependencies.";
  if (certain) return { severity: "error", message: `${what} ${when}: ${circle}.`, suggestion };
  return {
    severity: "warning",
    message: `${what} ${when} when all of them are in one cluster: ${circle}.`,
    suggestion: "",
  };
}
