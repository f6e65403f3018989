/** The shell scripts in documents, with the place of each of their lines in the file. Pure. */
import { checkAction, DEFAULT_AUTOMATOR } from "../actions.js";
import type { CatalogFile, ParsedDocument } from "../parse.js";
import type { Path } from "../paths.js";
import type { Position } from "../problems.js";
import type { Action, JsonObject } from "../types.js";

/** One script of the shell automator. */
export interface Script {
  readonly source: ParsedDocument;
  readonly path: Path;
  readonly text: string;
  /** `install`, `check` and so on. */
  readonly action: string;
  /** Variables that the action's `env` sets. */
  readonly env: ReadonlySet<string>;
  /** Where a place of the script is in the file; both from 1. */
  at(line: number, column?: number): Position;
}

/** Every script of the documents, in their order. */
export function scriptsOf(documents: readonly ParsedDocument[], files: readonly CatalogFile[]): Script[] {
  const lines = new Map(files.map(({ path, text }) => [path, text.split(/\r?\n/)]));
  return documents.flatMap((source) => {
    const at = lines.get(source.file) ?? [];
    return [...actionsOf(source)].flatMap(({ action, name, path }) => [...scriptsIn(source, action, name, path, at)]);
  });
}

function* actionsOf({ document }: ParsedDocument): Generator<{ action: Action; name: string; path: Path }> {
  if (document.kind === "Service") {
    for (const [name, action] of Object.entries(document.body.actions ?? {}))
      yield { action, name, path: ["actions", name] };
  }
  if (document.kind === "ClusterTemplate" || document.kind === "PartialTemplate") {
    const { check } = document.body;
    if (check !== undefined) yield { action: checkAction(check), name: "check", path: ["check"] };
  }
}

function* scriptsIn(
  source: ParsedDocument,
  action: Action,
  name: string,
  path: Path,
  lines: readonly string[],
): Generator<Script> {
  const ways = [
    { fields: action.fields, type: action.type, at: path },
    ...(action.variants ?? []).map(({ fields, type }, index) => ({
      fields,
      type: type ?? action.type,
      at: [...path, "variants", index],
    })),
  ];
  const all = new Set(ways.flatMap((way) => envOf(way.fields)));
  for (const { fields, type = DEFAULT_AUTOMATOR, at } of ways) {
    const text = fields?.["script"];
    if (type !== DEFAULT_AUTOMATOR || typeof text !== "string") continue;
    const { document } = source;
    const check = "check" in document.body ? document.body.check : undefined;
    const isShort = at.length === 1 && name === "check" && check?.script !== undefined;
    const where = isShort ? ["check", "script"] : [...at, "fields", "script"];
    const place = source.locate(where);
    yield {
      source,
      path: where,
      text,
      action: name,
      env: all,
      at: (line, column = 1) => placeIn(lines, place, text, line, column),
    };
  }
}

function envOf(fields: JsonObject | undefined): string[] {
  const env = fields?.["env"];
  return typeof env === "object" && env !== null && !Array.isArray(env) ? Object.keys(env) : [];
}

/**
 * Where a place of a text is, which begins at `start` of the file. A block of its own (`|`) has a line of the file for
 * each line of the text; of one that is folded (`>`) the word is looked for; of any other text only its beginning is
 * known.
 */
function placeIn(lines: readonly string[], start: Position, text: string, line: number, column: number): Position {
  const header = lines[start.line - 1]?.slice(start.column - 1) ?? "";
  const first = lines.slice(start.line).find((one) => one.trim() !== "") ?? "";
  const explicit = /^[|>][+-]?(\d)/.exec(header)?.[1];
  const indent = first.length - first.trimStart().length;
  if (header.startsWith("|")) {
    // An explicit indentation is rare; its columns are those of the first line, minus what the text itself begins with.
    const own = explicit === undefined ? 0 : text.length - text.trimStart().length;
    return { line: start.line + line, column: Math.max(1, indent - own + column) };
  }
  if (header.startsWith(">")) {
    // Lines are joined, so that only words can be found again.
    const word = /^\S*/.exec((text.split("\n")[line - 1] ?? "").slice(column - 1))![0];
    const index = lines.findIndex((one, at) => at >= start.line && word !== "" && one.includes(word));
    return index === -1 ? start : { line: index + 1, column: lines[index]!.indexOf(word) + 1 };
  }
  if (text.includes("\n") || line > 1) return start;
  const isQuoted = /^["']/.test(header);
  return { line: start.line, column: start.column + (isQuoted ? 1 : 0) + column - 1 };
}
