/**
 * The catalog of a tenant in memory: newest documents, their versions and what is wrong with them. Made again when the
 * catalog changes; what a cluster is made from comes from one snapshot.
 */
import { buildCatalog } from "../catalog/build.js";
import { indexProblems, type ProblemIndex } from "../catalog/problems.js";
import { validateCatalog } from "../catalog/validate.js";
import type { Catalog, DocumentKind } from "../catalog/types.js";
import type { DocumentStore, StoredDocument } from "../store/documents.js";
import type { PluginTypeView } from "../views.js";

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

export function createCatalogSnapshots(
  store: DocumentStore,
  offers: () => readonly PluginTypeView[],
): CatalogSnapshots {
  const cached = new Map<string, { readonly offered: string; readonly snapshot: Promise<CatalogSnapshot> }>();
  return {
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
  };
}
