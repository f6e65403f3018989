/**
 * What a stream has to say and was not acknowledged: results, each with the end of what its attempt printed. Kept in
 * memory across reconnects, so that a result is only lost together with this process.
 */
import type { LogChunk, TaskResult } from "./codec.js";

/** Printed text of one attempt that is kept to be sent again after a reconnect, in characters. */
const KEPT_CHARACTERS = 1_000_000;

export interface Outbox {
  chunk(key: string, chunk: LogChunk): void;
  result(key: string, result: TaskResult, now: number): void;
  /** Whether there is a result under this lease. */
  has(key: string): boolean;
  /** Forgets an attempt: acknowledged, or lost. */
  drop(key: string): void;
  /** Everything, in order, for a stream that is new. */
  chunks(): LogChunk[];
  results(): TaskResult[];
  /** Results that were sent before `limit` and not acknowledged; they count as sent at `now` from here on. */
  overdue(limit: number, now: number): TaskResult[];
}

interface Entry {
  chunks: LogChunk[];
  characters: number;
  result: TaskResult | undefined;
  sentAt: number;
}

export function createOutbox(): Outbox {
  const entries = new Map<string, Entry>();
  function entry(key: string): Entry {
    let found = entries.get(key);
    if (found === undefined) entries.set(key, (found = { chunks: [], characters: 0, result: undefined, sentAt: 0 }));
    return found;
  }
  return {
    chunk(key, chunk) {
      const of = entry(key);
      of.chunks.push(chunk);
      of.characters += chunk.text.length;
      while (of.characters > KEPT_CHARACTERS && of.chunks.length > 1) of.characters -= of.chunks.shift()!.text.length;
    },
    result(key, result, now) {
      const of = entry(key);
      of.result = result;
      of.sentAt = now;
    },
    has: (key) => entries.get(key)?.result !== undefined,
    drop: (key) => void entries.delete(key),
    chunks: () => [...entries.values()].flatMap(({ chunks }) => chunks),
    results: () => [...entries.values()].flatMap(({ result }) => (result === undefined ? [] : [result])),
    overdue(limit, now) {
      const late = [...entries.values()].filter(({ result, sentAt }) => result !== undefined && sentAt < limit);
      for (const each of late) each.sentAt = now;
      return late.map(({ result }) => result!);
    },
  };
}
