/** What a value names through macros. Pure. */
import type { Json } from "../catalog/types.js";
import { parseMacros, type Macro } from "./parse.js";

/** A macro of a value, with where in it it stands. */
export interface FoundMacro {
  readonly path: readonly (string | number)[];
  /** As it is written. */
  readonly text: string;
  readonly macro: Macro;
}

/** Every macro of a value that is none of the wrong ones. */
export function* macrosIn(value: Json | undefined, path: readonly (string | number)[] = []): Generator<FoundMacro> {
  if (typeof value === "string") {
    if (!value.includes("%")) return;
    for (const token of parseMacros(value))
      if (token.kind === "macro") yield { path, text: token.text, macro: token.macro };
  } else if (Array.isArray(value)) {
    for (const [index, item] of (value as readonly Json[]).entries()) yield* macrosIn(item, [...path, index]);
  } else if (typeof value === "object" && value !== null) {
    for (const [key, item] of Object.entries(value)) yield* macrosIn(item, [...path, key]);
  }
}

/** Services whose nodes a value names, in code point order. A macro that names the node itself names no service. */
export function macroReferences(value: Json): string[] {
  const found = new Set<string>();
  for (const { macro } of macrosIn(value)) if ("service" in macro.term) found.add(macro.term.service);
  return [...found].sort();
}
