/** Costs as messages. */
import type { Cost as WireCost } from "../../../../gen/services/loom/v1/cost.js";
import type { Cost } from "../../cost/cost.js";

/** Undefined stays so. */
export function costToWire(cost: Cost | undefined): WireCost | undefined {
  return cost === undefined
    ? undefined
    : {
        amounts: cost.amounts.map(({ currency, perHour, perMonth }) => ({ currency, perHour, perMonth })),
        unknownNodes: cost.unknownNodes,
        unknownHardwareTypes: [...cost.unknownHardwareTypes],
      };
}
