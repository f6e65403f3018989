/** What is done on one node, in the order in which it is done there. Pure. */
import type { ServiceAction } from "../catalog/types.js";
import type { ActionName, MachineChange, PlanNode, PlanRequest, PlanService } from "./types.js";

/** Parts of a plan, in their order. */
export const PARTS = ["make", "stop", "renew", "end"] as const;
export type Part = (typeof PARTS)[number];

export interface PlannedTask {
  readonly part: Part;
  readonly action: ActionName;
  /** Empty for the machine. */
  readonly service: string;
}

const MACHINE_COMES: Readonly<Record<MachineChange, readonly ActionName[]>> = {
  KEEP: [],
  MAKE: ["CREATE", "CONFIRM", "BOOTSTRAP"],
  REPLACE: ["CREATE", "CONFIRM", "BOOTSTRAP"],
  START: ["CONFIRM", "BOOTSTRAP"],
  REMOVE: [],
};
const COMES: readonly ServiceAction[] = ["install", "configure", "initialize", "start"];
/** What is done to a service that names others which have changed. */
const RENEWED: readonly ServiceAction[] = ["configure", "stop", "start"];

/** The tasks of a node, each pair of action and service once. */
export function tasksOf(
  node: PlanNode,
  request: PlanRequest,
  services: ReadonlyMap<string, PlanService>,
): PlannedTask[] {
  const { change } = node;
  const tasks: PlannedTask[] = [];
  const machine = (part: Part, action: ActionName): unknown => tasks.push({ part, action, service: "" });
  /** The actions that the service has, of these. */
  const act = (part: Part, service: string, actions: readonly ServiceAction[]): void => {
    const has = services.get(service)!.actions;
    for (const action of actions)
      if (has.includes(action)) tasks.push({ part, action: action.toUpperCase() as ActionName, service });
  };
  const changed = new Set(request.changed ?? []);
  const isRenewed = (service: string): boolean =>
    changed.has("*") ||
    services.get(service)!.sees.some((seen) => changed.has(seen) || (seen === "*" && changed.size > 0));
  const added = [...node.added].sort();
  const removed = [...node.removed].sort();
  const isStaying = (service: string): boolean =>
    change !== "REMOVE" && !node.added.includes(service) && node.idle?.includes(service) !== true;
  const staying = node.services.filter(isStaying).sort();
  const acted = change === "KEEP" ? staying.filter((service) => request.act?.services.includes(service) === true) : [];

  for (const action of MACHINE_COMES[change]) machine("make", action);
  if (change === "KEEP" && (added.length > 0 || (acted.length > 0 && request.act!.bootstrap)))
    machine("make", "BOOTSTRAP");
  for (const service of added) act("make", service, COMES);
  /** What stays stopped is told, and not started. */
  const actOn = (part: Part, service: string, actions: readonly ServiceAction[]): void =>
    act(
      part,
      service,
      node.stopped?.includes(service) === true ? actions.filter((action) => action === "configure") : actions,
    );
  for (const service of acted) actOn("make", service, request.act!.actions);
  if (change === "START") for (const service of staying) if (!isRenewed(service)) actOn("make", service, ["start"]);
  if (change === "KEEP" || change === "START")
    for (const service of staying) if (!acted.includes(service) && isRenewed(service)) actOn("renew", service, RENEWED);
  // A machine that is made again takes over before the old one stops.
  for (const service of removed) {
    act(change === "REPLACE" ? "end" : "stop", service, ["stop"]);
    act("end", service, ["remove"]);
  }
  if (change === "REMOVE" || change === "REPLACE") machine("end", "DELETE");
  return tasks;
}
