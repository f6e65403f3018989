/** Page sizes and page tokens: a token holds the key of the last item and a mark of the list it belongs to. */
import { createHash } from "node:crypto";
import { LoomError } from "../common/errors.js";

const DEFAULT_PAGE = 100;
const LARGEST_PAGE = 1000;

/** @throws INVALID_FIELD for a negative size */
export function pageSize(asked: number): number {
  if (asked < 0)
    throw new LoomError("INVALID_FIELD", "page_size is negative; leave it out for 100.", {
      violations: [{ field: "page_size", description: "must not be negative" }],
    });
  return asked === 0 ? DEFAULT_PAGE : Math.min(asked, LARGEST_PAGE);
}

const markOf = (list: unknown): string =>
  createHash("sha256").update(JSON.stringify(list)).digest("base64url").slice(0, 8);

/** @param list what the list was asked with; a token is only good for the same list */
export function encodePageToken(list: unknown, key: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify([markOf(list), ...key])).toString("base64url");
}

/**
 * The key in a token, undefined for the first page.
 * @throws INVALID_PAGE_TOKEN
 */
export function decodePageToken(
  list: unknown,
  token: string,
  length: number,
): readonly (string | number)[] | undefined {
  if (token === "") return undefined;
  try {
    const parts = JSON.parse(Buffer.from(token, "base64url").toString("utf8")) as unknown;
    if (
      Array.isArray(parts) &&
      parts.length === length + 1 &&
      parts[0] === markOf(list) &&
      parts.every((part) => typeof part === "string" || typeof part === "number")
    )
      return parts.slice(1) as (string | number)[];
  } catch {
    // Not one of ours; said below.
  }
  throw new LoomError(
    "INVALID_PAGE_TOKEN",
    "The page token belongs to another list. Ask for the first page again, with the same filter for every page.",
  );
}
