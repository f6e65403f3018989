/** Reading outside of a transaction. */
import type { Transactor, Tx } from "./transaction.js";

/** What read functions need: a transaction, or the pool. */
export type Rows = Pick<Tx, "rows">;

/** Reads by single statements, each of its own moment. */
export function createReader(transactor: Transactor): Rows {
  return { rows: (text, values, prepared) => transactor.statement("read", text, values, prepared) };
}
