/** Parts of sentences about names. */
import { didYouMean } from "../catalog/suggest.js";

/** The names in code point order, or "none". */
export function listed(names: Iterable<string>): string {
  const sorted = [...names].sort();
  return sorted.length === 0 ? "none" : sorted.join(", ");
}

/** A space and the known name nearest to this one as a question, or nothing. */
export function hint(name: string, known: Iterable<string>): string {
  const text = didYouMean(name, known);
  return text === "" ? "" : ` ${text}`;
}
