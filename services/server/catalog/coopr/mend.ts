/**
 * What the source takes and Loom refuses, mended: a document of the source that clusters could be made from must not be
 * lost for a name that leads nowhere, a macro nobody can expand or services that wait for each other. Everything that is
 * changed is told.
 */
import { readBody } from "../body.js";
import { buildCatalog } from "../build.js";
import { answering, dependenciesOf, findCycles, type Cycle } from "../dependencies.js";
import { checkMacros } from "../macros.js";
import type { Path } from "../paths.js";
import type { Finding as CatalogFinding } from "../problems.js";
import { checkReferences } from "../references.js";
import { resolve } from "../resolve.js";
import { checkRules } from "../rules.js";
import { checkTemplateSense } from "../templates.js";
import type { Catalog, CatalogDocument, ClusterTemplate, Json, JsonObject } from "../types.js";
import { validateCatalog } from "../validate.js";
import { valueAt, withValue } from "./edit.js";
import type { ReadDocument } from "./read.js";
import { sourcePath } from "./source-path.js";
import { withoutMacros } from "./texts.js";
import type { Outcome } from "./types.js";

/** Documents being mended. */
export interface Work {
  readonly documents: readonly ReadDocument[];
  catalog(): Catalog;
  of(kind: CatalogDocument["kind"], name: string): ReadDocument;
  /** Puts a value at a path of a document, or takes it out, and tells of it. */
  change(
    target: ReadDocument,
    path: Path,
    put: Json | undefined,
    outcome: Outcome,
    reason: string,
    advice?: string,
  ): ReadDocument;
}

export function createWork(read: readonly ReadDocument[]): Work {
  const byId = new Map(read.map((one) => [`${one.document.kind}/${one.document.name}`, one]));
  let catalog: Catalog | undefined;
  return {
    get documents() {
      return [...byId.values()];
    },
    catalog: () => (catalog ??= buildCatalog([...byId.values()].map((one) => one.document))),
    of: (kind, name) => byId.get(`${kind}/${name}`)!,
    change(target, path, put, outcome, reason, advice = "") {
      const { document, tell } = target;
      tell(outcome, sourcePath(document.kind, path), reason, advice);
      const body = withValue(document.body as unknown as JsonObject, path, put);
      const changed = { ...target, document: { ...document, body } as unknown as CatalogDocument };
      byId.set(`${document.kind}/${document.name}`, changed);
      catalog = undefined;
      return changed;
    },
  };
}

/** Mends all there is. What is left is told as something Loom cannot use. */
export function mend(work: Work): void {
  for (const { document } of work.documents) mendShape(work, document);
  for (const { document } of work.documents) mendReferences(work, document);
  mendCycles(work);
  for (const kind of ["PartialTemplate", "ClusterTemplate"] as const)
    for (const name of work.catalog()[kind].keys()) mendParts(work, kind, name);
  for (const { document } of work.documents) mendMacros(work, document);
}

/** Tells of errors that are left. */
export function tellErrors(work: Work): void {
  for (const problem of validateCatalog(work.catalog())) {
    if (problem.severity !== "error") continue;
    const [kind, name] = problem.document.split("/") as [CatalogDocument["kind"], string];
    work.of(kind, name).tell("inactive", [], `Loom cannot use it: ${problem.message}`, problem.suggestion);
  }
}

function errorsIn(collect: (report: (finding: CatalogFinding) => void) => void): CatalogFinding[] {
  const found: CatalogFinding[] = [];
  collect((finding) => {
    if (finding.severity === "error") found.push(finding);
  });
  return found;
}

/** Values that Loom's documents cannot have. */
function mendShape(work: Work, { kind, name }: CatalogDocument): void {
  for (let errors: CatalogFinding[] | undefined; errors === undefined || errors.length > 0;) {
    let target = work.of(kind, name);
    const { document } = target;
    errors = errorsIn((report) => {
      readBody(kind, document.body as unknown as JsonObject, report);
      checkRules(document, report);
    });
    // From the last to the first, so that places in lists stay what they are.
    for (const { path, message, suggestion } of errors.reverse())
      if (valueAt(target.document.body as unknown as Json, path) !== undefined)
        target = work.change(target, path, undefined, "dropped", message, suggestion);
  }
}

/** Names in templates that nothing has. What a service requires stays: without it, it could never be in a cluster. */
function mendReferences(work: Work, { kind, name }: CatalogDocument): void {
  if (kind !== "ClusterTemplate" && kind !== "PartialTemplate") return;
  const catalog = work.catalog();
  let target = work.of(kind, name);
  const errors = errorsIn((report) => checkReferences(target.document, catalog, answering(catalog.Service), report));
  for (const { path, message } of errors.reverse())
    target = work.change(target, path, undefined, "dropped", message, adviceFor(path));
}

function adviceFor(path: Path): string {
  const field = path[1];
  if (field === "provider") return "Name one with --provider, or add it to the template.";
  if (field === "services") return "Add the service, and its name to the template.";
  return "";
}

/** Services that wait for each other: the source then keeps no order among them, and Loom would refuse them. */
function mendCycles(work: Work): void {
  for (const phase of ["install", "runtime"] as const) {
    for (;;) {
      const services = work.catalog().Service;
      const names = answering(services);
      const entriesTo = (from: string, to: string): ReturnType<typeof dependenciesOf> =>
        dependenciesOf(services.get(from)!).filter(
          (entry) => entry.phase === phase && (names.get(entry.name) ?? []).includes(to),
        );
      // A service that others stand in for as well does not wait for itself.
      const matters = ({ services: circle, certain }: Cycle): boolean =>
        circle.length > 1 || certain || entriesTo(circle[0]!, circle[0]!).some((entry) => entry.name === circle[0]);
      const circle = findCycles(services, phase).find(matters)?.services;
      if (circle === undefined) break;
      const steps = circle.map((from, index) => ({
        from,
        entries: entriesTo(from, circle[(index + 1) % circle.length]!),
      }));
      // What is only used is not missed; otherwise the last step goes.
      const cut = steps.findLast(({ entries }) => entries.every((entry) => entry.field === "uses")) ?? steps.at(-1)!;
      const text = [...circle, circle[0]!].map((one) => `"${one}"`).join(" -> ");
      const reason =
        circle.length === 1
          ? "The service waits for itself, which Loom refuses."
          : `Services wait for each other, ${text}, which Loom refuses and for which the source keeps no order.`;
      let target = work.of("Service", cut.from);
      for (const { path } of cut.entries.toReversed()) target = work.change(target, path, undefined, "dropped", reason);
    }
  }
}

/** What a template builds on: the source makes clusters without looking at it. What cannot be put together is left out. */
function mendParts(work: Work, kind: "ClusterTemplate" | "PartialTemplate", name: string): void {
  const errors = (body: ClusterTemplate): string[] => {
    const catalog = work.catalog();
    const { faults, template } = resolve(catalog, { kind, name, body });
    const sense =
      kind === "PartialTemplate"
        ? []
        : errorsIn((report) => checkTemplateSense(body, template, catalog, answering(catalog.Service), report));
    return [...faults, ...sense].map((fault) => fault.message);
  };
  let target = work.of(kind, name);
  const { extends: parent, includes = [], ...alone } = target.document.body as ClusterTemplate;
  if (errors(target.document.body as ClusterTemplate).length === 0 || errors(alone).length > 0) return;
  let kept: ClusterTemplate = alone;
  const drop = (path: Path, [reason]: readonly string[]): void => {
    target = work.change(target, path, undefined, "dropped", reason!, "Clusters of the source were made without it.");
  };
  const parts = [
    ...includes.map((include, index) => ({
      path: ["includes", index],
      with: (body: ClusterTemplate) => ({ ...body, includes: [...(body.includes ?? []), include] }),
    })),
    ...(parent === undefined
      ? []
      : [{ path: ["extends"], with: (body: ClusterTemplate) => ({ ...body, extends: parent }) }]),
  ];
  const bad: { path: Path; found: readonly string[] }[] = [];
  for (const part of parts) {
    const found = errors(part.with(kept));
    if (found.length === 0) kept = part.with(kept);
    else bad.push({ path: part.path, found });
  }
  for (const { path, found } of bad.reverse()) drop(path, found);
}

/** Macros that no cluster could expand. The source failed only when it came to them, or showed them as they are. */
function mendMacros(work: Work, { kind, name }: CatalogDocument): void {
  const catalog = work.catalog();
  let target = work.of(kind, name);
  const { document } = target;
  const template = document.kind === "ClusterTemplate" ? resolve(catalog, document).template : undefined;
  const wrong = new Map<string, { path: Path; macros: Set<string>; message: string }>();
  for (const { path, message } of errorsIn((report) => checkMacros(document, catalog, template, report))) {
    const macro = /%[^%]*%/.exec(message)?.[0];
    const key = JSON.stringify(path);
    const entry = wrong.get(key) ?? { path, macros: new Set<string>(), message };
    wrong.set(key, entry);
    if (macro !== undefined) entry.macros.add(macro);
  }
  for (const { path, macros, message } of wrong.values()) {
    const text = valueAt(target.document.body as unknown as Json, path) as string;
    target = work.change(target, path, withoutMacros(text, macros), "changed", `${message} It is plain text now.`);
  }
}
