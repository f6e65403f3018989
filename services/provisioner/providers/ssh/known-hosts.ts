/** Which key a host must show: texts in the format of known_hosts (sshd(8)), single keys, fingerprints. Pure. */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/**
 * - `unknown`: nothing is known of the host.
 * - `changed`: something is known of it, and this key is not it, or it was revoked.
 */
export type KeyVerdict = "known" | "unknown" | "changed";

interface Entry {
  readonly marker: string;
  readonly patterns: readonly string[];
  readonly type: string;
  readonly key: Buffer;
}

const TYPE = /^(ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+$/;

/** `SHA256:...` of a key, as ssh-keygen shows it. */
export function fingerprint(key: Uint8Array): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

/** Type of a key as it comes over the wire: its first string (RFC 4253, 6.6). */
export function keyType(key: Buffer): string {
  if (key.length < 4) return "";
  return key.toString("latin1", 4, 4 + key.readUInt32BE(0));
}

/** Lines that are no entries are passed over, as ssh does. */
function entries(text: string): Entry[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const words = line.trim().split(/\s+/);
    if (words[0] === "" || words[0]!.startsWith("#")) return [];
    const marker = words[0]!.startsWith("@") ? words.shift()! : "";
    const [patterns, type, key] = words;
    if (patterns === undefined || type === undefined || key === undefined || !TYPE.test(type)) return [];
    return [{ marker, patterns: patterns.split(","), type, key: Buffer.from(key, "base64") }];
  });
}

/**
 * Whether a pattern with `*` and `?` means this name. Where it does not fit, only the last `*` takes one character more:
 * whatever an earlier one could take, the last one can take too. So no pattern takes more steps than its length times the
 * name's, which is bounded.
 */
function like(pattern: string, name: string): boolean {
  const [wanted, given] = [pattern.toLowerCase(), name.toLowerCase()];
  let [at, from] = [0, 0];
  let star = -1;
  let taken = 0;
  while (from < given.length) {
    if (wanted[at] === "*") {
      star = at++;
      taken = from;
    } else if (at < wanted.length && (wanted[at] === "?" || wanted[at] === given[from])) {
      at += 1;
      from += 1;
    } else if (star >= 0) {
      at = star + 1;
      from = ++taken;
    } else return false;
  }
  while (wanted[at] === "*") at += 1;
  return at === wanted.length;
}

function hashed(pattern: string, name: string): boolean {
  const [, , salt = "", hash = ""] = pattern.split("|");
  const made = createHmac("sha1", Buffer.from(salt, "base64")).update(name.toLowerCase()).digest();
  const given = Buffer.from(hash, "base64");
  return made.length === given.length && timingSafeEqual(made, given);
}

function means(patterns: readonly string[], name: string): boolean {
  const matches = (pattern: string) => (pattern.startsWith("|1|") ? hashed(pattern, name) : like(pattern, name));
  if (patterns.some((pattern) => pattern.startsWith("!") && matches(pattern.slice(1)))) return false;
  return patterns.some((pattern) => !pattern.startsWith("!") && matches(pattern));
}

/** The name of a host in known_hosts. */
export function knownName(address: string, port: number): string {
  return port === 22 ? address : `[${address}]:${port}`;
}

/** A key that stands with its host: `ssh-ed25519 AAAA...`, a line of ssh-keyscan, or `SHA256:...`. */
interface OwnKey {
  readonly type: string;
  readonly fingerprint: string;
}

/** Undefined where the text is none of that. */
export function ownKey(text: string): OwnKey | undefined {
  const words = text.trim().split(/\s+/);
  if (words.length === 1 && /^SHA256:[A-Za-z0-9+/]{43}=?$/.test(words[0]!))
    return { type: "", fingerprint: words[0]!.replace(/=$/, "") };
  const at = words.findIndex((word) => TYPE.test(word));
  const encoded = words[at + 1];
  if (at < 0 || at > 1 || encoded === undefined) return undefined;
  const key = Buffer.from(encoded, "base64");
  return keyType(key) === words[at] ? { type: words[at]!, fingerprint: fingerprint(key) } : undefined;
}

export interface HostKeys {
  /** Types of the keys that are known of the host; it is asked for one of these first. */
  readonly types: readonly string[];
  judge(key: Buffer): KeyVerdict;
}

/**
 * What is known of a host. A key that stands with the host counts alone; certificates of authorities do not count.
 *
 * @param knownHosts text in the format of known_hosts
 * @param own the key that stands with the host
 */
export function keysOf(address: string, port: number, knownHosts: string, own: string | undefined): HostKeys {
  if (own !== undefined) {
    const wanted = ownKey(own);
    return {
      types: wanted === undefined || wanted.type === "" ? [] : [wanted.type],
      judge: (key) => (fingerprint(key) === wanted?.fingerprint ? "known" : "changed"),
    };
  }
  const name = knownName(address, port);
  const found = entries(knownHosts).filter(({ patterns }) => means(patterns, name));
  const revoked = found.filter(({ marker }) => marker === "@revoked");
  const plain = found.filter(({ marker }) => marker === "");
  return {
    types: [...new Set(plain.map(({ type }) => type))],
    judge(key) {
      if (revoked.some((entry) => entry.key.equals(key))) return "changed";
      if (plain.some((entry) => entry.key.equals(key))) return "known";
      return plain.length > 0 ? "changed" : "unknown";
    },
  };
}
