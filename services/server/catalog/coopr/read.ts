/** Files of the source to documents of Loom, one by one, nothing compared with anything yet. */
import { isObject } from "../body.js";
import { shorten } from "../convert.js";
import { formatPath, type Path } from "../paths.js";
import { documentId, type Locate, type Position } from "../problems.js";
import { readSource } from "../source.js";
import type { CatalogDocument, DocumentKind, Json, JsonObject } from "../types.js";
import { jsonFault } from "./json-fault.js";
import { readHardware, readImage, readProvider } from "./machines.js";
import { nativeName } from "./names.js";
import { readFields, type Fields, type Tell } from "./reader.js";
import { readService } from "./service.js";
import { readTemplate } from "./template.js";
import { SOURCE_FOLDERS, type ConversionOptions, type Finding, type SourceFile } from "./types.js";

/** A document with what is needed to tell what became of its parts. */
export interface ReadDocument {
  readonly document: CatalogDocument;
  readonly file: string;
  /** Paths are those of the source document. */
  readonly tell: Tell;
}

/** Reads the documents of the files, in their order. Where a document is there twice, the first one. */
export function readDocuments(
  files: readonly SourceFile[],
  options: ConversionOptions,
  add: (finding: Finding) => void,
): ReadDocument[] {
  const documents: ReadDocument[] = [];
  const firsts = new Map<string, string>();
  for (const file of files) {
    const kind = SOURCE_FOLDERS[file.folder];
    if (kind === undefined) continue;
    for (const { value, locate, tellOf } of readFile(file, kind, add)) {
      const name = nameOf(value, kind, tellOf(kind));
      if (name === undefined) continue;
      const id = documentId(kind, name);
      const tell = tellOf(id);
      const first = firsts.get(id);
      if (first !== undefined) {
        tell("lost", ["name"], `The document is there already, at ${first}.`, "Rename or remove one of the two.");
        continue;
      }
      firsts.set(id, `${file.path}:${locate(["name"]).line}`);
      if ((value as JsonObject)["name"] !== name)
        tell("changed", ["name"], `A name begins with a letter or digit: it is "${name}" now.`);
      const body = readBodyOf(kind, name, readFields(value, [], tell), options);
      documents.push({ document: { kind, name, body } as CatalogDocument, file: file.path, tell });
    }
  }
  return documents;
}

interface ReadValue {
  readonly value: Json;
  readonly locate: Locate;
  readonly tellOf: (document: string) => Tell;
}

function readFile(file: SourceFile, kind: DocumentKind, add: (finding: Finding) => void): ReadValue[] {
  const told = (place: Position, finding: Pick<Finding, "outcome" | "document" | "path" | "reason" | "advice">): void =>
    add({ ...finding, file: file.path, ...place });
  const source = readSource(file.text);
  const fault = syntaxFault(file.text);
  if (fault !== undefined || source.documents.some(({ soundBefore }) => soundBefore !== Infinity)) {
    const place = fault === undefined ? source.problems[0]! : placeOf(file.text, fault.offset);
    const reason = `The file is no JSON. ${fault?.message ?? source.problems[0]!.message}`;
    told(
      { line: place.line, column: place.column },
      { outcome: "lost", document: kind, path: "", reason, advice: "Correct it and import again." },
    );
    return [];
  }
  // A document whose name could be read is named; most files hold one.
  const [only] = source.documents;
  const named = source.documents.length === 1 && isObject(only?.value) ? only.value["name"] : undefined;
  const document =
    typeof named === "string" && nativeName(named) !== undefined ? documentId(kind, nativeName(named)!) : kind;
  for (const { line, column, message, suggestion } of source.problems)
    told(
      { line, column },
      {
        outcome: source.documents.length === 0 ? "lost" : "dropped",
        document,
        path: "",
        reason: message,
        advice: suggestion,
      },
    );
  return source.documents.map(({ value, locate }) => ({
    value,
    locate,
    tellOf:
      (id) =>
      (outcome, path: Path, reason, advice = "") =>
        told(locate(path), { outcome, document: id, path: formatPath(path), reason, advice }),
  }));
}

function syntaxFault(text: string): ReturnType<typeof jsonFault> {
  try {
    JSON.parse(text);
    return undefined;
  } catch {
    return jsonFault(text);
  }
}

function placeOf(text: string, offset: number): Position {
  const before = text.slice(0, offset).split("\n");
  return { line: before.length, column: before.at(-1)!.length + 1 };
}

function nameOf(value: Json, kind: DocumentKind, tell: Tell): string | undefined {
  if (!isObject(value)) return tell("lost", [], "A document is a mapping with a name.") as undefined;
  const name = value["name"];
  if (name === undefined || name === null || name === "")
    return tell("lost", [], `This ${kind} has no name.`) as undefined;
  const native = typeof name === "string" ? nativeName(name) : undefined;
  if (native !== undefined) return native;
  return tell(
    "lost",
    ["name"],
    `${JSON.stringify(typeof name === "string" ? shorten(name) : name)} is not a name.`,
    'Use letters, digits, "_", "." and "-".',
  ) as undefined;
}

function readBodyOf(kind: DocumentKind, name: string, fields: Fields, options: ConversionOptions): object {
  switch (kind) {
    case "Provider":
      return readProvider(fields, options);
    case "HardwareType":
      return readHardware(fields, name, options);
    case "ImageType":
      return readImage(fields, name);
    case "Service":
      return readService(fields, options);
    case "ClusterTemplate":
    case "PartialTemplate":
      return readTemplate(fields, kind === "PartialTemplate");
  }
}
