/** CatalogService. */
import type { CatalogOperations } from "../../application.js";
import { parseDocument } from "../names.js";
import type { HandlersOf } from "../stub-types.js";
import { changeToWire, documentToWire, pluginTypeToWire, problemToWire } from "../wire/catalog.js";
import { documentKinds } from "../wire/enums.js";
import { mutationOf, pageOf } from "./pages.js";

export function catalogHandlers(catalog: CatalogOperations): HandlersOf<"CatalogService"> {
  return {
    "CatalogService.ListDocuments": async (request, { caller }) => {
      const page = await catalog.list(caller, { ...pageOf(request), kind: documentKinds.fromWire(request.kind) });
      return { documents: page.items.map(documentToWire), nextPageToken: page.nextPageToken };
    },

    "CatalogService.GetDocument": async (request, { caller }) => {
      const { kind, id } = parseDocument(request.name, "name");
      return documentToWire(await catalog.get(caller, kind, id, request.version));
    },

    "CatalogService.ListDocumentVersions": async (request, { caller }) => {
      const { kind, id } = parseDocument(request.name, "name");
      const page = await catalog.versions(caller, kind, id, pageOf(request));
      return { documents: page.items.map(documentToWire), nextPageToken: page.nextPageToken };
    },

    "CatalogService.ApplyDocuments": async (request, { caller }) => {
      const files = request.files.map(({ path, text }) => ({ path, text }));
      const { shipped, requestId, validateOnly } = request;
      const { changes, problems } = await catalog.apply(caller, { files, shipped, requestId, validateOnly });
      return { changes: changes.map(changeToWire), problems: problems.map(problemToWire) };
    },

    "CatalogService.DeleteDocument": async (request, { caller }) => {
      const { kind, id } = parseDocument(request.name, "name");
      return documentToWire(await catalog.delete(caller, kind, id, mutationOf(request)));
    },

    "CatalogService.ListPluginTypes": async (_, { caller }) => ({
      pluginTypes: (await catalog.pluginTypes(caller)).map(pluginTypeToWire),
    }),
  };
}
