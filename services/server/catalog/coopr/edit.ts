/** Changes inside a document. Nothing given is changed; what is given back shares what stays. */
import { isObject } from "../body.js";
import type { Path } from "../paths.js";
import type { Json, JsonObject } from "../types.js";

/** The value at the path; undefined where there is none. */
export function valueAt(value: Json | undefined, path: Path): Json | undefined {
  let found = value;
  for (const step of path) {
    if (typeof step === "number") found = Array.isArray(found) ? (found as readonly Json[])[step] : undefined;
    else found = isObject(found) && Object.hasOwn(found, step) ? found[step] : undefined;
  }
  return found;
}

/**
 * The value with another one at the path, or with none where that is undefined; as it was where the path leads nowhere.
 * A field that is missing is added to a mapping that is there.
 */
export function withValue<T extends Json>(value: T, path: Path, put: Json | undefined): T {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  const inner = (old: Json): Json | undefined => (rest.length === 0 ? put : withValue(old, rest, put));
  if (typeof step === "number" && Array.isArray(value)) {
    const items = value as readonly Json[];
    return items.flatMap((item, index) => {
      const changed = index === step ? inner(item) : item;
      return changed === undefined ? [] : [changed];
    }) as Json as T;
  }
  if (typeof step !== "string" || !isObject(value)) return value;
  if (!Object.hasOwn(value, step))
    return rest.length > 0 || put === undefined ? value : ({ ...value, [step]: put } as Json as T);
  const changed = inner(value[step]!);
  const entries = Object.entries(value as JsonObject).flatMap(([key, item]): [string, Json][] =>
    key !== step ? [[key, item]] : changed === undefined ? [] : [[key, changed]],
  );
  return Object.fromEntries(entries) as Json as T;
}
