/**
 * Texts with macros. The source takes anything between two single `%` for a macro and leaves `%%` as it is; Loom takes
 * `%%` for one `%` and leaves alone what does not look like a macro (../../macros/parse.ts).
 */
import { parseMacros } from "../../macros/parse.js";
import type { Json, JsonObject } from "../types.js";

/** Calls for the macros of a text, right and wrong ones, and for what is between them, as it is written. */
function rebuilt(
  text: string,
  literal: (raw: string) => string,
  macro: (raw: string, isWrong: boolean) => string,
): string {
  let at = 0;
  let built = "";
  for (const token of parseMacros(text)) {
    if (token.kind === "text") continue;
    built += literal(text.slice(at, token.offset)) + macro(token.text, token.kind === "wrong");
    at = token.offset + token.text.length;
  }
  return built + literal(text.slice(at));
}

const doubled = (text: string): string => text.replaceAll("%", "%%");

/** A text of the source as Loom must have it to come to the same: `%%` stays two signs. */
export function carriedText(text: string): string {
  if (!text.includes("%%")) return text;
  return rebuilt(
    text,
    (raw) => (raw.includes("%%") ? doubled(raw) : raw),
    (raw) => raw,
  );
}

/** {@link carriedText} of every text in a value; keys stay. */
export function carriedTexts(value: Json): Json {
  if (typeof value === "string") return carriedText(value);
  if (Array.isArray(value)) return (value as readonly Json[]).map(carriedTexts);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value as JsonObject).map(([key, item]) => [key, carriedTexts(item)]));
}

/**
 * The text with these of its macros taken literally.
 *
 * @param wrong the macros as they are written, with their `%`
 */
export function withoutMacros(text: string, wrong: ReadonlySet<string>): string {
  return rebuilt(
    text,
    // What is literal is written so that no sign of it can meet one of a macro beside it.
    (raw) => doubled(raw.replaceAll("%%", "%")),
    (raw, isWrong) => (isWrong || wrong.has(raw) ? doubled(raw) : raw),
  );
}
