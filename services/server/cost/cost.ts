/** What nodes cost, from the prices of their hardware types. Pure. */
import type { HardwareType, Price } from "../catalog/types.js";
import { ZERO, add, formatDecimal, parseDecimal, times, type Decimal } from "./decimal.js";

/** Prices of one machine, by hardware type; what is missing is not known. */
export type Prices = Readonly<Record<string, Price>>;

/** What nodes cost. */
export interface Cost {
  /** Of the nodes whose price is known, one for each currency, in order of the currency. Exact decimals. */
  readonly amounts: readonly { readonly currency: string; readonly perHour: string; readonly perMonth: string }[];
  /** Nodes without a price. */
  readonly unknownNodes: number;
  /** Their hardware types, in name order. */
  readonly unknownHardwareTypes: readonly string[];
}

/** Hours of the 30 days that count as a month. */
const HOURS_OF_MONTH = 720;

/** What machines of these hardware types cost at one provider: the price of the provider's mapping, else the type's own. */
export function pricesAt(provider: string, hardwareTypes: Iterable<readonly [string, HardwareType]>): Prices {
  const prices: [string, Price][] = [];
  for (const [name, body] of hardwareTypes) {
    const price = ownOf(body.providers, provider)?.price ?? body.price;
    if (price !== undefined && parseDecimal(price.perHour) !== undefined) prices.push([name, price]);
  }
  return Object.fromEntries(prices);
}

/** The sum over groups of nodes; a single node is a group of one. */
export function costOf(
  groups: Iterable<{ readonly hardwareType: string; readonly count: number }>,
  prices: Prices,
): Cost {
  const sums = new Map<string, Decimal>();
  const unknown = new Set<string>();
  let unknownNodes = 0;
  for (const { hardwareType, count } of groups) {
    if (count === 0) continue;
    const price = ownOf(prices, hardwareType);
    const perHour = price === undefined ? undefined : parseDecimal(price.perHour);
    if (price === undefined || perHour === undefined) {
      unknownNodes += count;
      unknown.add(hardwareType);
    } else sums.set(price.currency, add(sums.get(price.currency) ?? ZERO, times(perHour, count)));
  }
  return {
    amounts: [...sums]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([currency, sum]) => ({
        currency,
        perHour: formatDecimal(sum),
        perMonth: formatDecimal(times(sum, HOURS_OF_MONTH)),
      })),
    unknownNodes,
    unknownHardwareTypes: [...unknown].sort(),
  };
}

function ownOf<T>(map: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return map !== undefined && Object.hasOwn(map, key) ? map[key] : undefined;
}

/** `0.36 EUR/h + 2 nodes unknown`; `unknown` where no price is known; empty where there are no nodes. */
export function costInWords({ amounts, unknownNodes }: Cost): string {
  if (amounts.length === 0) return unknownNodes === 0 ? "" : "unknown";
  const parts = amounts.map(({ currency, perHour }) => `${perHour} ${currency}/h`);
  if (unknownNodes > 0) parts.push(`${unknownNodes} ${unknownNodes === 1 ? "node" : "nodes"} unknown`);
  return parts.join(" + ");
}

/**
 * A sentence: `0.36 EUR/h + 2 nodes unknown (259.20 EUR in 30 days), no price for large`. Empty where there are no nodes.
 */
export function costSentence(cost: Cost): string {
  const words = costInWords(cost);
  if (words === "") return "";
  const month =
    cost.amounts.length === 0
      ? ""
      : ` (${cost.amounts.map(({ perMonth, currency }) => `${perMonth} ${currency}`).join(" + ")} in 30 days)`;
  const missing =
    cost.unknownHardwareTypes.length === 0 ? "" : `, no price for ${cost.unknownHardwareTypes.join(", ")}`;
  return `${words}${month}${missing}`;
}
