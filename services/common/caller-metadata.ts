/**
 * Who asks, as metadata between a gateway and a server. Only processes of Loom itself can reach the socket on which
 * servers believe it; a gateway never passes on metadata that came from outside.
 */

/** The metadata keys, and the name of the request in logs. */
export const CALLER_KEYS = {
  tenant: "loom-tenant",
  user: "loom-user",
  role: "loom-role",
  credential: "loom-credential",
  sourceAddress: "loom-source",
} as const;

export const REQUEST_ID_KEY = "loom-request-id";

/** The fields of a caller as texts. */
export type CallerTexts = { readonly [Field in keyof typeof CALLER_KEYS]: string };

/** Metadata values are printable ASCII; names of people are not. */
export function callerToMetadata(caller: CallerTexts): [key: string, value: string][] {
  return fields().map((field) => [CALLER_KEYS[field], encodeURIComponent(caller[field])]);
}

/** Absent and unreadable values are empty. */
export function callerFromMetadata(get: (key: string) => string | undefined): CallerTexts {
  const texts = Object.fromEntries(fields().map((field) => [field, decode(get(CALLER_KEYS[field]) ?? "")]));
  return texts as CallerTexts;
}

function fields(): (keyof CallerTexts)[] {
  return Object.keys(CALLER_KEYS) as (keyof CallerTexts)[];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
