/** How much output of scripts is stored, and its removal. */
import { deflateRawSync } from "node:zlib";
import { isEnded, type JobState } from "../jobs/states.js";
import type { JobOutput } from "../logs/retention.js";
import type { Transactor } from "./transaction.js";

export interface StoredOutput extends JobOutput {
  readonly shard: number;
  /** Of its last piece. */
  readonly position: bigint;
}

export interface LogRetentionStore {
  /** Of all jobs that have any. */
  outputs(): Promise<StoredOutput[]>;
  /** Puts a note in the place of what was there when it was looked at; done again, it does what is left. */
  remove(output: StoredOutput, note: string): Promise<void>;
}

/** The note's sequence number; the scripts' own begin with 0. */
const NOTE = -1;
/** Pieces removed by one statement. */
const BATCH = 1000;
/** Positions are milliseconds times this, as the writer of logs makes them. */
const PER_MS = 1024;

export function createLogRetentionStore(transactor: Transactor, shards: readonly number[]): LogRetentionStore {
  return {
    async outputs() {
      const rows = await transactor.statement<{
        shard: number;
        cluster_id: bigint;
        job: number;
        bytes: bigint;
        position: bigint;
        state: JobState;
      }>(
        "size of logs",
        `SELECT l.shard, l.cluster_id, l.job, l.bytes, l.position, j.state
         FROM (SELECT shard, cluster_id, job, sum(octet_length(text))::int8 AS bytes, max(position) AS position
               FROM task_log WHERE shard = ANY($1) AND sequence <> $2 GROUP BY shard, cluster_id, job) l
         JOIN job j ON j.shard = l.shard AND j.cluster_id = l.cluster_id AND j.number = l.job`,
        [shards, NOTE],
      );
      return rows.map(({ shard, cluster_id, job, bytes, position, state }) => ({
        shard,
        cluster: cluster_id,
        job,
        bytes: Number(bytes),
        position,
        lastAt: Number(position) / PER_MS,
        isOver: isEnded(state),
      }));
    },

    async remove({ shard, cluster, job, position }, note) {
      const key = [shard, cluster, job, NOTE];
      await transactor.statement(
        "note in a log",
        `INSERT INTO task_log (shard, cluster_id, job, task, attempt, stream, sequence, tenant, position, bytes, text)
         SELECT shard, cluster_id, job, task, attempt, 2, $4, tenant, position, $5, $6 FROM task_log l
         WHERE shard = $1 AND cluster_id = $2 AND job = $3 AND NOT EXISTS (SELECT 1 FROM task_log n
           WHERE n.shard = l.shard AND n.cluster_id = l.cluster_id AND n.job = l.job AND n.sequence = $4)
         ORDER BY position LIMIT 1 ON CONFLICT DO NOTHING`,
        [...key, Buffer.byteLength(note), deflateRawSync(note)],
      );
      for (let removed = BATCH; removed === BATCH;) {
        const rows = await transactor.statement(
          "remove logs",
          `DELETE FROM task_log l USING (SELECT task, attempt, stream, sequence FROM task_log
             WHERE shard = $1 AND cluster_id = $2 AND job = $3 AND sequence <> $4 AND position <= $5 ORDER BY position LIMIT $6) old
           WHERE l.shard = $1 AND l.cluster_id = $2 AND l.job = $3
             AND (l.task, l.attempt, l.stream, l.sequence) = (old.task, old.attempt, old.stream, old.sequence) RETURNING l.task`,
          [...key, position, BATCH],
        );
        removed = rows.length;
      }
    },
  };
}
