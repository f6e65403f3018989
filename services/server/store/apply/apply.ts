/**
 * From a record to the tables people read. This folder is the only code that writes them, and it decides nothing: the
 * same records give the same tables on every machine.
 */
import type { LogRecord } from "../../records/types.js";
import type { Tx } from "../transaction.js";
import { applyAccepted, applyNodeChanged, applyPlanned } from "./operation.js";
import { applyCompleted, applyControl } from "./job.js";
import { applyLeaseChanged, applyLeaseWarned } from "./lease.js";
import { applyMeta } from "./meta.js";

/** Applies one record inside the transaction that appended it. */
export async function apply(tx: Tx, record: LogRecord): Promise<void> {
  const { body } = record;
  switch (body.kind) {
    case "EpochStart":
    case "SessionOpened":
      return;
    case "IdBlock":
      await tx.query("UPDATE shard_id SET upto = $2 WHERE shard = $1", [record.shard, body.upto]);
      return;
    case "OpAccepted":
      return applyAccepted(tx, record, body);
    case "OpPlanned":
      return applyPlanned(tx, record, body);
    case "JobControl":
      return applyControl(tx, record, body);
    case "NodeChanged":
      return applyNodeChanged(tx, record, body);
    case "OpCompleted":
      return applyCompleted(tx, record, body);
    case "LeaseChanged":
      return applyLeaseChanged(tx, record, body);
    case "LeaseWarned":
      return applyLeaseWarned(tx, record);
    case "MetaChanged":
      return applyMeta(tx, record, body);
  }
}
