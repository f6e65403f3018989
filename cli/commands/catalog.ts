/** `loom catalog list`, `get`, `versions` and `delete`: documents on the server. */
import { toJson, type DescMessage, type JsonObject, type Message } from "@bufbuild/protobuf";
import {
  ClusterTemplateSchema,
  DocumentKind,
  HardwareTypeSchema,
  ImageTypeSchema,
  ProviderSchema,
  ServiceSchema,
  type Document,
} from "../../gen/web/loom/v1/catalog_pb.js";
import type { CatalogDocument } from "../../services/server/catalog/types.js";
import { badInput, EXIT } from "../exit.js";
import { parseDocumentName, parseKind } from "../names.js";
import { readPages } from "../pages.js";
import { DOCUMENTS, kindName, kindNumber } from "../render/kinds/documents.js";
import { formatOf } from "../render/format.js";
import { printRecord, printRecords } from "../render/output.js";
import { mutate, type MutationOptions } from "../request.js";
import type { OutputOptions, Session } from "../session.js";
import { ask } from "../terminal.js";

/** Every document of the catalog, newest versions. */
export async function allDocuments(session: Session, kind: DocumentKind): Promise<Document[]> {
  const api = await session.api();
  const { items } = await readPages(async (page) => {
    const answer = await api.catalog.listDocuments({ kind, ...page }, { signal: session.signal });
    return { items: answer.documents, nextPageToken: answer.nextPageToken };
  });
  return items;
}

export async function list(session: Session, options: OutputOptions, kind?: string): Promise<number> {
  const wanted = kind === undefined ? DocumentKind.UNSPECIFIED : kindNumber(parseKind(kind));
  await printRecords(session, options, DOCUMENTS, await allDocuments(session, wanted));
  return EXIT.done;
}

const SCHEMAS: Readonly<Record<string, DescMessage>> = {
  provider: ProviderSchema,
  hardwareType: HardwareTypeSchema,
  imageType: ImageTypeSchema,
  service: ServiceSchema,
  clusterTemplate: ClusterTemplateSchema,
  partialTemplate: ClusterTemplateSchema,
};

/** A document of the server as the catalog code knows it; undefined where it has no body. */
export function documentFromWire(document: Document): CatalogDocument | undefined {
  const { body } = document;
  if (body.case === undefined) return undefined;
  // The field names of the proto JSON are those of the documents.
  const json = toJson(SCHEMAS[body.case]!, body.value as Message) as JsonObject;
  return { kind: kindName(document.kind), name: document.id, body: json } as unknown as CatalogDocument;
}

/** Prints the document as it is written in files; a table has no place for one. */
export async function get(
  session: Session,
  options: OutputOptions & { readonly version?: number },
  text: string,
): Promise<number> {
  const { name } = parseDocumentName(text);
  const api = await session.api();
  const document = await api.catalog.getDocument({ name, version: options.version ?? 0 }, { signal: session.signal });
  const format = formatOf(options);
  const native = documentFromWire(document);
  if (format === "json" || format === "jsonl" || format === "name" || native === undefined) {
    await printRecord(session, options, DOCUMENTS, document);
    return EXIT.done;
  }
  const { exportDocument } = await import("../../services/server/catalog/export.js");
  session.detail(`${document.name} version ${document.version}`);
  session.print(exportDocument(native).trimEnd());
  return EXIT.done;
}

export async function versions(
  session: Session,
  options: OutputOptions & { readonly diff?: boolean },
  text: string,
): Promise<number> {
  const { name } = parseDocumentName(text);
  const api = await session.api();
  const { items } = await readPages(async (page) => {
    const answer = await api.catalog.listDocumentVersions({ name, ...page }, { signal: session.signal });
    return { items: answer.documents, nextPageToken: answer.nextPageToken };
  });
  if (options.diff !== true) {
    await printRecords(session, options, DOCUMENTS, items);
    return EXIT.done;
  }
  const { diffDocuments } = await import("../../services/server/catalog/diff.js");
  const body = (document: Document | undefined): ReturnType<typeof documentFromWire> =>
    document === undefined ? undefined : documentFromWire(document);
  items.forEach((document, i) => {
    session.print(session.outPalette.bold(`version ${document.version}${document.deleted ? " (deleted)" : ""}`));
    for (const change of diffDocuments(body(items[i + 1])?.body as never, body(document)?.body as never)) {
      session.print(
        `  ${change.path}: ${change.before === "" ? "new" : change.before} -> ${change.after === "" ? "gone" : change.after}`,
      );
    }
  });
  return EXIT.done;
}

export async function remove(
  session: Session,
  options: MutationOptions & OutputOptions & { readonly yes?: boolean },
  text: string,
): Promise<number> {
  formatOf(options);
  const { name } = parseDocumentName(text);
  if (options.yes !== true && options.dryRun !== true) {
    if (session.terminal.stdin.isTTY !== true)
      throw badInput(
        `Removing ${name} cannot be undone, and there is no terminal to ask at.`,
        "Give --yes if that is meant.",
      );
    const short = name.replace(/^documents\//, "");
    if (
      (
        await ask(session.terminal, `Type ${short} to remove it from the catalog: `, { signal: session.signal })
      )?.trim() !== short
    )
      throw badInput(`That is not ${short}: nothing was removed.`);
  }
  const api = await session.api();
  const document = await mutate(session, options, `remove ${name}`, (requestId) =>
    api.catalog.deleteDocument({ name, validateOnly: options.dryRun === true, requestId }, { signal: session.signal }),
  );
  session.say(
    options.dryRun === true
      ? `Dry run: ${name} would be removed; clusters made from it go on.`
      : `Removed ${name}; clusters made from it go on.`,
  );
  await printRecord(session, options, DOCUMENTS, document);
  return options.dryRun === true && options.detailedExitCode === true ? EXIT.changes : EXIT.done;
}
