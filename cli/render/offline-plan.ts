/** An offline plan for people. Pure. */
import { costSentence } from "../../services/server/cost/cost.js";
import type { OfflinePlan } from "../../services/server/plan/offline.js";
import type { Palette } from "./colour.js";
import { count } from "./words.js";

/** Groups of nodes, then what is done stage by stage, tasks alike together; with `wide` every node on a line too. */
export function offlinePlanLines(plan: OfflinePlan, wide: boolean, palette: Palette): string[] {
  const lines = plan.layout.map(
    (group) =>
      `${palette.green(`+ ${group.count} ×`)} ${group.hardwareType}/${group.imageType}  ${group.services.join(" ") || "no service"}`,
  );
  if (plan.addedServices !== undefined) lines.push(`Added because others need them: ${plan.addedServices.join(", ")}`);
  if (wide)
    lines.push(
      ...plan.nodes.map(
        (node) =>
          `  ${node.number}  ${node.hostname}  ${node.hardwareType}/${node.imageType}  ${node.services.join(" ")}`,
      ),
    );
  const width = String(plan.stages.length - 1).length;
  plan.stages.forEach((stage, i) => {
    const sums = new Map<string, number>();
    for (const { action, service } of stage) {
      const key = service === "" ? action : `${action} ${service}`;
      sums.set(key, (sums.get(key) ?? 0) + 1);
    }
    const actions = [...sums].map(([key, n]) => (n === 1 ? key : `${key} ×${n}`));
    lines.push(`${palette.dim(`stage ${String(i).padStart(width)}`)}  ${actions.join(", ")}`);
  });
  lines.push(`Plan: ${count(plan.nodes.length, "node")} to make, ${count(plan.tasks, "task")}.`);
  lines.push(`Cost: ${costSentence(plan.cost)}.`);
  return lines;
}
