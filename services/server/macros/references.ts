/** Which services' nodes a value names through macros. Pure. */
import type { Json } from "../catalog/types.js";
import { parseMacros } from "./parse.js";

/** Names of services, in code point order. A macro that names the node itself names no service. */
export function macroReferences(value: Json): string[] {
  const found = new Set<string>();
  collect(value, found);
  return [...found].sort();
}

function collect(value: Json, found: Set<string>): void {
  if (typeof value === "string") {
    if (!value.includes("%")) return;
    for (const token of parseMacros(value)) {
      if (token.kind === "macro" && "service" in token.macro.term) found.add(token.macro.term.service);
    }
  } else if (Array.isArray(value)) {
    for (const item of value as readonly Json[]) collect(item, found);
  } else if (typeof value === "object" && value !== null) {
    for (const item of Object.values(value)) collect(item, found);
  }
}
