/** Whether what is left of a cluster can work. Pure. */
import type { Reason } from "../../../common/errors.js";
import { lostMacros, type Nodes } from "./lost-macros.js";
import { missingRequirements } from "./requirements.js";
import type { ChangingCluster } from "./types.js";

/** Why something cannot be taken away. */
export interface Why {
  readonly reason: Reason;
  /** A sentence without its end. */
  readonly text: string;
  /** Sentences; empty for none. */
  readonly advice: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Macros that a message names at most. */
const MOST_SHOWN = 3;

/** @returns MISSING_DEPENDENCIES, MACRO_ERROR; undefined where it can */
export function whyBroken(subject: ChangingCluster, nodes: Nodes): Why | undefined {
  const services = [...new Set(nodes.staying.flatMap((node) => node.services))].sort();
  const missing = missingRequirements(subject, services);
  if (missing.length > 0) {
    const advice = "Take away what requires it as well.";
    return { reason: "MISSING_DEPENDENCIES", text: missing.join("; "), advice, metadata: {} };
  }
  const lost = lostMacros(subject, nodes);
  if (lost.length === 0) return undefined;
  const shown = lost.slice(0, MOST_SHOWN);
  const more = lost.length - shown.length;
  const paths = [...new Set(shown.map(({ path }) => path).filter((path) => path !== ""))];
  const advice = [
    ...(paths.length === 0 ? [] : [`Give ${paths.join(", ")} another value first, with "loom configure".`]),
    ...(shown.every(({ path }) => path !== "")
      ? []
      : ["What the actions of a cluster say cannot be changed: keep the nodes that they name."]),
  ];
  return {
    reason: "MACRO_ERROR",
    text: `${shown.map(({ where, macro, why }) => `${where} says ${macro}, and then ${why}`).join("; ")}${more > 0 ? `; and ${more} more macros` : ""}`,
    advice: advice.join(" "),
    metadata: { macro: shown[0]!.macro, where: shown[0]!.where },
  };
}
