/** What `loom plan --catalog` works out: documents checked, then laid out and planned. */
import { LoomError } from "../services/common/errors.js";
import { hasErrors, loadCatalog, type LoadedCatalog } from "../services/server/catalog/load.js";
import { documentId } from "../services/server/catalog/problems.js";
import type { CatalogFile } from "../services/server/catalog/parse.js";
import type { Catalog, DocumentKind, Problem } from "../services/server/catalog/types.js";
import {
  planOffline,
  type NoOfflinePlan,
  type OfflinePlan,
  type OfflineRequest,
} from "../services/server/plan/offline.js";
import { SHIPPED_PLUGINS } from "./plugin-types.js";

export interface OfflineOutcome {
  /** Absent where a document that the plan needs has an error. */
  readonly plan?: OfflinePlan | NoOfflinePlan;
  /** Of the documents that the plan needs, or of files nothing could be read from. */
  readonly problems: readonly Problem[];
  /** Errors of documents that the plan does not need. */
  readonly elsewhere: readonly Problem[];
  /** Why nothing can be planned, where it is not in the documents' problems. */
  readonly failure?: LoomError;
}

/**
 * Plans from files. An error in a document that the plan does not need is told but stops nothing.
 *
 * @param now milliseconds of a clock that only goes forward
 * @throws nothing: what planOffline throws is the failure, told after the problems, which may be its cause
 */
export function planFromFiles(
  files: readonly CatalogFile[],
  request: Omit<OfflineRequest, "catalog">,
  now: () => number,
): OfflineOutcome {
  const loaded = loadCatalog(files, SHIPPED_PLUGINS);
  const { catalog, problems } = loaded;
  const chain = templateChain(catalog, request.template);
  const asked = new Set([...chain, ...named(request, catalog, chain)]);
  const before = split(loaded, asked);
  // A template, provider or service that is wrong would only be blamed for what follows from it.
  if (hasErrors(before.problems)) return before;
  let plan: OfflinePlan | NoOfflinePlan;
  try {
    plan = planOffline({ ...request, catalog }, now);
  } catch (thrown) {
    return { problems, elsewhere: [], failure: LoomError.from(thrown) };
  }
  if ("unsatisfiable" in plan) return { ...before, plan };
  const used = new Set(asked);
  for (const group of plan.layout) {
    used.add(documentId("HardwareType", group.hardwareType)).add(documentId("ImageType", group.imageType));
    for (const service of group.services) used.add(documentId("Service", service));
  }
  const after = split(loaded, used);
  return hasErrors(after.problems) ? { problems, elsewhere: [] } : { ...after, plan };
}

/** The template and the documents it builds on. */
function templateChain(catalog: Catalog, template: string): Set<string> {
  const chain = new Set<string>();
  const visit = (kind: "ClusterTemplate" | "PartialTemplate", name: string): void => {
    const id = documentId(kind, name);
    if (chain.has(id)) return;
    chain.add(id);
    const body = catalog[kind].get(name);
    if (body?.extends !== undefined && body.extends !== "") visit(kind, body.extends);
    for (const include of body?.includes ?? []) visit("PartialTemplate", include);
  };
  visit("ClusterTemplate", template);
  return chain;
}

/** Documents that the request or the template's chain names. */
function* named(
  request: Omit<OfflineRequest, "catalog">,
  catalog: Catalog,
  chain: Iterable<string>,
): Generator<string> {
  const some = (kind: DocumentKind, names: readonly (string | undefined)[]): string[] =>
    names.flatMap((name) => (name === undefined || name === "" ? [] : [documentId(kind, name)]));
  yield* some("Provider", [request.provider]);
  yield* some("Service", request.services ?? []);
  yield* some("HardwareType", [request.hardwareType]);
  yield* some("ImageType", [request.imageType]);
  for (const id of chain) {
    const [kind, name] = id.split("/") as ["ClusterTemplate" | "PartialTemplate", string];
    const defaults = catalog[kind].get(name)?.defaults;
    if ((request.provider ?? "") === "") yield* some("Provider", [defaults?.provider]);
    if ((request.services ?? []).length === 0) yield* some("Service", defaults?.services ?? []);
  }
}

/** Problems of the documents in use; those whose document is not known count as theirs only where their file has one. */
function split(
  { documents, problems }: LoadedCatalog,
  used: ReadonlySet<string>,
): { problems: Problem[]; elsewhere: Problem[] } {
  const files = new Set(
    documents.filter(({ document }) => used.has(documentId(document.kind, document.name))).map(({ file }) => file),
  );
  const isOurs = (problem: Problem): boolean =>
    problem.document === "" ? files.has(problem.file) : used.has(problem.document);
  return {
    problems: problems.filter(isOurs),
    elsewhere: problems.filter((problem) => !isOurs(problem) && problem.severity === "error"),
  };
}
