/** Machines that nobody owns, and what clusters have to do with machines. Local tables (db/migrations/050). */
import { clusterName } from "../../common/ids.js";
import type { ClusterState, NodeState } from "../clusters/states.js";
import type { ClusterSpec } from "../records/types.js";
import type { MachineOwner, OwnedNode } from "../watch-over/strays.js";
import type { ObservedEvent } from "../watch-over/words.js";
import { addObservedEvents } from "./observed-events.js";
import { readHeads } from "./read/events.js";
import type { Rows } from "./rows.js";
import type { Fence, Transactor } from "./transaction.js";

/** A cluster that machines name, and what is needed to remove one of them. */
export interface Owner extends MachineOwner {
  readonly shard: number;
  readonly id: bigint;
  readonly tenant: string;
  /** Without `clusters/`. */
  readonly name: string;
  /** Name of the provider document. */
  readonly provider: string;
  readonly providerType: string;
  /** Number, in its shard's log, of the newest record of its last job. */
  readonly changed: bigint;
}

/** A machine that nobody owns. */
export interface Stray {
  readonly shard: number;
  readonly token: string;
  readonly tenant: string;
  readonly clusterId: bigint;
  readonly node: number;
  readonly incarnation: number;
  /** Name of the provider document. */
  readonly provider: string;
  readonly providerType: string;
  readonly machine: string;
  readonly firstSeen: Date;
  /** Milliseconds of its grace that are over. */
  readonly waitedMs: number;
  readonly failures: number;
  readonly message: string;
}

/** What an order to remove a machine needs. */
export interface StrayDetails {
  readonly uid: string;
  /** Without `clusters/`. */
  readonly cluster: string;
  readonly spec: ClusterSpec;
  readonly hostname: string;
  readonly hardwareType: string;
  readonly imageType: string;
}

export interface StrayStore {
  /** By UUID; those of other Looms are not in it. */
  owners(uids: readonly string[]): Promise<Map<string, Owner>>;
  list(shards: readonly number[]): Promise<Stray[]>;
  /** Number of the newest record in each shard's log. */
  heads(): Promise<Map<number, bigint>>;
  /** Stores what a look found out about strays of one shard. */
  save(
    fence: Fence,
    changes: {
      readonly seen: readonly Stray[];
      readonly gone: readonly string[];
      readonly events: readonly ObservedEvent[];
    },
  ): Promise<void>;
  /** Looks at the cluster by the shard's right, just before an order; undefined where there is no such cluster. */
  look(fence: Fence, stray: Stray): Promise<{ readonly owner: Owner; readonly details: StrayDetails } | undefined>;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

interface OwnerRow {
  readonly shard: number;
  readonly id: bigint;
  readonly uid: string;
  readonly tenant: string;
  readonly display_name: string;
  readonly state: ClusterState;
  readonly provider: string;
  readonly provider_type: string;
  readonly changed: bigint;
}

interface OwnedNodeRow {
  readonly shard: number;
  readonly cluster_id: bigint;
  readonly number: number;
  readonly incarnation: number;
  readonly state: NodeState;
  readonly previous: readonly { readonly incarnation: number }[];
}

interface StrayRow extends Omit<Stray, "clusterId" | "providerType" | "firstSeen" | "waitedMs"> {
  readonly cluster_id: bigint;
  readonly provider_type: string;
  readonly first_seen: Date;
  readonly waited_ms: bigint;
}

const STRAY_COLUMNS = `x.shard, x.token, x.tenant, x.cluster_id, x.node, x.incarnation, x.provider, x.provider_type,
  x.machine, x.first_seen, x.waited_ms, x.failures, x.message`;

function strayOf(row: StrayRow): Stray {
  const { cluster_id: clusterId, provider_type: providerType, first_seen: firstSeen, waited_ms, ...rest } = row;
  return { ...rest, clusterId, providerType, firstSeen, waitedMs: Number(waited_ms) };
}

const OWNER_COLUMNS = `c.shard, c.id, c.uid, c.tenant, c.display_name, c.state, c.provider,
  c.spec #>> '{provider,body,type}' AS provider_type, coalesce(j.seq, 0) AS changed`;
const OWNERS = "cluster c LEFT JOIN job j ON j.shard = c.shard AND j.cluster_id = c.id AND j.number = c.last_job";

function ownerOf(row: OwnerRow, nodes: readonly OwnedNodeRow[]): Owner {
  return {
    shard: row.shard,
    id: row.id,
    uid: row.uid,
    tenant: row.tenant,
    name: clusterName(row.display_name, row.id),
    provider: row.provider,
    providerType: row.provider_type,
    changed: row.changed,
    isGone: row.state === "TERMINATED",
    // Every job that has not ended keeps its cluster so.
    isBusy: row.state === "PENDING",
    nodes: new Map(
      nodes.map((node): [number, OwnedNode] => [
        node.number,
        {
          incarnation: node.incarnation,
          isGone: node.state === "DELETED",
          previous: node.previous.map(({ incarnation }) => incarnation),
        },
      ]),
    ),
  };
}

/** @param shards the shards this process owns */
export function createStrayStore(transactor: Transactor, db: Rows, shards: readonly number[]): StrayStore {
  const nodesOf = (rows: Rows, clusters: readonly OwnerRow[], number: number | null): Promise<OwnedNodeRow[]> =>
    rows.rows(
      `SELECT n.shard, n.cluster_id, n.number, n.incarnation, n.state, n.previous
       FROM unnest($1::int4[], $2::int8[]) AS g (shard, id) JOIN node n ON n.shard = g.shard AND n.cluster_id = g.id
       WHERE $3::int4 IS NULL OR n.number = $3`,
      [clusters.map(({ shard }) => shard), clusters.map(({ id }) => id), number],
    );

  return {
    async owners(uids) {
      const clusters = await db.rows<OwnerRow>(
        `SELECT ${OWNER_COLUMNS} FROM ${OWNERS} WHERE c.uid = ANY($1::uuid[]) AND c.shard = ANY($2)`,
        // Others may call their machines what they like.
        [uids.filter((uid) => UUID.test(uid)), shards],
      );
      const nodes = new Map(clusters.map(({ shard, id }) => [`${shard}/${id}`, [] as OwnedNodeRow[]]));
      for (const node of await nodesOf(db, clusters, null)) nodes.get(`${node.shard}/${node.cluster_id}`)!.push(node);
      return new Map(
        clusters.map((cluster) => [cluster.uid, ownerOf(cluster, nodes.get(`${cluster.shard}/${cluster.id}`)!)]),
      );
    },

    async list(of) {
      const rows = await db.rows<StrayRow>(
        `SELECT ${STRAY_COLUMNS} FROM stray x WHERE x.shard = ANY($1) ORDER BY x.first_seen, x.token`,
        [of],
      );
      return rows.map(strayOf);
    },

    heads: () => readHeads(db),

    save: (fence, { seen, gone, events }) =>
      transactor.inShard("strays", fence, async (tx) => {
        if (gone.length > 0)
          await tx.query("DELETE FROM stray WHERE shard = $1 AND token = ANY($2)", [fence.shard, gone]);
        if (seen.length > 0)
          await tx.query(
            `INSERT INTO stray (shard, token, tenant, cluster_id, node, incarnation, provider, provider_type, machine, first_seen, waited_ms, failures, message)
             SELECT $1, * FROM unnest($2::text[], $3::text[], $4::int8[], $5::int4[], $6::int4[], $7::text[], $8::text[], $9::text[],
               $10::timestamptz[], $11::int8[], $12::int4[], $13::text[])
             ON CONFLICT (shard, token) DO UPDATE SET waited_ms = excluded.waited_ms, failures = excluded.failures, message = excluded.message`,
            [
              fence.shard,
              seen.map((stray) => stray.token),
              seen.map((stray) => stray.tenant),
              seen.map((stray) => stray.clusterId),
              seen.map((stray) => stray.node),
              seen.map((stray) => stray.incarnation),
              seen.map((stray) => stray.provider),
              seen.map((stray) => stray.providerType),
              seen.map((stray) => stray.machine),
              seen.map((stray) => stray.firstSeen),
              seen.map((stray) => Math.round(stray.waitedMs)),
              seen.map((stray) => stray.failures),
              seen.map((stray) => stray.message),
            ],
          );
        await addObservedEvents(tx, fence.shard, new Date(), events);
      }),

    look: (fence, stray) =>
      transactor.inShard("look at a stray", fence, async (tx) => {
        const [cluster] = await tx.rows<OwnerRow & { spec: ClusterSpec }>(
          `SELECT ${OWNER_COLUMNS}, c.spec FROM ${OWNERS} WHERE c.shard = $1 AND c.id = $2`,
          [fence.shard, stray.clusterId],
        );
        const [node] = await tx.rows<{ hostname: string; hardware_type: string; image_type: string }>(
          "SELECT hostname, hardware_type, image_type FROM node WHERE shard = $1 AND cluster_id = $2 AND number = $3",
          [fence.shard, stray.clusterId, stray.node],
        );
        if (cluster === undefined || node === undefined) return undefined;
        const owner = ownerOf(cluster, await nodesOf(tx, [cluster], stray.node));
        const { hostname, hardware_type: hardwareType, image_type: imageType } = node;
        return {
          owner,
          details: { uid: cluster.uid, cluster: owner.name, spec: cluster.spec, hostname, hardwareType, imageType },
        };
      }),
  };
}
