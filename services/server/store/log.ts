/**
 * Appending to the log of a shard and applying what was appended, in one transaction (docs/decisions/0005): the shard's
 * head is locked first, so what `build` reads and checks cannot change before the record that rests on it is written,
 * and the records of a shard stand in the order in which they took effect.
 */
import { createHash } from "node:crypto";
import { LoomError } from "../../common/errors.js";
import { encodeBody } from "../records/codec.js";
import { RECORD_FORMAT, type LogRecord, type RecordBody } from "../records/types.js";
import { apply } from "./apply/apply.js";
import type { Transactor, Tx } from "./transaction.js";

export interface AppendRequest {
  /** Of the transaction, in metrics and logs. */
  readonly name: string;
  readonly shard: number;
  /** The epoch this process believes to be the shard's. */
  readonly epoch: bigint;
  readonly tenant: string;
  /** Empty for Loom itself. */
  readonly actor: string;
  /** With it, the same request gives the first answer again. */
  readonly request?: { readonly id: string; readonly fingerprint: string };
  /** Do everything, then take it back: what validate_only answers with. */
  readonly dryRun?: boolean;
}

/** What `build` decides to write. */
export interface Draft<T> {
  readonly bodies: readonly RecordBody[];
  readonly clusterId?: bigint;
  readonly job?: number;
  /** The answer, as JSON, for requests whose answer cannot be read again later. */
  readonly keep?: unknown;
  /** Read in the transaction after the records were applied. */
  answer(tx: Tx): Promise<T>;
}

/** What an answered request was about. */
export interface Answered {
  readonly clusterId: bigint | undefined;
  readonly job: number | undefined;
  /** What `Draft.keep` held. */
  readonly kept: unknown;
}

export interface Log {
  /** True where a request with this id was answered before. */
  isAnswered(shard: number, requestId: string): Promise<boolean>;
  /**
   * @param build reads, checks and drafts records inside the transaction; may run several times
   * @param replay answers a request whose id was seen before
   * @throws FENCED, REQUEST_ID_REUSED, OUTCOME_UNKNOWN and whatever `build` throws; then nothing was written
   */
  append<T>(
    request: AppendRequest,
    build: (tx: Tx) => Promise<Draft<T>>,
    replay?: (tx: Tx, answered: Answered) => Promise<T>,
  ): Promise<T>;
}

interface Head {
  readonly epoch: bigint;
  readonly state: string;
  readonly next_seq: bigint;
  readonly last_hash: Buffer;
}

/** Carries the answer of a dry run out of its transaction, which is rolled back. */
class DryRunAnswer {
  constructor(readonly answer: unknown) {}
}

/** @param now the time written into records */
export function createLog(transactor: Transactor, now: () => Date): Log {
  async function within<T>(
    tx: Tx,
    request: AppendRequest,
    build: (tx: Tx) => Promise<Draft<T>>,
    replay?: (tx: Tx, answered: Answered) => Promise<T>,
  ): Promise<T> {
    const { shard, epoch, tenant, actor } = request;
    const [head] = await tx.rows<Head>(
      "SELECT epoch, state, next_seq, last_hash FROM shard_head WHERE shard = $1 FOR UPDATE",
      [shard],
      "head",
    );
    if (head === undefined || head.epoch !== epoch || head.state !== "ACTIVE") {
      throw new LoomError(
        "FENCED",
        "Another Loom has taken over this part of the data. Send the request again; it will reach the new owner.",
        { metadata: { shard: String(shard) } },
      );
    }
    if (request.request !== undefined) {
      const [guard] = await tx.rows<{
        fingerprint: string;
        tenant: string;
        cluster_id: bigint | null;
        job: number | null;
        answer: unknown;
      }>(
        "SELECT fingerprint, tenant, cluster_id, job, answer FROM op_guard WHERE shard = $1 AND request_id = $2",
        [shard, request.request.id],
        "guard",
      );
      if (guard !== undefined) {
        if (guard.fingerprint !== request.request.fingerprint || guard.tenant !== tenant || replay === undefined) {
          throw new LoomError(
            "REQUEST_ID_REUSED",
            `The request id ${request.request.id} was used for another request. Send a new UUID with each new request.`,
            { metadata: { request_id: request.request.id } },
          );
        }
        return replay(tx, {
          clusterId: guard.cluster_id ?? undefined,
          job: guard.job ?? undefined,
          kept: guard.answer ?? undefined,
        });
      }
    }
    const draft = await build(tx);
    const at = now();
    let seq = head.next_seq;
    let hash = head.last_hash;
    for (const body of draft.bodies) {
      const payload = encodeBody(body);
      const previous = hash;
      hash = createHash("sha256").update(previous).update(payload).digest();
      const job = "job" in body ? body.job : null;
      await tx.query(
        `INSERT INTO log_record (shard, seq, epoch, format, kind, tenant, cluster_id, job, actor, request_id, at, payload, prev_hash, hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
        [
          shard,
          seq,
          epoch,
          RECORD_FORMAT,
          body.kind,
          tenant,
          draft.clusterId ?? null,
          job,
          actor,
          request.request?.id ?? null,
          at,
          payload,
          previous,
          hash,
        ],
        "append",
      );
      const record: LogRecord = { shard, epoch, seq, tenant, clusterId: draft.clusterId, actor, at, body };
      await apply(tx, record);
      seq += 1n;
    }
    await tx.query(
      "UPDATE shard_head SET next_seq = $2, last_hash = $3 WHERE shard = $1",
      [shard, seq, hash],
      "advance_head",
    );
    if (request.request !== undefined) {
      await tx.query(
        "INSERT INTO op_guard (shard, request_id, tenant, fingerprint, seq, cluster_id, job, answer, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        [
          shard,
          request.request.id,
          tenant,
          request.request.fingerprint,
          seq - 1n,
          draft.clusterId ?? null,
          draft.job ?? null,
          draft.keep === undefined ? null : JSON.stringify(draft.keep),
          at,
        ],
        "answered",
      );
    }
    return draft.answer(tx);
  }

  return {
    async isAnswered(shard, requestId) {
      return (
        (
          await transactor.statement(
            "guard",
            "SELECT 1 FROM op_guard WHERE shard = $1 AND request_id = $2",
            [shard, requestId],
            "is_answered",
          )
        ).length > 0
      );
    },

    async append(request, build, replay) {
      try {
        return await transactor.run(request.name, async (tx) => {
          const answer = await within(tx, request, build, replay);
          if (request.dryRun === true) throw new DryRunAnswer(answer);
          return answer;
        });
      } catch (thrown) {
        if (thrown instanceof DryRunAnswer) return thrown.answer as never;
        throw thrown;
      }
    },
  };
}
