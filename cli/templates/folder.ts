/** The folder of an author against the catalog of a server: what is in it, and what a cluster of it would be. */
import { DocumentKind, PluginType_Kind } from "../../gen/web/loom/v1/catalog_pb.js";
import { buildCatalog } from "../../services/server/catalog/build.js";
import type { Linted } from "../../services/server/catalog/lint/lint.js";
import type { CatalogFile } from "../../services/server/catalog/parse.js";
import type { KnownPlugins } from "../../services/server/catalog/plugins.js";
import { resolveTemplate } from "../../services/server/catalog/resolve.js";
import type { Catalog } from "../../services/server/catalog/types.js";
import { planOffline } from "../../services/server/plan/offline.js";
import { allDocuments, documentFromWire } from "../commands/catalog.js";
import { readDocuments } from "../commands/catalog-files.js";
import { badInput } from "../exit.js";
import { SHIPPED_PLUGINS } from "../plugin-types.js";
import type { Session } from "../session.js";
import { lintFiles } from "./lint.js";

/** A folder as it is now, checked against the server's catalog. */
export interface Folder extends Linted {
  readonly files: readonly CatalogFile[];
}

export async function readFolderFor(session: Session, folder: string): Promise<Folder> {
  const files = await readDocuments(folder);
  const view = buildCatalog(
    (await allDocuments(session, DocumentKind.UNSPECIFIED)).flatMap((document) => documentFromWire(document) ?? []),
  );
  return { files, ...(await lintFiles(files, await pluginsOf(session), view, session.signal)) };
}

/** The types that the server's provisioners offer; those that come with Loom where none is there yet. */
async function pluginsOf(session: Session): Promise<KnownPlugins> {
  const api = await session.api();
  const { pluginTypes } = await api.catalog.listPluginTypes({}, { signal: session.signal });
  if (pluginTypes.length === 0) return SHIPPED_PLUGINS;
  return {
    unknown: "error",
    types: pluginTypes.map(({ kind, type, fields }) => ({
      kind: kind === PluginType_Kind.PROVIDER ? "PROVIDER" : "AUTOMATOR",
      type,
      fields,
    })),
  };
}

/** The template that is meant. @throws CliError where that cannot be told */
export function templateOf(folder: string, { documents, catalog }: Folder, asked: string | undefined): string {
  const own = documents.flatMap(({ document }) => (document.kind === "ClusterTemplate" ? [document.name] : []));
  if (asked !== undefined) {
    if (catalog.ClusterTemplate.has(asked)) return asked;
    throw badInput(`There is no template ${asked}.`, `Templates of ${folder}: ${own.join(", ") || "none"}.`);
  }
  const [first, ...others] = own;
  if (first === undefined)
    throw badInput(
      `${folder} holds no template.`,
      "Name one of the catalog with --template to try its services there.",
    );
  if (others.length > 0)
    throw badInput(`${folder} holds ${own.length} templates.`, `Name one with --template: ${own.join(", ")}.`);
  return first;
}

/** How many more nodes than the template's least are looked at. */
const MORE = 16;

/** The fewest nodes that have a layout; the template's least where none of the first sizes has one. */
export function fewestNodes(
  catalog: Catalog,
  template: string,
  request: { readonly provider?: string; readonly services?: readonly string[] },
): number {
  const { min = 1, max = Number.POSITIVE_INFINITY } = resolveTemplate(catalog, template).constraints?.size ?? {};
  const least = Math.max(1, min);
  for (let nodes = least; nodes <= Math.min(max, least + MORE); nodes += 1) {
    try {
      if (!("unsatisfiable" in planOffline({ ...request, catalog, template, nodes }, () => 0))) return nodes;
    } catch {
      // Why it cannot be planned the server tells, in words.
      return least;
    }
  }
  return least;
}
