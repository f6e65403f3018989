/**
 * Addresses of 127.0.0.0/8 for nodes. Linux answers on every one of them without any set-up, so each node gets its own
 * and all may listen on the same port.
 *
 * A reservation is a file named by the address that holds the node's token. It appears by link(2), whole or not at all,
 * and only one can win. Which addresses are tried first follows from the token, so two Looms with folders of their own
 * rarely meet; an address somebody listens on is passed over, so that they do not meet where it would be noticed.
 */
import { createHash } from "node:crypto";
import { link, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { LoomError } from "../../../common/errors.js";

/** What holds where the provider says nothing. */
export const DEFAULT_RANGE = "127.77.0.0/16";

export interface AddressRange {
  /** First address as a number. */
  readonly base: number;
  /** How many addresses, a power of two. */
  readonly size: number;
}

/** @throws INVALID_CONFIG unless the text is a network of 127.0.0.0/8 with 16 addresses or more */
export function parseRange(text: string): AddressRange {
  const match = /^127\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  const parts = match?.slice(1).map(Number) ?? [];
  const bits = parts[3] ?? 0;
  if (parts.length === 4 && parts.slice(0, 3).every((part) => part <= 255) && bits >= 8 && bits <= 28) {
    const address = ((127 << 24) | (parts[0]! << 16) | (parts[1]! << 8) | parts[2]!) >>> 0;
    const size = 2 ** (32 - bits);
    if (address % size === 0) return { base: address, size };
  }
  throw new LoomError(
    "INVALID_CONFIG",
    `The address range "${text}" of the provider is no network of 127.0.0.0/8. Write it as 127.77.0.0/16, with 28 bits at most.`,
    {
      violations: [
        { field: "fields.addressRange", description: "must be a network of 127.0.0.0/8 such as 127.77.0.0/16" },
      ],
    },
  );
}

/** Candidates in the order in which this token tries them. */
export function* candidates(token: string, range: AddressRange): Generator<string> {
  const first = createHash("sha256").update(token).digest().readUInt32BE(0) % range.size;
  for (let step = 0; step < range.size; step++) {
    const address = range.base + ((first + step) % range.size);
    const last = address & 255;
    // These look like a network's own and its broadcast address; 127.0.0.1 is everybody's.
    if (last === 0 || last === 255 || address === 0x7f000001) continue;
    yield [address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, last].join(".");
  }
}

/**
 * Reserves an address for the token.
 *
 * @param folder where reservations are kept
 * @param isStale whether a reservation of this other token is left over from a node that is gone
 * @throws PROVIDER_ERROR where the range is used up
 */
export async function reserveAddress(
  folder: string,
  token: string,
  range: AddressRange,
  isStale: (token: string) => Promise<boolean>,
): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const own = join(folder, `.${token}`);
  await writeFile(own, token);
  try {
    const listening = listeningAddresses();
    for (const address of candidates(token, range)) {
      const file = join(folder, address);
      if (!listening.has(address) && (await claim(own, file))) return address;
      const holder = await readFile(file, "utf8").catch(() => undefined);
      if (holder === token) return address;
      if (holder !== undefined && !listening.has(address) && (await isStale(holder))) {
        await rm(file, { force: true });
        if (await claim(own, file)) return address;
      }
    }
  } finally {
    await rm(own, { force: true });
  }
  throw new LoomError(
    "PROVIDER_ERROR",
    "Every address of the provider's range is taken. Delete clusters or give the provider a larger addressRange.",
  );
}

async function claim(own: string, file: string): Promise<boolean> {
  try {
    await link(own, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Gives back every address of the token. */
export async function releaseAddresses(folder: string, token: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const file = join(folder, name);
    if ((await readFile(file, "utf8").catch(() => undefined)) === token) await rm(file, { force: true });
  }
}

/** Addresses of this machine with a TCP listener, IPv4. */
function listeningAddresses(): Set<string> {
  const found = new Set<string>();
  let table = "";
  try {
    table = readFileSync("/proc/net/tcp", "latin1");
  } catch {
    return found;
  }
  for (const line of table.split("\n").slice(1)) {
    const fields = line.trim().split(/\s+/);
    const hex = fields[1]?.split(":")[0];
    // 0A is LISTEN; the address is in the byte order of the machine, little-endian wherever Node runs.
    if (fields[3] !== "0A" || hex === undefined) continue;
    found.add([6, 4, 2, 0].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)).join("."));
  }
  return found;
}
