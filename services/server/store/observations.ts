/** Writing what was observed of clusters, and reading what is needed to judge it. Local tables (db/migrations/050). */
import type { Bodies, JsonObject } from "../catalog/types.js";
import type { ObservedEvent } from "../watch-over/words.js";
import type { ExpectedNode, Finding } from "../watch-over/judge.js";
import { addObservedEvents, pruneObservedEvents } from "./observed-events.js";
import type { Rows } from "./rows.js";
import { CURRENT_OBSERVATION } from "./read/observations.js";
import type { Fence, Transactor } from "./transaction.js";

/** A cluster with its number of the moment: what is observed counts only as long as no job has begun since. */
export interface WatchedCluster {
  readonly shard: number;
  readonly id: bigint;
  readonly job: number;
  readonly jobSeq: bigint;
  readonly uid: string;
  readonly tenant: string;
  readonly displayName: string;
}

/** What a provider document says, as the cluster pinned it. */
export interface PinnedProvider {
  readonly name: string;
  readonly type: string;
  /** Label of the provisioners that serve it; empty: that of Loom's own machine. */
  readonly provisioner: string;
  readonly fields: JsonObject;
}

/** What the last look at a cluster left. */
export interface Known {
  readonly job: number;
  readonly jobSeq: bigint;
  /** False: the provider did not answer. */
  readonly isKnown: boolean;
  readonly message: string;
  /** Nodes that were not up, of their present incarnation. */
  readonly findings: ReadonlyMap<number, Finding>;
  /** Rows are left of nodes that are gone, or have another machine now. */
  readonly hasStale: boolean;
}

/** A node that is not as it should be. */
export interface BadNode {
  readonly number: number;
  readonly incarnation: number;
  readonly observed: Finding;
  readonly message: string;
}

/** What a look found of a cluster. */
export interface Look {
  readonly cluster: WatchedCluster;
  /** Of the nodes that are not up; undefined where the provider did not answer. */
  readonly bad: readonly BadNode[] | undefined;
  /** Why the provider did not answer. */
  readonly message: string;
  /** To be told where the look counts. */
  readonly events: readonly ObservedEvent[];
}

export interface ObservationStore {
  /** Clusters without a job at work that have something to be looked at; with `due` only those that nobody has looked at since their last job. */
  watched(shards: readonly number[], due: boolean): Promise<WatchedCluster[]>;
  /** The same for one cluster; undefined where there is nothing to look at. */
  one(shard: number, id: bigint): Promise<WatchedCluster | undefined>;
  /** Clusters that ended in the last so many days: their machines may still turn up. */
  ended(shards: readonly number[], days: number): Promise<{ shard: number; id: bigint }[]>;
  /** What clusters pinned as their provider; never changes. */
  providers(clusters: readonly { readonly shard: number; readonly id: bigint }[]): Promise<PinnedProvider[]>;
  /** Nodes that should have a machine that runs, token left out, by cluster. */
  nodes(clusters: readonly WatchedCluster[]): Promise<Map<WatchedCluster, Omit<ExpectedNode, "token">[]>>;
  known(clusters: readonly WatchedCluster[]): Promise<Map<WatchedCluster, Known>>;
  /** Events that are about no single cluster. */
  tell(fence: Fence, events: readonly ObservedEvent[]): Promise<void>;
  /** Removes what is left of clusters that are gone, and old events. */
  prune(): Promise<void>;
  /**
   * Stores looks at clusters of one shard and their events. A look that a job has overtaken is left out.
   *
   * @returns ids of the clusters whose observation has changed
   */
  save(fence: Fence, looks: readonly Look[]): Promise<bigint[]>;
}

interface ClusterRow {
  readonly shard: number;
  readonly id: bigint;
  readonly job: number;
  readonly job_seq: bigint;
  readonly uid: string;
  readonly tenant: string;
  readonly display_name: string;
}

interface KnownRow {
  readonly place: bigint;
  readonly job: number;
  readonly job_seq: bigint;
  readonly is_known: boolean;
  readonly message: string;
  readonly number: number | null;
  readonly present: number | null;
  readonly observed: Finding | null;
}

const WATCHED = `SELECT c.shard, c.id, c.last_job AS job, j.seq AS job_seq, c.uid, c.tenant, c.display_name FROM cluster c
  JOIN job j ON j.shard = c.shard AND j.cluster_id = c.id AND j.number = c.last_job`;
const IS_WATCHED = "c.state NOT IN ('PENDING', 'TERMINATED')";
/** Clusters given as parameters $1 and $2, with their place from 1. */
const GIVEN = "unnest($1::int4[], $2::int8[]) WITH ORDINALITY AS g (shard, id, place)";

const clusterOf = (row: ClusterRow): WatchedCluster => ({
  shard: row.shard,
  id: row.id,
  job: row.job,
  jobSeq: row.job_seq,
  uid: row.uid,
  tenant: row.tenant,
  displayName: row.display_name,
});

const keys = (clusters: readonly { readonly shard: number; readonly id: bigint }[]): [number[], bigint[]] => [
  clusters.map(({ shard }) => shard),
  clusters.map(({ id }) => id),
];

/** @param now milliseconds since 1970 */
export function createObservationStore(transactor: Transactor, db: Rows, now: () => number): ObservationStore {
  return {
    async watched(shards, due) {
      const rows = await db.rows<ClusterRow>(
        due
          ? `${WATCHED} ${CURRENT_OBSERVATION} WHERE ${IS_WATCHED} AND c.shard = ANY($1) AND o.job IS NULL`
          : `${WATCHED} WHERE ${IS_WATCHED} AND c.shard = ANY($1)`,
        [shards],
      );
      return rows.map(clusterOf);
    },

    async one(shard, id) {
      const [row] = await db.rows<ClusterRow>(`${WATCHED} WHERE ${IS_WATCHED} AND c.shard = $1 AND c.id = $2`, [
        shard,
        id,
      ]);
      return row === undefined ? undefined : clusterOf(row);
    },

    ended: (shards, days) =>
      db.rows(
        `SELECT c.shard, c.id FROM cluster c JOIN job j ON j.shard = c.shard AND j.cluster_id = c.id AND j.number = c.last_job
         WHERE c.state = 'TERMINATED' AND c.shard = ANY($1) AND j.ended_at > $2`,
        [shards, new Date(now() - days * 86_400_000)],
      ),

    async providers(clusters) {
      const rows = await db.rows<{ provider: { name: string; body: Bodies["Provider"] } }>(
        `SELECT c.spec -> 'provider' AS provider FROM ${GIVEN} JOIN cluster c ON c.shard = g.shard AND c.id = g.id ORDER BY g.place`,
        keys(clusters),
      );
      return rows.map(({ provider: { name, body } }) => ({
        name,
        type: body.type,
        provisioner: body.provisioner ?? "",
        fields: body.fields ?? {},
      }));
    },

    async nodes(clusters) {
      const rows = await db.rows<{ place: bigint; number: number; incarnation: number; machine: string }>(
        `SELECT g.place, n.number, n.incarnation, n.machine FROM ${GIVEN} JOIN node n ON n.shard = g.shard AND n.cluster_id = g.id
         WHERE n.state IN ('UP', 'FAILED') ORDER BY g.place, n.number`,
        keys(clusters),
      );
      const found = new Map(clusters.map((cluster) => [cluster, [] as Omit<ExpectedNode, "token">[]]));
      for (const { place, number, incarnation, machine } of rows)
        found.get(clusters[Number(place) - 1]!)!.push({ number, incarnation, machine });
      return found;
    },

    async known(clusters) {
      const rows = await db.rows<KnownRow>(
        `SELECT g.place, o.job, o.job_seq, o.is_known, o.message, x.number, n.number AS present, x.observed FROM ${GIVEN}
         JOIN cluster_observation o ON o.shard = g.shard AND o.cluster_id = g.id
         LEFT JOIN node_observation x ON x.shard = g.shard AND x.cluster_id = g.id
         LEFT JOIN node n ON n.shard = g.shard AND n.cluster_id = g.id AND n.number = x.number
           AND n.incarnation = x.incarnation AND n.state IN ('UP', 'FAILED')`,
        keys(clusters),
      );
      const found = new Map<WatchedCluster, Known & { findings: Map<number, Finding>; hasStale: boolean }>();
      for (const row of rows) {
        const cluster = clusters[Number(row.place) - 1]!;
        let known = found.get(cluster);
        if (known === undefined) {
          const { job, job_seq: jobSeq, is_known: isKnown, message } = row;
          found.set(cluster, (known = { job, jobSeq, isKnown, message, findings: new Map(), hasStale: false }));
        }
        if (row.present !== null) known.findings.set(row.present, row.observed!);
        else if (row.number !== null) known.hasStale = true;
      }
      return found;
    },

    tell: (fence, events) =>
      transactor.inShard("observed events", fence, (tx) => addObservedEvents(tx, fence.shard, new Date(now()), events)),

    prune: () =>
      transactor.run("prune observations", async (tx) => {
        for (const table of ["node_observation", "cluster_observation"])
          await tx.query(
            `DELETE FROM ${table} x USING cluster c WHERE c.shard = x.shard AND c.id = x.cluster_id AND c.state = 'TERMINATED'`,
          );
        await pruneObservedEvents(tx, new Date(now()));
      }),

    save(fence, looks) {
      const at = new Date(now());
      return transactor.inShard("observe", fence, async (tx) => {
        const count = (look: Look, observed: Finding): number =>
          (look.bad ?? []).filter((node) => node.observed === observed).length;
        // What a job has overtaken says nothing any more: every record about it has another seq. `since` stays as long as the provider answers, or does not.
        const taken = await tx.rows<{ id: bigint }>(
          `INSERT INTO cluster_observation (shard, cluster_id, tenant, job, job_seq, is_known, since, message, down, missing, version)
           SELECT c.shard, c.id, c.tenant, g.job, g.job_seq, g.is_known, $9, g.message, g.down, g.missing, 1
           FROM unnest($2::int8[], $3::int4[], $4::int8[], $5::bool[], $6::text[], $7::int4[], $8::int4[])
             AS g (id, job, job_seq, is_known, message, down, missing)
           JOIN cluster c ON c.shard = $1 AND c.id = g.id
           JOIN job j ON j.shard = c.shard AND j.cluster_id = c.id AND j.number = c.last_job AND j.seq = g.job_seq
           ON CONFLICT (shard, cluster_id) DO UPDATE SET job = excluded.job, job_seq = excluded.job_seq, message = excluded.message,
             down = excluded.down, missing = excluded.missing, is_known = excluded.is_known, version = cluster_observation.version + 1,
             since = CASE WHEN cluster_observation.is_known = excluded.is_known THEN cluster_observation.since ELSE excluded.since END
           RETURNING cluster_id AS id`,
          [
            fence.shard,
            looks.map(({ cluster }) => cluster.id),
            looks.map(({ cluster }) => cluster.job),
            looks.map(({ cluster }) => cluster.jobSeq),
            looks.map(({ bad }) => bad !== undefined),
            looks.map(({ message }) => message),
            looks.map((look) => count(look, "DOWN")),
            looks.map((look) => count(look, "MISSING")),
            at,
          ],
        );
        const ids = new Set(taken.map(({ id }) => id));
        const counted = looks.filter(({ cluster }) => ids.has(cluster.id));
        const answered = counted.filter(({ bad }) => bad !== undefined);
        const rows = answered.flatMap(({ cluster, bad }) => bad!.map((node) => ({ cluster, ...node })));
        await tx.query(
          `DELETE FROM node_observation WHERE shard = $1 AND cluster_id = ANY($2)
             AND (cluster_id, number) NOT IN (SELECT * FROM unnest($3::int8[], $4::int4[]))`,
          [
            fence.shard,
            answered.map(({ cluster }) => cluster.id),
            rows.map(({ cluster }) => cluster.id),
            rows.map(({ number }) => number),
          ],
        );
        for (let start = 0; start < rows.length; start += 5000) {
          const part = rows.slice(start, start + 5000);
          await tx.query(
            `INSERT INTO node_observation (shard, cluster_id, number, tenant, incarnation, observed, since, message)
             SELECT $1, g.id, g.number, g.tenant, g.incarnation, g.observed, $2, g.message
             FROM unnest($3::int8[], $4::int4[], $5::text[], $6::int4[], $7::text[], $8::text[])
               AS g (id, number, tenant, incarnation, observed, message)
             ON CONFLICT (shard, cluster_id, number) DO UPDATE SET incarnation = excluded.incarnation, observed = excluded.observed,
               message = excluded.message, since = CASE WHEN node_observation.observed = excluded.observed
                 AND node_observation.incarnation = excluded.incarnation THEN node_observation.since ELSE excluded.since END`,
            [
              fence.shard,
              at,
              part.map(({ cluster }) => cluster.id),
              part.map(({ number }) => number),
              part.map(({ cluster }) => cluster.tenant),
              part.map(({ incarnation }) => incarnation),
              part.map(({ observed }) => observed),
              part.map(({ message }) => message),
            ],
          );
        }
        await addObservedEvents(
          tx,
          fence.shard,
          at,
          counted.flatMap(({ events }) => events),
        );
        return [...ids];
      });
    },
  };
}
