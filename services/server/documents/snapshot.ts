/**
 * The catalog of a tenant in memory: newest documents, their versions and what is wrong with them. Made again when the
 * catalog changes; what a cluster is made from comes from one snapshot.
 */
import { planApply } from "../catalog/apply.js";
import { buildCatalog } from "../catalog/build.js";
import { hasErrors, loadCatalog } from "../catalog/load.js";
import type { CatalogFile } from "../catalog/parse.js";
import { documentId, indexProblems, type ProblemIndex } from "../catalog/problems.js";
import { validateCatalog } from "../catalog/validate.js";
import type { Catalog, DocumentKind } from "../catalog/types.js";
import type { DocumentStore, StoredDocument } from "../store/documents.js";
import type { SecretBox } from "../store/secrets.js";
import type { PluginTypeView } from "../views.js";
import { invalidCatalog } from "./invalid.js";
import { sealSensitive } from "./sensitive.js";

export interface CatalogSnapshot {
  readonly catalog: Catalog;
  /** Newest versions, deleted ones too, in order of kind and name. */
  readonly stored: readonly StoredDocument[];
  readonly problems: ProblemIndex;
  versionOf(kind: DocumentKind, name: string): number;
  find(kind: DocumentKind, name: string): StoredDocument | undefined;
}

export interface CatalogSnapshots {
  of(tenant: string): Promise<CatalogSnapshot>;
  /**
   * The tenant's catalog with the documents of files laid over it. Nothing is stored; documents that differ from those
   * of the catalog have version 0.
   *
   * @throws INVALID_CATALOG where a document of the files has an error
   */
  with(
    tenant: string,
    files: readonly CatalogFile[],
  ): Promise<{ readonly snapshot: CatalogSnapshot; readonly documents: readonly string[] }>;
  /** The tenant's catalog has changed. */
  forget(tenant: string): void;
}

/** Types that workers offer; before the first worker is there nothing is known, so nothing is blamed. */
export function knownPlugins(
  offers: readonly PluginTypeView[],
): { types: readonly PluginTypeView[]; unknown: "error" } | undefined {
  return offers.length === 0 ? undefined : { types: offers, unknown: "error" };
}

function makeSnapshot(stored: readonly StoredDocument[], offers: readonly PluginTypeView[]): CatalogSnapshot {
  const catalog = buildCatalog(stored.filter((one) => !one.deleted).map((one) => one.document));
  const plugins = knownPlugins(offers);
  const byId = new Map(stored.map((one) => [`${one.document.kind}/${one.document.name}`, one]));
  const find = (kind: DocumentKind, name: string): StoredDocument | undefined => byId.get(`${kind}/${name}`);
  return {
    catalog,
    stored,
    find,
    problems: indexProblems(validateCatalog(catalog, plugins === undefined ? {} : { plugins })),
    versionOf: (kind, name) => find(kind, name)?.version ?? 0,
  };
}

/** Of documents that are in no catalog. */
const NEVER = new Date(0);

function overlay(
  base: CatalogSnapshot,
  files: readonly CatalogFile[],
  {
    tenant,
    box,
    offers,
  }: { readonly tenant: string; readonly box: SecretBox; readonly offers: readonly PluginTypeView[] },
): { snapshot: CatalogSnapshot; documents: string[] } {
  const loaded = loadCatalog(files, knownPlugins(offers), base.catalog);
  if (hasErrors(loaded.problems)) throw invalidCatalog("No cluster was made", loaded.problems);
  const known = (name: string) => base.catalog.Provider.get(name);
  const incoming = sealSensitive(
    loaded.documents.map((one) => one.document),
    { box, tenant, offers, known },
  );
  const written = planApply(base.stored, incoming, { shipped: false }).flatMap(({ write }) =>
    // What is as it is in the catalog stays what it is there, with its version.
    write === undefined
      ? []
      : [{ document: write.document, version: 0, shipped: false, deleted: false, createTime: NEVER, etag: "" }],
  );
  const ids = new Set(written.map(({ document }) => documentId(document.kind, document.name)));
  const kept = base.stored.filter(({ document }) => !ids.has(documentId(document.kind, document.name)));
  return {
    snapshot: makeSnapshot([...kept, ...written], offers),
    documents: incoming.map(({ kind, name }) => documentId(kind, name)),
  };
}

export function createCatalogSnapshots(
  store: DocumentStore,
  box: SecretBox,
  offers: () => readonly PluginTypeView[],
): CatalogSnapshots {
  const cached = new Map<string, { readonly offered: string; readonly snapshot: Promise<CatalogSnapshot> }>();
  const snapshots: CatalogSnapshots = {
    of(tenant) {
      const offered = offers()
        .map((offer) => `${offer.kind}/${offer.type}`)
        .join(" ");
      const known = cached.get(tenant);
      if (known !== undefined && known.offered === offered) return known.snapshot;
      const snapshot = store.newest(tenant).then((stored) => makeSnapshot(stored, offers()));
      cached.set(tenant, { offered, snapshot });
      snapshot.catch(() => cached.delete(tenant));
      return snapshot;
    },
    forget(tenant) {
      cached.delete(tenant);
    },
    with: async (tenant, files) => overlay(await snapshots.of(tenant), files, { tenant, box, offers: offers() }),
  };
  return snapshots;
}
