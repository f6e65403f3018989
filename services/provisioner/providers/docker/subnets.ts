/** IPv4 arithmetic for the networks of clusters. Pure. */
import { createHash } from "node:crypto";

/** An IPv4 block: every address whose first `prefix` bits are those of `base`. */
export interface Block {
  /** First address, as an unsigned 32-bit number. */
  readonly base: number;
  /** Bits that are the same in every address, 0 to 32. */
  readonly prefix: number;
}

/** Addresses of a block that no machine can have: the network's own, the gateway, broadcast. */
const RESERVED = 3;

/** Linux lets a bridge have 1,023 ports; a network keeps some of them free. */
const MOST_PER_NETWORK = 1000;

/** The number of an address in dotted form, undefined where the text is none. */
export function parseAddress(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)) return undefined;
  return parts.reduce((value, part) => value * 256 + Number(part), 0);
}

/** The dotted form of an address. */
export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}

/** The block a text such as `10.213.0.0/16` means, undefined where it is none or has bits set behind its prefix. */
export function parseBlock(text: string): Block | undefined {
  const match = /^([\d.]+)\/(\d{1,2})$/.exec(text.trim());
  const base = match === null ? undefined : parseAddress(match[1]!);
  const prefix = Number(match?.[2]);
  if (base === undefined || prefix > 32 || base % 2 ** (32 - prefix) !== 0) return undefined;
  return { base, prefix };
}

/**
 * The blocks of a kernel's routing table, default routes left out, with the interface each goes through. The table is
 * that of /proc/net/route: addresses and masks are eight hexadecimal digits, lowest byte first.
 */
export function parseRoutes(table: string): { readonly block: Block; readonly by: string }[] {
  const number = (hex: string): number => Buffer.from(hex, "hex").readUInt32LE();
  return table.split("\n").flatMap((line) => {
    const [by, destination, , , , , , mask] = line.split(/\s+/);
    if (!/^[0-9A-F]{8}$/i.test(destination ?? "") || !/^[0-9A-F]{8}$/i.test(mask ?? "")) return [];
    const prefix = number(mask!).toString(2).replaceAll("0", "").length;
    return prefix === 0 ? [] : [{ block: { base: number(destination!), prefix }, by: by! }];
  });
}

export function formatBlock(block: Block): string {
  return `${formatAddress(block.base)}/${block.prefix}`;
}

export function overlaps(a: Block, b: Block): boolean {
  const size = 2 ** (32 - Math.min(a.prefix, b.prefix));
  return Math.floor(a.base / size) === Math.floor(b.base / size);
}

/**
 * Every block of `prefix` bits in the range, from one that depends on the cluster. All who look for a network for the
 * same cluster look at the same blocks in the same order, so the daemon's refusal of overlapping networks keeps them
 * from making two.
 */
export function* candidates(range: Block, prefix: number, clusterUid: string): Generator<Block> {
  const count = 2 ** (prefix - range.prefix);
  const first = createHash("sha256").update(clusterUid).digest().readUInt32BE(0) % count;
  for (let i = 0; i < count; i += 1) {
    yield { base: range.base + ((first + i) % count) * 2 ** (32 - prefix), prefix };
  }
}

/** How many machines a network of this size holds. */
export function capacity(prefix: number): number {
  return Math.max(0, Math.min(2 ** (32 - prefix) - RESERVED, MOST_PER_NETWORK));
}

/** The gateway's address, the first of the block. */
export function gateway(block: Block): string {
  return formatAddress(block.base + 1);
}

/**
 * An address for a node: the one its number points at where it is free, otherwise the next free one; undefined where
 * the block is full. An address of its own, that it keeps while it is stopped, is what other nodes' configuration names.
 */
export function addressFor(block: Block, nodeNumber: number, taken: ReadonlySet<string>): string | undefined {
  const size = capacity(block.prefix);
  for (let i = 0; i < size; i += 1) {
    const address = formatAddress(block.base + 2 + ((nodeNumber + i) % size));
    if (!taken.has(address)) return address;
  }
  return undefined;
}
