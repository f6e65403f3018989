/** What a plan changes about the cost of a cluster. Pure. */
import type { PlanView } from "../views.js";
import { costOf, type Cost, type Prices } from "./cost.js";

/** The plan with what the nodes it makes cost, and those it removes. */
export function withCost(plan: PlanView, prices: Prices): PlanView {
  const cost = (change: PlanView["nodes"][number]["change"]): Cost =>
    costOf(
      plan.nodes.filter((node) => node.change === change).map(({ hardwareType }) => ({ hardwareType, count: 1 })),
      prices,
    );
  return { ...plan, costAdded: cost("CREATE"), costRemoved: cost("DELETE") };
}
