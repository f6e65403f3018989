/** A plan for people: what happens to each kind of node, and what is done stage by stage. Pure. */
import { PlannedNode_Change, type ConfigChange, type Plan, type PlannedNode } from "../../gen/web/loom/v1/job_pb.js";
import { costSentence } from "../../services/server/cost/cost.js";
import type { Palette } from "./colour.js";
import { count, someOf } from "./words.js";

const SYMBOLS: Readonly<Record<number, readonly [string, "green" | "yellow" | "red", string]>> = {
  [PlannedNode_Change.CREATE]: ["+", "green", "to make"],
  [PlannedNode_Change.UPDATE]: ["~", "yellow", "to change"],
  [PlannedNode_Change.DELETE]: ["-", "red", "to remove"],
  [PlannedNode_Change.REPLACE]: ["-/+", "yellow", "to make again"],
};

/** Nodes alike in everything but their number. */
interface Group {
  readonly change: PlannedNode_Change;
  readonly text: string;
  readonly nodes: PlannedNode[];
}

function grouped(nodes: readonly PlannedNode[]): Group[] {
  const groups = new Map<string, Group>();
  for (const node of nodes) {
    const text = `${node.hardwareType}/${node.imageType}  ${node.services.length === 0 ? "no service" : node.services.join(" ")}`;
    const key = `${node.change} ${text}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { change: node.change, text, nodes: [node] });
    else group.nodes.push(node);
  }
  return [...groups.values()].sort((a, b) => a.change - b.change);
}

/** True where carrying the plan out changes something. */
export function hasChanges(plan: Plan): boolean {
  return plan.taskCount > 0 || plan.nodes.some((node) => node.change !== PlannedNode_Change.UNSPECIFIED);
}

/** `~ web.port: 80 -> 8080`; values are JSON, secrets masked by the server. */
function configLine({ path, before, after }: ConfigChange, palette: Palette): string {
  if (before === "") return `${palette.green("+")} ${path}: ${after}`;
  if (after === "") return `${palette.red("-")} ${path}: ${before}`;
  return `${palette.yellow("~")} ${path}: ${before} -> ${after}`;
}

/** The lines of a plan: `+` is made, `~` is changed, `-` is removed, `-/+` is removed and made again. */
export function planLines(plan: Plan, palette: Palette): string[] {
  const lines = plan.configChanges.map((change) => configLine(change, palette));
  for (const { change, text, nodes } of grouped(plan.nodes)) {
    const [symbol, colour] = SYMBOLS[change] ?? [" ", "yellow"];
    lines.push(
      `${palette[colour](`${symbol} ${nodes.length} ×`)} ${text}  ${palette.dim(someOf(nodes.map((node) => node.number)))}`,
    );
  }
  if (plan.addedServices.length > 0) lines.push(`Added because others need them: ${plan.addedServices.join(", ")}`);
  plan.stages.forEach((stage, i) => {
    const actions = stage.actions.map(
      (action) =>
        `${action.action}${action.service === "" ? "" : ` ${action.service}`}${action.count === 1 ? "" : ` ×${action.count}`}`,
    );
    lines.push(
      `${palette.dim(`stage ${String(i).padStart(String(plan.stages.length - 1).length)}`)}  ${actions.join(", ")}`,
    );
  });
  const sums = [
    PlannedNode_Change.CREATE,
    PlannedNode_Change.UPDATE,
    PlannedNode_Change.REPLACE,
    PlannedNode_Change.DELETE,
  ].flatMap((change) => {
    const n = plan.nodes.filter((node) => node.change === change).length;
    return n === 0 ? [] : [`${count(n, "node")} ${SYMBOLS[change]![2]}`];
  });
  lines.push(`Plan: ${[...sums, count(plan.taskCount, "task")].join(", ")}.`);
  for (const [text, cost] of [
    ["Cost", plan.costAdded],
    ["Saves", plan.costRemoved],
  ] as const) {
    const words = cost === undefined ? "" : costSentence(cost);
    if (words !== "") lines.push(`${text}: ${words}.`);
  }
  return lines;
}
