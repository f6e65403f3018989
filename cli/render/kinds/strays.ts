/** Columns of machines that nobody owns. */
import { StraySchema, type Stray } from "../../../gen/web/loom/v1/stray_pb.js";
import type { RecordKind } from "../output.js";
import { moment } from "../table.js";
import { millis } from "../words.js";

export const STRAYS: RecordKind<Stray> = {
  schema: StraySchema,
  plural: "strays",
  nameOf: (stray) => stray.name,
  empty: "No strays: every machine belongs to a cluster.",
  columns: [
    { name: "machine", value: (stray) => stray.machine, flexible: true },
    { name: "provider", value: (stray) => stray.provider },
    { name: "cluster", value: (stray) => stray.cluster.replace(/^clusters\//, "") },
    { name: "node", value: (stray) => String(stray.node), right: true },
    { name: "incarnation", value: (stray) => String(stray.incarnation), wide: true, right: true },
    { name: "seen", value: (stray, context) => moment(millis(stray.firstSeenTime), context) },
    { name: "removed", value: (stray, context) => moment(millis(stray.removeTime), context) },
    { name: "message", value: (stray) => stray.message, flexible: true },
  ],
};
