/** What scripts print: stored in deflated chunks as it comes, read back in order of arrival. */
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { LoomError } from "../../common/errors.js";
import type { ActionName } from "../plan/types.js";
import type { LogView } from "../views.js";
import type { LogChunk } from "../workers/types.js";
import type { Rows } from "./rows.js";
import type { Transactor } from "./transaction.js";

export interface TaskLogWriter {
  /** Takes a chunk; it is stored with others within a moment. */
  write(chunk: LogChunk, tenant: string): void;
  /** Resolves when everything taken so far is stored or was given up. */
  flush(): Promise<void>;
}

/** Characters waiting for the database at most; beyond it the oldest chunks are dropped, since scripts must not wait for it. */
const MOST_WAITING = 64 * 1024 * 1024;
/** Chunks of one statement at most. */
const BATCH = 500;
/** Tries of one statement while the database is away, and the milliseconds between them. */
const MOST_TRIES = 10;
const AGAIN_MS = 1000;

interface Waiting {
  readonly chunk: LogChunk;
  readonly tenant: string;
  readonly position: number;
}

/**
 * @param now milliseconds since 1970, from which positions are made that grow over restarts
 * @param stored called after chunks of a job were stored
 * @param problem told of what could not be stored
 */
export function createTaskLogWriter(
  transactor: Transactor,
  now: () => number,
  stored: (cluster: bigint, job: number) => void,
  problem: (error: unknown) => void,
): TaskLogWriter {
  const waiting: Waiting[] = [];
  let characters = 0;
  let dropped = 0;
  let lastPosition = 0;
  /** Up to here everything is stored or given up. */
  let settled = 0;
  const flushes: { readonly upTo: number; resolve(): void }[] = [];
  let isWriting = false;

  /** What is stored already stays as it is, so a batch is stored again where nobody knows what became of it. */
  async function store(batch: readonly Waiting[]): Promise<void> {
    const texts = batch.map(({ chunk }) => Buffer.from(chunk.text));
    for (let tries = 1; ; tries += 1) {
      try {
        await transactor.statement(
          "task logs",
          `INSERT INTO task_log (shard, cluster_id, job, task, attempt, stream, sequence, tenant, position, bytes, text)
           SELECT * FROM unnest($1::int4[], $2::int8[], $3::int4[], $4::int4[], $5::int4[], $6::int4[], $7::int4[], $8::text[], $9::int8[], $10::int4[], $11::bytea[])
           ON CONFLICT DO NOTHING`,
          [
            batch.map((w) => w.chunk.lease.shard),
            batch.map((w) => w.chunk.lease.cluster),
            batch.map((w) => w.chunk.lease.job),
            batch.map((w) => w.chunk.lease.task),
            batch.map((w) => w.chunk.lease.attempt),
            batch.map((w) => (w.chunk.stderr ? 2 : 1)),
            batch.map((w) => w.chunk.sequence),
            batch.map((w) => w.tenant),
            batch.map((w) => w.position),
            texts.map((text) => text.length),
            texts.map((text) => deflateRawSync(text, { level: 3 })),
          ],
        );
        return;
      } catch (thrown) {
        const { reason } = LoomError.from(thrown);
        if (tries === MOST_TRIES || (reason !== "DATABASE_UNAVAILABLE" && reason !== "OUTCOME_UNKNOWN")) throw thrown;
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
  }

  async function writeAll(): Promise<void> {
    isWriting = true;
    while (waiting.length > 0) {
      const batch = waiting.splice(0, BATCH);
      for (const { chunk } of batch) characters -= chunk.text.length;
      await store(batch).catch(problem);
      if (dropped > 0)
        problem(new Error(`${dropped} pieces of output were dropped: scripts printed faster than the database stored`));
      dropped = 0;
      settled = batch.at(-1)!.position;
      while (flushes[0] !== undefined && flushes[0].upTo <= settled) flushes.shift()!.resolve();
      for (const job of new Set(batch.map((w) => `${w.chunk.lease.cluster}/${w.chunk.lease.job}`))) {
        const [cluster, number] = job.split("/");
        stored(BigInt(cluster!), Number(number));
      }
    }
    isWriting = false;
  }

  return {
    write(chunk, tenant) {
      lastPosition = Math.max(lastPosition + 1, now() * 1024);
      waiting.push({ chunk, tenant, position: lastPosition });
      characters += chunk.text.length;
      while (characters > MOST_WAITING && waiting.length > 1) {
        characters -= waiting.shift()!.chunk.text.length;
        dropped += 1;
      }
      if (!isWriting) void writeAll();
    },
    flush() {
      return lastPosition <= settled
        ? Promise.resolve()
        : new Promise((resolve) => flushes.push({ upTo: lastPosition, resolve }));
    },
  };
}

export interface LogFilter {
  readonly task: number | undefined;
  /** 0: all. */
  readonly attempt: number;
  /** 0: all. */
  readonly node: number;
  /** Chunks after this position. */
  readonly after: bigint;
  readonly limit: number;
}

/** Chunks in order of arrival, each with its position. */
export async function readTaskLogs(
  db: Rows,
  shard: number,
  cluster: bigint,
  clusterText: string,
  job: number,
  filter: LogFilter,
): Promise<{ position: bigint; view: LogView }[]> {
  const rows = await db.rows<{
    task: number;
    attempt: number;
    stream: number;
    position: bigint;
    text: Buffer;
    node: number;
    service: string;
    action: ActionName;
  }>(
    `SELECT l.task, l.attempt, l.stream, l.position, l.text, t.node, t.service, t.action
     FROM task_log l JOIN task t ON t.shard = l.shard AND t.cluster_id = l.cluster_id AND t.job = l.job AND t.number = l.task
     WHERE l.shard = $1 AND l.cluster_id = $2 AND l.job = $3 AND l.position > $4 AND ($5::int4 IS NULL OR l.task = $5)
       AND ($6::int4 = 0 OR l.attempt = $6) AND ($7::int4 = 0 OR t.node = $7)
     ORDER BY l.position LIMIT $8`,
    [shard, cluster, job, filter.after, filter.task ?? null, filter.attempt, filter.node, filter.limit],
  );
  return rows.map((row) => ({
    position: row.position,
    view: {
      cluster: clusterText,
      job,
      task: row.task,
      attempt: row.attempt,
      node: row.node,
      service: row.service,
      action: row.action,
      stream: row.stream === 2 ? "stderr" : "stdout",
      text: inflateRawSync(row.text).toString("utf8"),
    },
  }));
}
