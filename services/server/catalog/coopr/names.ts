/** Names of the source as names of Loom. Pure. */
import { NAME_PATTERN } from "../schema.js";

/** What the source accepts as a name. */
const SOURCE_NAME = /^[\w.-]{1,255}$/;
/** Put before a name that begins with `_`, `.` or `-`, which Loom's names do not. */
const PREFIX = "x";

/**
 * The name a document gets: the same, but for a first character that Loom does not allow. Undefined where the text is
 * no name in the source either. A name it gives back it gives back unchanged.
 */
export function nativeName(name: string): string | undefined {
  if (NAME_PATTERN.test(name)) return name;
  return SOURCE_NAME.test(name) ? `${PREFIX}${name}`.slice(0, 255) : undefined;
}
