/** What differs between two versions of a document. */
import { canonicalJson } from "./canonical.js";
import { formatPath } from "./paths.js";
import type { Path } from "./paths.js";
import type { Json, JsonObject } from "./types.js";

/** One value that differs. */
export interface FieldChange {
  /** For example `actions.start.fields.script`; empty for the whole document. */
  readonly path: string;
  /** As canonical JSON; empty where the value is new. */
  readonly before: string;
  /** As canonical JSON; empty where the value is gone. */
  readonly after: string;
}

/**
 * What differs, in order of the fields' names; nothing where the two are equal. Lists of names are compared as sets,
 * so that a name more is one change, but another order of the same names is a change of the whole list. Other lists
 * are compared by index between the parts that are equal at both ends.
 */
export function diffDocuments(before: Json | undefined, after: Json | undefined): FieldChange[] {
  const changes: FieldChange[] = [];
  compare(before, after, [], changes);
  return changes;
}

function compare(before: Json | undefined, after: Json | undefined, path: Path, changes: FieldChange[]): void {
  if (isObject(before) && isObject(after)) {
    for (const key of [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()) {
      const own = (value: JsonObject): Json | undefined => (Object.hasOwn(value, key) ? value[key] : undefined);
      compare(own(before), own(after), [...path, key], changes);
    }
  } else if (isList(before) && isList(after)) {
    if (isSet(before) && isSet(after)) compareSets(before, after, path, changes);
    else compareLists(before, after, path, changes);
  } else if (asText(before) !== asText(after)) {
    changes.push({ path: formatPath(path), before: asText(before), after: asText(after) });
  }
}

function compareSets(before: readonly Json[], after: readonly Json[], path: Path, changes: FieldChange[]): void {
  const gone = before.filter((item) => !after.includes(item));
  const come = after.filter((item) => !before.includes(item));
  const kept = before.filter((item) => after.includes(item));
  const sameOrder = after.filter((item) => before.includes(item)).every((item, index) => item === kept[index]);
  if (!sameOrder) {
    changes.push({ path: formatPath(path), before: asText(before), after: asText(after) });
    return;
  }
  for (const item of gone)
    changes.push({ path: formatPath([...path, before.indexOf(item)]), before: asText(item), after: "" });
  for (const item of come)
    changes.push({ path: formatPath([...path, after.indexOf(item)]), before: "", after: asText(item) });
}

function compareLists(before: readonly Json[], after: readonly Json[], path: Path, changes: FieldChange[]): void {
  const a = before.map(canonicalJson);
  const b = after.map(canonicalJson);
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const steps = Math.max(a.length, b.length) - end;
  for (let index = start; index < steps; index++) {
    compare(
      index < a.length - end ? before[index] : undefined,
      index < b.length - end ? after[index] : undefined,
      [...path, index],
      changes,
    );
  }
}

function asText(value: Json | undefined): string {
  return value === undefined ? "" : canonicalJson(value);
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** A list of different texts. Long ones are compared by index: as sets they cost the square of their length. */
function isSet(list: readonly Json[]): boolean {
  return list.length <= 1000 && list.every((item) => typeof item === "string") && new Set(list).size === list.length;
}
