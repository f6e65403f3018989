/** Fingerprints of certificates: what a person carries from one machine to another to be sure whom they talk to. */
import { createHash } from "node:crypto";
import { LoomError } from "../errors.js";

/** `sha256:` and 64 hexadecimal digits in lower case. */
export type Fingerprint = `sha256:${string}`;

/** @param der the certificate's bytes */
export function fingerprintOf(der: Uint8Array): Fingerprint {
  return `sha256:${createHash("sha256").update(der).digest("hex")}`;
}

/**
 * Reads a fingerprint as people write it: in upper case, with colons between the bytes as other programs print it.
 *
 * @throws INVALID_FIELD
 */
export function parseFingerprint(text: string): Fingerprint {
  const digits = text
    .trim()
    .replace(/^sha-?256[:=]/i, "")
    .replaceAll(":", "")
    .toLowerCase();
  if (/^[0-9a-f]{64}$/.test(digits)) return `sha256:${digits}`;
  throw new LoomError(
    "INVALID_FIELD",
    "The fingerprint must be sha256: and 64 hexadecimal digits, as Loom prints it when it starts.",
    { metadata: { fingerprint: text.slice(0, 200) } },
  );
}
