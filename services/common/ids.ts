/**
 * Ids, names and shards (docs/architecture.md, "Ids"). Everything here is pure: the shard of a cluster is read from
 * its name, the shard of a create from its request id, never looked up.
 */
import { createHash } from "node:crypto";
import { LoomError } from "./errors.js";

/** How ids are split over datacenters. Written at the first start and never changed. */
export interface IdSpace {
  /** First id of this datacenter, 1 to `increment`. */
  readonly start: number;
  /** Step to the next id of the same datacenter; the most datacenters there can ever be. */
  readonly increment: number;
  /** Shards of each datacenter (V). */
  readonly shards: number;
}

/** What holds unless the first start says otherwise. */
export const DEFAULT_ID_SPACE: IdSpace = { start: 1, increment: 64, shards: 8 };

/** Number of the shard that keeps the catalog, tenants, users and token hashes. */
export const META_SHARD = -1;

/**
 * Shard number of (home datacenter, v): home * V + v, home = id mod increment. Shard numbers are stable for ever since
 * neither `increment` nor V ever changes.
 */
export function shardOf(clusterId: bigint, space: IdSpace): number {
  const increment = BigInt(space.increment);
  const home = Number(clusterId % increment);
  const v = Number((clusterId / increment) % BigInt(space.shards));
  return home * space.shards + v;
}

/** The shards whose home is this datacenter, in order. */
export function homeShards(space: IdSpace): number[] {
  const home = space.start % space.increment;
  return Array.from({ length: space.shards }, (_, v) => home * space.shards + v);
}

/** The n-th id (n from 0) of a shard: ids of one shard are `increment * shards` apart. */
export function nthClusterId(shard: number, n: bigint, space: IdSpace): bigint {
  const home = Math.floor(shard / space.shards);
  const v = shard % space.shards;
  // Home 0 has no id below `increment`, since ids start at 1.
  const round = BigInt(v) + n * BigInt(space.shards) + (home === 0 ? BigInt(space.shards) : 0n);
  return BigInt(home) + BigInt(space.increment) * round;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const OPERATION_ID = /^(\d{1,4})\.(\d{1,3})\.([0-9a-f-]{36})$/;

/**
 * The shard of a create, from its request id alone, so that a retry through any datacenter lands in the same shard.
 * `<home>.<v>.<uuid>` names it; a plain UUID is spread over `shards` by SHA-256.
 *
 * @param shards every shard there is, in order
 * @throws INVALID_REQUEST_ID
 */
export function shardOfRequest(requestId: string, shards: readonly number[], space: IdSpace): number {
  const named = OPERATION_ID.exec(requestId);
  if (named !== null && UUID.test(named[3]!)) {
    const shard = Number(named[1]) * space.shards + Number(named[2]);
    if (Number(named[2]) < space.shards && shards.includes(shard)) return shard;
  } else if (UUID.test(requestId)) {
    const digest = createHash("sha256").update(requestId).digest();
    return shards[digest.readUInt32BE(0) % shards.length]!;
  }
  throw new LoomError(
    "INVALID_REQUEST_ID",
    `The request id "${requestId}" is not a UUID in lower case, nor <home>.<v>.<uuid> of a known shard. Send a new UUID with each new request, and the same one when you repeat a request.`,
    { violations: [{ field: "request_id", description: "must be a UUID" }] },
  );
}

/** Throws INVALID_REQUEST_ID unless the text is a UUID or `<home>.<v>.<uuid>`. */
export function checkRequestId(requestId: string): void {
  const uuid = OPERATION_ID.exec(requestId)?.[3] ?? requestId;
  if (!UUID.test(uuid)) {
    throw new LoomError(
      "INVALID_REQUEST_ID",
      `The request id "${requestId}" is not a UUID in lower case. Send a new UUID with each new request.`,
      {
        violations: [{ field: "request_id", description: "must be a UUID" }],
      },
    );
  }
}

/** `<display name>-<id in base 36>`, the last part of a cluster's resource name. */
export function clusterName(displayName: string, id: bigint): string {
  return `${displayName}-${id.toString(36)}`;
}

/** The numeric id in a cluster's name, or undefined where the text is no such name. */
export function clusterIdOf(name: string): bigint | undefined {
  const text = /-([0-9a-z]{1,12})$/.exec(name)?.[1];
  if (text === undefined) return undefined;
  let id = 0n;
  for (const digit of text) id = id * 36n + BigInt(Number.parseInt(digit, 36));
  return id > 0n ? id : undefined;
}

const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/**
 * The token that names a machine at its provider: base32(SHA-256(cluster UUID, node number, incarnation)), 52
 * characters of [a-z2-7]. It is known before the machine exists, so a lost answer cannot make a second machine.
 */
export function machineToken(clusterUid: string, nodeNumber: number, incarnation: number): string {
  const digest = createHash("sha256").update(`${clusterUid}/${nodeNumber}/${incarnation}/machine`).digest();
  let bits = 0;
  let value = 0;
  let text = "";
  for (const byte of digest) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      text += BASE32[(value >>> (bits - 5)) & 31]!;
      bits -= 5;
      value &= (1 << bits) - 1;
    }
  }
  return text + BASE32[(value << (5 - bits)) & 31]!;
}

/** Names one run of one action on one node; a success stored under it on the node is answered again. */
export function taskKey(parts: {
  clusterUid: string;
  job: number;
  node: number;
  incarnation: number;
  service: string;
  action: string;
  /** How many machines of the cluster were replaced so far. */
  replacements: number;
}): string {
  const { clusterUid, job, node, incarnation, service, action, replacements } = parts;
  return `${clusterUid}.${job}.${node}.${incarnation}.${replacements}.${service === "" ? "machine" : service}.${action.toLowerCase()}`;
}
