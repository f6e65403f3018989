/**
 * Files to values: YAML 1.2, and so JSON, with the place of every value. What can go wrong in the text itself is found
 * here: syntax, keys that come twice, aliases that grow without end, sizes. The shape of documents is not known here.
 */
import { Composer, LineCounter, Parser, Lexer } from "yaml";
import type { Document, ParsedNode } from "yaml";
import { createConverter } from "./convert.js";
import { MAX_DOCUMENTS, MAX_FILE_BYTES, MAX_NESTING, MAX_TOKENS } from "./limits.js";
import type { Locate, Position } from "./problems.js";
import type { Json } from "./types.js";

/** One document of a file, not looked at yet. */
export interface SourceDocument {
  readonly value: Json;
  readonly locate: Locate;
  /**
   * The line of the first mistake in the YAML itself: from there on the value may be only a part of what was meant.
   * Infinity where there is none.
   */
  readonly soundBefore: number;
}

/** Something wrong with the text of a file. */
export interface SourceProblem extends Position {
  readonly message: string;
  readonly suggestion: string;
}

export interface SourceFile {
  readonly documents: readonly SourceDocument[];
  readonly problems: readonly SourceProblem[];
}

/** What to do about the mistakes people make most, by the parser's code. */
const ADVICE: Readonly<Record<string, string>> = {
  BAD_INDENT: "Indent with spaces, the fields of one mapping all by the same number.",
  BAD_QUOTES: "Close the quotes on the same line, or write the text after | on lines of its own.",
  BLOCK_AS_IMPLICIT_KEY: "Put the value into quotes, or on lines of its own below the key.",
  MISSING_CHAR: "A field is written `name: value`, with a space after the colon.",
  TAB_AS_INDENT: "Indent with spaces.",
  BAD_SCALAR_START: "Put the value into quotes.",
  BAD_PROP_ORDER: "Write the anchor and the tag before the value.",
};

/** Reads the documents of one file. Never throws: what cannot be read is a problem. */
export function readSource(text: string): SourceFile {
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) lines.addNewLine(at + 1);
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(Math.max(0, Math.min(offset, text.length)));
    return { line, column: col };
  };
  const problems: SourceProblem[] = [];
  const report = (offset: number, message: string, suggestion = ""): void => {
    problems.push({ ...position(offset), message, suggestion });
  };
  const documents: SourceDocument[] = [];
  if (Buffer.byteLength(text) > MAX_FILE_BYTES) {
    report(0, `The file is larger than ${MAX_FILE_BYTES / 1024 / 1024} MiB.`, "Split it into several files.");
    return { documents, problems };
  }
  const budget = { left: MAX_FILE_BYTES };
  try {
    for (const parsed of parseStream(text, report)) {
      let soundBefore = Infinity;
      for (const error of [...parsed.errors, ...parsed.warnings]) {
        report(error.pos[0], sentence(error.message), ADVICE[error.code] ?? "");
        soundBefore = Math.min(soundBefore, position(error.pos[0]).line);
      }
      documents.push(...documentsOf(parsed, budget, { report, position, soundBefore }));
    }
  } catch {
    // The parser is a library: an input that makes it throw is still only a bad input.
    report(0, "The file cannot be read as YAML or JSON.");
  }
  return { documents, problems };
}

/** Parses token by token, so that a file made to exhaust memory or the stack is given up on the way. */
function* parseStream(
  text: string,
  report: (offset: number, message: string, suggestion?: string) => void,
): Generator<Document.Parsed> {
  const parser = new Parser();
  const composer = new Composer({ uniqueKeys: false, resolveKnownTags: false, prettyErrors: false, logLevel: "error" });
  let tokens = 0;
  let count = 0;
  for (const lexeme of new Lexer().lex(text)) {
    if (++tokens > MAX_TOKENS)
      return report(
        parser.offset,
        `The file holds more than ${MAX_TOKENS} words and signs.`,
        "Split it into several files.",
      );
    for (const token of parser.next(lexeme)) {
      if (token.type === "document" && ++count > MAX_DOCUMENTS) {
        return report(
          token.offset,
          `The file holds more than ${MAX_DOCUMENTS} documents.`,
          "Split it into several files.",
        );
      }
      yield* composer.next(token);
    }
    // A level takes one entry, a property of it such as a key a few more.
    if (parser.stack.length > MAX_NESTING + 8) {
      return report(parser.offset, `Mappings and lists are nested more than ${MAX_NESTING} levels deep.`);
    }
  }
  for (const token of parser.end()) yield* composer.next(token);
  yield* composer.end(false, text.length);
}

interface Reporting {
  report(offset: number, message: string, suggestion?: string): void;
  position(offset: number): Position;
  readonly soundBefore: number;
}

/** The documents of one YAML document: itself, or the items of a list. */
function* documentsOf(parsed: Document.Parsed, fileBudget: { left: number }, to: Reporting): Generator<SourceDocument> {
  const version = parsed.directives.yaml;
  if (version.explicit === true && version.version !== "1.2") {
    to.report(
      parsed.range[0],
      `YAML ${version.version} is not supported.`,
      "Remove the %YAML line: documents are read as YAML 1.2.",
    );
  }
  const contents = parsed.contents as ParsedNode | null;
  if (contents === null) return;
  const converter = createConverter(fileBudget, to.report);
  for (const root of converter.roots(contents)) {
    const value = converter.convert(root)?.value ?? null;
    const locate: Locate = (path, part = "value") => to.position(converter.offsetOf(root, path, part));
    if (value !== null) yield { value, locate, soundBefore: to.soundBefore };
  }
}

/** The library's message as a sentence. */
function sentence(message: string): string {
  const text = message.trim();
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
