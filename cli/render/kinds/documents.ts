/** Columns of catalog documents and of what a write does to them; lines for problems. */
import {
  DocumentChangeSchema,
  DocumentChange_Kind,
  DocumentKind,
  DocumentSchema,
  Problem_Severity,
  type Document,
  type DocumentChange,
} from "../../../gen/web/loom/v1/catalog_pb.js";
import { formatProblem } from "../../../services/server/catalog/problems.js";
import type { Problem as CatalogProblem } from "../../../services/server/catalog/types.js";
import type { Problem } from "../../../gen/web/loom/v1/catalog_pb.js";
import { paintState, type Palette } from "../colour.js";
import type { RecordKind } from "../output.js";
import { moment } from "../table.js";
import { millis, word } from "../words.js";

/** `ClusterTemplate` of DOCUMENT_KIND_CLUSTER_TEMPLATE. */
export function kindName(kind: DocumentKind): string {
  return word(DocumentKind as unknown as Record<number, string>, kind)
    .toLowerCase()
    .replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** The wire value of `ClusterTemplate`. */
export function kindNumber(kind: string): DocumentKind {
  return DocumentKind[kind.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase() as keyof typeof DocumentKind];
}

function standing(document: Document): string {
  if (document.deleted) return "deleted";
  if (document.problems.some((problem) => problem.severity === Problem_Severity.ERROR)) return "unusable";
  return document.shipped ? "shipped" : "own";
}

export const DOCUMENTS: RecordKind<Document> = {
  schema: DocumentSchema,
  plural: "documents",
  nameOf: (document) => document.name,
  empty: "The catalog is empty. Fill it with: loom catalog apply DIR",
  columns: [
    { name: "kind", value: (document) => kindName(document.kind) },
    { name: "name", value: (document) => document.id },
    { name: "version", value: (document) => String(document.version), right: true },
    { name: "standing", value: standing, paint: (text, palette) => (text === "unusable" ? palette.red(text) : text) },
    { name: "age", value: (document, context) => moment(millis(document.createTime), context) },
    { name: "description", value: (document) => document.description, flexible: true },
    {
      name: "problems",
      value: (document) => document.problems.map((problem) => problem.message).join("; "),
      wide: true,
      flexible: true,
    },
  ],
};

export const CHANGES: RecordKind<DocumentChange> = {
  schema: DocumentChangeSchema,
  plural: "changes",
  nameOf: (change) => change.name,
  empty: "No documents.",
  columns: [
    {
      name: "change",
      value: (change) => word(DocumentChange_Kind as unknown as Record<number, string>, change.kind),
      paint: paintState,
    },
    { name: "document", value: (change) => change.name.replace(/^documents\//, "") },
    { name: "version", value: (change) => String(change.version), right: true },
    { name: "fields", value: (change) => change.fields.map((field) => field.path).join(" "), flexible: true },
  ],
};

/** A problem as the catalog code knows it, from one on the wire. */
export function problemFromWire(problem: Problem): CatalogProblem {
  const { document, file, line, column, path, message, suggestion } = problem;
  return {
    severity: problem.severity === Problem_Severity.WARNING ? "warning" : "error",
    document,
    file,
    line,
    column,
    path,
    message,
    suggestion,
  };
}

/** So many warnings that say the same have a line each; more share the line of the first. */
const ALIKE = 3;

/** Problems as compilers write them, so that editors find the place. Many warnings that say the same share a line. */
export function problemLines(problems: readonly CatalogProblem[], palette: Palette): string[] {
  const groups = new Map<string, CatalogProblem[]>();
  for (const problem of problems) {
    const group = groups.get(whatItSays(problem));
    if (group === undefined) groups.set(whatItSays(problem), [problem]);
    else group.push(problem);
  }
  return problems.flatMap((problem) => {
    const group = groups.get(whatItSays(problem))!;
    const isMany = problem.severity === "warning" && group.length > ALIKE;
    if (isMany && problem !== group[0]) return [];
    const paint = problem.severity === "error" ? palette.red : palette.yellow;
    const line = formatProblem(problem).replace(`${problem.severity}:`, (word) => paint(word));
    const documents = new Set(group.map((one) => one.document)).size;
    return isMany
      ? [
          `${line} ${palette.dim(`(and ${group.length - 1} more like it${documents > 1 ? `, in ${documents} documents` : ""})`)}`,
        ]
      : [line];
  });
}

/** The message without the name of the document it is about. */
function whatItSays({ severity, document, message, suggestion }: CatalogProblem): string {
  const name = document.slice(document.indexOf("/") + 1);
  return JSON.stringify([severity, message.replaceAll(`"${name}"`, ""), suggestion]);
}

/** `+ Service/web 1`, `~ Service/lb 2` with its fields, `= ...`: what a write does, in lines. */
export function changeLines(changes: readonly DocumentChange[], palette: Palette): string[] {
  return changes.flatMap((change) => {
    const name = change.name.replace(/^documents\//, "");
    switch (change.kind) {
      case DocumentChange_Kind.CREATED:
        return [palette.green(`+ ${name}`)];
      case DocumentChange_Kind.UPDATED:
        return [palette.yellow(`~ ${name}`), ...change.fields.map((field) => `    ${fieldChange(field)}`)];
      case DocumentChange_Kind.KEPT:
        return [`  ${name} was edited here and stays as it is`];
      default:
        return [];
    }
  });
}

function fieldChange({
  path,
  before,
  after,
}: {
  readonly path: string;
  readonly before: string;
  readonly after: string;
}): string {
  if (before === "") return `+ ${path}: ${after}`;
  return after === "" ? `- ${path}: ${before}` : `~ ${path}: ${before} -> ${after}`;
}
