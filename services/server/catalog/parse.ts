/** Files to documents and problems. */
import { isObject, readBody, textFault } from "./body.js";
import { shorten } from "./convert.js";
import { MAX_PROBLEMS } from "./limits.js";
import { documentId, problemAt, sortProblems } from "./problems.js";
import type { Finding, Locate, Position } from "./problems.js";
import { checkRules } from "./rules.js";
import { isDocumentKind } from "./schema.js";
import { readSource } from "./source.js";
import type { SourceDocument } from "./source.js";
import { didYouMean } from "./suggest.js";
import { DOCUMENT_KINDS } from "./types.js";
import type { CatalogDocument, Problem } from "./types.js";

/** A file of documents. */
export interface CatalogFile {
  /** Shown in problems. */
  readonly path: string;
  readonly text: string;
}

/** A document with where it stands. */
export interface ParsedDocument {
  readonly document: CatalogDocument;
  readonly file: string;
  /** Of the document's start, from 1. */
  readonly line: number;
  readonly locate: Locate;
  /** False where the text around it is wrong: the document may be only a part of what was meant. */
  readonly sound: boolean;
}

export interface ParsedCatalog {
  /** In the order of the files. Where a document is there twice, the first one. */
  readonly documents: readonly ParsedDocument[];
  /** In reading order. A document with an error is still among the documents, as far as it could be read. */
  readonly problems: readonly Problem[];
}

const NAME = { type: "text", rule: "name" } as const;

/**
 * Reads documents from YAML or JSON files: any number in a file, one after the other (`---`) or as a list. Every
 * problem is found in one go; nothing in a file makes this throw.
 */
export function parseCatalog(files: readonly CatalogFile[]): ParsedCatalog {
  const documents: ParsedDocument[] = [];
  const problems: Problem[] = [];
  const firsts = new Map<string, { file: string; position: Position }>();
  for (const { path: file, text } of files) {
    const source = readSource(text);
    const found: Problem[] = source.problems.map(({ line, column, message, suggestion }) => ({
      severity: "error",
      document: "",
      file,
      line,
      column,
      path: "",
      message,
      suggestion,
    }));
    for (const one of source.documents) {
      const parsed = readDocument(one, file, (problem) => found.push(problem));
      if (parsed === undefined) continue;
      const id = documentId(parsed.document.kind, parsed.document.name);
      const position = parsed.locate(["name"]);
      const first = firsts.get(id);
      if (first === undefined) {
        firsts.set(id, { file, position });
        documents.push(parsed);
      } else {
        const message = `The ${parsed.document.kind} "${parsed.document.name}" is defined already, at ${first.file}:${first.position.line}.`;
        found.push({
          severity: "error",
          document: id,
          file,
          ...position,
          path: "name",
          message,
          suggestion: "Rename or remove one of the two.",
        });
      }
    }
    problems.push(...capped(sortProblems(found), file));
  }
  return { documents, problems };
}

function readDocument(
  source: SourceDocument,
  file: string,
  add: (problem: Problem) => void,
): ParsedDocument | undefined {
  const { value, locate, soundBefore } = source;
  const sound = soundBefore === Infinity;
  const start = locate([]);
  // Of a text that is wrong already, what seems missing or wrong further on may be only what could not be read.
  const tell = (id: string, finding: Finding): void => {
    const problem = problemAt(id, { file, locate }, finding);
    if (sound || (problem.line < soundBefore && finding.absent !== true)) add(problem);
  };
  if (!isObject(value)) {
    tell("", { severity: "error", absent: true, path: [], message: 'A document is a mapping with "kind" and "name".' });
    return undefined;
  }
  const { kind, name, ...body } = value;
  const findings: Finding[] = [];
  if (!isDocumentKind(kind)) findings.push(badKind(kind));
  const fault = nameFault(name);
  if (fault !== undefined) findings.push(fault);
  if (!isDocumentKind(kind) || typeof name !== "string" || fault !== undefined) {
    for (const finding of findings) tell("", finding);
    return undefined;
  }
  const report = (finding: Finding): void => tell(documentId(kind, name), finding);
  // readBody answers in the shape of the kind whatever it was given.
  const document = { kind, name, body: readBody(kind, body, report) } as unknown as CatalogDocument;
  checkRules(document, report);
  return { document, file, line: start.line, locate, sound };
}

function badKind(kind: unknown): Finding {
  if (kind === undefined || kind === null) {
    return {
      severity: "error",
      absent: true,
      path: [],
      message: '"kind" is missing.',
      suggestion: `It is one of ${DOCUMENT_KINDS.join(", ")}.`,
    };
  }
  const shown = typeof kind === "string" ? `"${shorten(kind)}"` : "This";
  const near = typeof kind === "string" ? didYouMean(kind, DOCUMENT_KINDS) : "";
  return {
    severity: "error",
    path: ["kind"],
    message: `${shown} is not a kind of document; the kinds are ${DOCUMENT_KINDS.join(", ")}.`,
    suggestion: near,
  };
}

function nameFault(name: unknown): Finding | undefined {
  if (name === undefined || name === null)
    return { severity: "error", absent: true, path: [], message: '"name" is missing.' };
  if (typeof name !== "string")
    return { severity: "error", path: ["name"], message: '"name" must be text.', suggestion: "Put it into quotes." };
  const fault = textFault(NAME, name);
  return fault === undefined ? undefined : { severity: "error", path: ["name"], ...fault };
}

/** The first problems of a file, and how many more there are. */
function capped(problems: readonly Problem[], file: string): readonly Problem[] {
  if (problems.length <= MAX_PROBLEMS) return problems;
  const kept = problems.slice(0, MAX_PROBLEMS);
  const { line, column } = kept.at(-1)!;
  const message = `There are ${problems.length - MAX_PROBLEMS} more problems in this file.`;
  return [
    ...kept,
    {
      severity: "error",
      document: "",
      file,
      line,
      column,
      path: "",
      message,
      suggestion: "Correct the first ones and try again.",
    },
  ];
}
