/**
 * Documents and plugin types as messages. Bodies have proto JSON field names in the domain already, so the generated
 * fromJSON carries them over whole: it keeps `min: 0` apart from an absent `min` and leaves the values of Structs alone.
 */
import {
  ClusterTemplate,
  HardwareType,
  ImageType,
  Provider,
  Service,
  type Document,
  type DocumentChange,
  type PluginType,
  type Problem as WireProblem,
} from "../../../../gen/services/loom/v1/catalog.js";
import type { Problem } from "../../catalog/types.js";
import type { DocumentChangeView, DocumentView, PluginTypeView } from "../../views.js";
import { documentPath } from "../names.js";
import { changeKinds, documentKinds, pluginKinds, problemSeverities } from "./enums.js";

export function problemToWire(problem: Problem): WireProblem {
  return {
    severity: problemSeverities.toWire(problem.severity),
    document: problem.document,
    file: problem.file,
    line: problem.line,
    column: problem.column,
    path: problem.path,
    message: problem.message,
    suggestion: problem.suggestion,
  };
}

function bodyToWire(document: DocumentView): Document["body"] {
  switch (document.kind) {
    case "Provider":
      return { $case: "provider", value: Provider.fromJSON(document.body) };
    case "HardwareType":
      return { $case: "hardwareType", value: HardwareType.fromJSON(document.body) };
    case "ImageType":
      return { $case: "imageType", value: ImageType.fromJSON(document.body) };
    case "Service":
      return { $case: "service", value: Service.fromJSON(document.body) };
    case "ClusterTemplate":
      return { $case: "clusterTemplate", value: ClusterTemplate.fromJSON(document.body) };
    case "PartialTemplate":
      return { $case: "partialTemplate", value: ClusterTemplate.fromJSON(document.body) };
  }
}

export function documentToWire(document: DocumentView): Document {
  return {
    name: documentPath(document.kind, document.id),
    kind: documentKinds.toWire(document.kind),
    id: document.id,
    version: document.version,
    description: document.body.description ?? "",
    shipped: document.shipped,
    problems: document.problems.map(problemToWire),
    createTime: document.createTime,
    etag: document.etag,
    // The mark that a deletion leaves has no body worth showing.
    body: document.deleted ? undefined : bodyToWire(document),
    deleted: document.deleted,
  };
}

export function changeToWire(change: DocumentChangeView): DocumentChange {
  return {
    kind: changeKinds.toWire(change.kind),
    name: documentPath(change.document.kind, change.document.id),
    version: change.version,
    fields: change.fields.map(({ path, before, after }) => ({ path, before, after })),
  };
}

export function pluginTypeToWire(plugin: PluginTypeView): PluginType {
  return {
    kind: pluginKinds.toWire(plugin.kind),
    type: plugin.type,
    description: plugin.description,
    fields: plugin.fields.map(({ name, type, description, required, sensitive }) => ({
      name,
      type,
      description,
      required,
      sensitive,
    })),
    available: plugin.available,
    unavailableReason: plugin.unavailableReason,
  };
}
