/** IPv4 blocks that this host has in use beside Docker's networks. */
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { parseBlock, parseRoutes } from "./subnets.js";
import type { Block } from "./subnets.js";

/** A block that is taken, and by what. */
export interface Taken {
  readonly block: Block;
  readonly by: string;
}

/** Interfaces of Docker's own: the daemon knows those better. */
const BRIDGES = /^(br-|docker|veth)/;

/** Blocks this host itself is in. */
export function hostBlocks(): Taken[] {
  return Object.entries(networkInterfaces())
    .filter(([name]) => !BRIDGES.test(name))
    .flatMap(([name, addresses]) => (addresses ?? []).map((address) => ({ name, ...address })))
    .flatMap(({ name, family, cidr }) => {
      if (family !== "IPv4" || cidr === null) return [];
      const [address, prefix] = cidr.split("/");
      const block = parseBlock(`${address}/32`);
      const size = 2 ** (32 - Number(prefix));
      if (block === undefined) return [];
      return [
        { block: { base: Math.floor(block.base / size) * size, prefix: Number(prefix) }, by: `interface ${name}` },
      ];
    });
}

/** Blocks this host sends somewhere, such as into a private network: a cluster's network there would cut it off. */
export function routedBlocks(): Taken[] {
  let table: string;
  try {
    table = readFileSync("/proc/net/route", "latin1");
  } catch {
    return [];
  }
  return parseRoutes(table)
    .filter(({ by }) => !BRIDGES.test(by))
    .map(({ block, by }) => ({ block, by: `a route through ${by}` }));
}
