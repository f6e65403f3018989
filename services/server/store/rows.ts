/** Reading outside of a transaction. */
import type { Transactor, Tx } from "./transaction.js";

/** What read functions need: a transaction, or the pool. */
export type Rows = Pick<Tx, "rows">;

/** Reads by single statements, each of its own moment. */
export function createReader(transactor: Transactor): Rows {
  return { rows: (text, values, prepared) => transactor.statement("read", text, values, prepared) };
}

const LARGEST_INT4 = 2 ** 31 - 1;

/**
 * Numbers that a read asks for, as (after, up to): a range that an index finds, which it cannot with a condition that
 * may be absent. Statements with it are not kept prepared: planned without the numbers, a page would read and sort
 * everything up to the last one.
 */
export function range(filter: { readonly after?: number; readonly number?: number }): [number, number] {
  return filter.number === undefined ? [filter.after ?? -1, LARGEST_INT4] : [filter.number - 1, filter.number];
}
