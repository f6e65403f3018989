/** Text from outside, made such that the database keeps it. */

/** The character NUL, which PostgreSQL's text and jsonb refuse, and halves of characters, which its jsonb refuses. */
const UNSTORABLE = /[\0\p{Surrogate}]/gu;

/** The same value with U+FFFD for everything in its texts that the database refuses; keys of objects are texts too. */
export function storable<T>(value: T): T {
  if (typeof value === "string") return value.replace(UNSTORABLE, "\ufffd") as T;
  if (Array.isArray(value)) return value.map((item: unknown) => storable(item)) as T;
  // Plain objects only: results of tasks hold nothing else.
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [storable(key), storable(item as unknown)]),
  ) as T;
}
