/**
 * The one transaction of Loom: named, retried where the database undid it, fenced by the epoch of its shard.
 *
 * What is safe to repeat is repeated: conflicts with other transactions, and connections lost before COMMIT was sent.
 * What is not known is said: a connection lost during COMMIT is OUTCOME_UNKNOWN, and the caller looks its request id
 * up. Nothing is guessed.
 */
import type pg from "pg";
import { LoomError } from "../../common/errors.js";
import type { Database } from "./database.js";
import { isConflict, isConnectionLost, isConnectionRefused, mapSqlError, outcomeUnknown } from "./sql-errors.js";

/** Statements inside a transaction. Errors of the database are thrown as they are; let them pass. */
export interface Tx {
  /** @param prepared name under which each connection keeps the statement prepared; for hot paths */
  query(text: string, values?: readonly unknown[], prepared?: string): Promise<{ readonly rowCount: number }>;
  /** int8 comes as bigint, timestamptz as Date, bytea as Buffer. */
  rows<T>(text: string, values?: readonly unknown[], prepared?: string): Promise<T[]>;
}

/** By what right a transaction writes: the epoch in which this process believes to own the shard. */
export interface Fence {
  readonly shard: number;
  readonly epoch: bigint;
}

export interface Transactor {
  /**
   * Runs `fn` in a transaction of its own, again where the database undid it.
   *
   * @param name for metrics and logs
   * @param fn may run several times, so it has no effect but by its Tx
   * @throws what `fn` throws, then nothing was changed; OUTCOME_UNKNOWN, DATABASE_UNAVAILABLE, DISK_FULL, TIMED_OUT
   */
  run<T>(name: string, fn: (tx: Tx) => Promise<T>): Promise<T>;
  /**
   * The same, fenced: the shard's epoch is read under a lock that a change of epoch waits for, so no write of an
   * older epoch commits after the change.
   *
   * @throws FENCED where the epoch is not the newest any more
   */
  inShard<T>(name: string, fence: Fence, fn: (tx: Tx) => Promise<T>): Promise<T>;
  /** One statement that is its own transaction; retried like `run`, but one that writes only where it was undone for sure. */
  statement<T>(name: string, text: string, values?: readonly unknown[], prepared?: string): Promise<T[]>;
}

/** Called around statements; for tests that let the process die at every one of them. */
export interface TransactionHooks {
  /** Before the n-th statement (from 1) of one try of a transaction, BEGIN and COMMIT included. A throw undoes it. */
  beforeStatement?(name: string, n: number): void | Promise<void>;
  /** After the change is durable, before the caller knows. */
  afterCommit?(name: string): void | Promise<void>;
}

export interface TransactorOptions {
  readonly hooks?: TransactionHooks;
  /** Told of every retry, with the number of the try that failed, from 1. */
  readonly onRetry?: (name: string, attempt: number, error: unknown) => void;
  /** 0 to 1. */
  readonly random?: () => number;
  readonly sleep?: (ms: number) => Promise<void>;
}

/** Tries of one transaction. */
export const MAX_ATTEMPTS = 10;
/** Longest wait before the second try, and before any, in milliseconds. The wait is a random part of it. */
const FIRST_BACKOFF = 50;
const LONGEST_BACKOFF = 1000;

/** Marks what was thrown by COMMIT, so that it is not repeated blindly. */
class CommitFailure {
  constructor(readonly cause: unknown) {}
}

export function createTransactor(database: Pick<Database, "pool">, options: TransactorOptions = {}): Transactor {
  const { hooks, onRetry, random = Math.random } = options;
  const sleep = options.sleep ?? ((ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms)));

  /** Repeats `attempt` while `again` says that it is safe. */
  async function retrying<T>(name: string, again: (thrown: unknown) => boolean, attempt: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await attempt();
      } catch (thrown) {
        if (thrown instanceof LoomError) throw thrown;
        if (thrown instanceof CommitFailure && !isConflict(thrown.cause)) throw commitError(thrown.cause);
        const cause = thrown instanceof CommitFailure ? thrown.cause : thrown;
        if (!again(cause)) throw isDatabaseError(cause) ? mapSqlError(cause) : cause;
        if (tries === MAX_ATTEMPTS) throw mapSqlError(cause);
        onRetry?.(name, tries, cause);
        await sleep(random() * Math.min(FIRST_BACKOFF * 2 ** (tries - 1), LONGEST_BACKOFF));
      }
    }
  }

  async function once<T>(name: string, fence: Fence | undefined, fn: (tx: Tx) => Promise<T>): Promise<T> {
    const connection = await checkOut(database.pool);
    let broken = true;
    try {
      let n = 0;
      const execute = async (text: string, values?: readonly unknown[], prepared?: string): Promise<pg.QueryResult> => {
        n += 1;
        if (hooks?.beforeStatement !== undefined) await hooks.beforeStatement(name, n);
        return connection.query(text, values, prepared);
      };
      const tx: Tx = {
        query: async (text, values, prepared) => ({ rowCount: (await execute(text, values, prepared)).rowCount ?? 0 }),
        rows: async <R>(text: string, values?: readonly unknown[], prepared?: string) =>
          (await execute(text, values, prepared)).rows as R[],
      };
      let answer: T;
      try {
        await execute("BEGIN");
        if (fence !== undefined) await checkFence(tx, fence);
        answer = await fn(tx);
      } catch (thrown) {
        await connection.query("ROLLBACK").then(
          () => (broken = false),
          () => undefined,
        );
        throw thrown;
      }
      await commit(execute);
      broken = false;
      if (hooks?.afterCommit !== undefined) await hooks.afterCommit(name);
      return answer;
    } finally {
      connection.release(broken);
    }
  }

  return {
    run: (name, fn) => retrying(name, isRepeatable, () => once(name, undefined, fn)),
    inShard: (name, fence, fn) => retrying(name, isRepeatable, () => once(name, fence, fn)),
    statement: <T>(name: string, text: string, values?: readonly unknown[], prepared?: string) => {
      const reads = /^\s*SELECT\b/i.test(text);
      const again = (thrown: unknown): boolean =>
        reads ? isRepeatable(thrown) : isConflict(thrown) || isConnectionRefused(thrown);
      return retrying(name, again, async () => {
        const connection = await checkOut(database.pool);
        let broken = false;
        try {
          if (hooks?.beforeStatement !== undefined) await hooks.beforeStatement(name, 1);
          const result = await connection.query(text, values, prepared);
          if (hooks?.afterCommit !== undefined && !reads) await hooks.afterCommit(name);
          return result.rows as T[];
        } catch (thrown) {
          broken = isConnectionLost(thrown);
          throw broken && !reads ? outcomeUnknown(thrown) : thrown;
        } finally {
          connection.release(broken);
        }
      });
    },
  };
}

/** True where the transaction was surely undone and may run again. */
function isRepeatable(thrown: unknown): boolean {
  return isConflict(thrown) || isConnectionLost(thrown) || isConnectionRefused(thrown);
}

/** True for what the database or its driver throws, as against the caller's own errors. */
function isDatabaseError(thrown: unknown): boolean {
  return (
    thrown instanceof Error && (/^[0-9A-Z]{5}$/.test((thrown as { code?: string }).code ?? "") || isRepeatable(thrown))
  );
}

/** What a COMMIT that failed means: undone where the database said so itself, unknown otherwise. */
function commitError(thrown: unknown): unknown {
  if (!isDatabaseError(thrown)) return thrown;
  const { severity, code } = thrown as { severity?: string; code?: string };
  return severity === "ERROR" && code !== "40003" ? mapSqlError(thrown) : outcomeUnknown(thrown);
}

async function commit(execute: (text: string) => Promise<pg.QueryResult>): Promise<void> {
  let result: pg.QueryResult;
  try {
    result = await execute("COMMIT");
  } catch (thrown) {
    throw new CommitFailure(thrown);
  }
  // The database answers COMMIT with ROLLBACK where a statement had failed and its error was swallowed.
  if (result.command !== "COMMIT") {
    throw new LoomError("INTERNAL", "Loom met an error it does not know; its log holds the details.", {
      cause: new Error("a failed statement was ignored inside a transaction"),
    });
  }
}

async function checkFence(tx: Tx, fence: Fence): Promise<void> {
  // FOR KEY SHARE would not do: a change of epoch does not wait for it.
  const [row] = await tx.rows<{ epoch: bigint }>(
    "SELECT epoch FROM shard_fence WHERE shard = $1 FOR SHARE",
    [fence.shard],
    "fence",
  );
  if (row?.epoch !== fence.epoch) {
    throw new LoomError(
      "FENCED",
      "Another Loom has taken over this part of the data. Send the request again; it will reach the new owner.",
      { metadata: { shard: String(fence.shard) } },
    );
  }
}

interface CheckedOut {
  query(text: string, values?: readonly unknown[], prepared?: string): Promise<pg.QueryResult>;
  /** @param broken the connection is thrown away */
  release(broken: boolean): void;
}

/** Takes a connection out of the pool. One that breaks while it is out and nothing runs on it must not end the process. */
async function checkOut(pool: pg.Pool): Promise<CheckedOut> {
  const client = await pool.connect();
  let lost: Error | undefined;
  const onError = (error: Error): void => {
    lost ??= error;
  };
  client.on("error", onError);
  return {
    query: async (text, values, prepared) => {
      // What the database said when it ended the session, for example that it was idle for too long.
      if (lost !== undefined) throw lost;
      return client.query({ text, values: values as unknown[], ...(prepared === undefined ? {} : { name: prepared }) });
    },
    release: (broken) => {
      client.off("error", onError);
      client.release(broken || lost !== undefined);
    },
  };
}
