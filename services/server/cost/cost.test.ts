import assert from "node:assert/strict";
import type { PlanView } from "../views.js";
import { costInWords, costOf, costSentence, pricesAt, type Prices } from "./cost.js";
import { withCost } from "./plan-cost.js";

const EUR = (perHour: string): { perHour: string; currency: string } => ({ perHour, currency: "EUR" });
const PRICES: Prices = { small: EUR("0.12"), large: { perHour: "1.005", currency: "USD" } };
const group = (hardwareType: string, count: number): { hardwareType: string; count: number } => ({
  hardwareType,
  count,
});

describe("costs", () => {
  it("come from the mapping of the provider, else from the type; what has no price is not there", () => {
    const types = [
      ["small", { price: EUR("0.12"), providers: { cloud: { flavor: "s", price: EUR("0.10") }, docker: {} } }],
      ["large", { providers: { cloud: { price: EUR("1") } } }],
      ["free", { price: EUR("0") }],
    ] as const;
    assert.deepEqual(pricesAt("cloud", types), { small: EUR("0.10"), large: EUR("1"), free: EUR("0") });
    assert.deepEqual(pricesAt("docker", types), { small: EUR("0.12"), free: EUR("0") });
    assert.deepEqual(pricesAt("constructor", types), { small: EUR("0.12"), free: EUR("0") });
  });

  it("are summed by currency, and what is unknown is said", () => {
    const cost = costOf([group("small", 3), group("odd", 2), group("large", 2), group("small", 0)], PRICES);
    assert.deepEqual(cost, {
      amounts: [
        { currency: "EUR", perHour: "0.36", perMonth: "259.20" },
        { currency: "USD", perHour: "2.01", perMonth: "1447.20" },
      ],
      unknownNodes: 2,
      unknownHardwareTypes: ["odd"],
    });
    assert.equal(costInWords(cost), "0.36 EUR/h + 2.01 USD/h + 2 nodes unknown");
    assert.equal(
      costSentence(cost),
      "0.36 EUR/h + 2.01 USD/h + 2 nodes unknown (259.20 EUR + 1447.20 USD in 30 days), no price for odd",
    );
  });

  it("are unknown where no price is, and nothing where no node is", () => {
    assert.equal(costInWords(costOf([group("odd", 1)], PRICES)), "unknown");
    assert.equal(costSentence(costOf([group("odd", 1), group("b", 4)], {})), "unknown, no price for b, odd");
    assert.equal(costSentence(costOf([], PRICES)), "");
    assert.equal(costInWords(costOf([group("constructor", 1)], PRICES)), "unknown");
    assert.equal(costInWords(costOf([group("small", 1), group("odd", 1)], PRICES)), "0.12 EUR/h + 1 node unknown");
    assert.equal(costInWords(costOf([group("free", 2)], { free: EUR("0") })), "0.00 EUR/h");
  });

  it("of a plan are those of the nodes it makes and of the nodes it removes", () => {
    const node = (change: PlanView["nodes"][number]["change"], hardwareType: string): PlanView["nodes"][number] => ({
      change,
      hardwareType,
      number: 1000,
      hostname: "h",
      imageType: "i",
      services: [],
    });
    const nodes = [node("CREATE", "small"), node("CREATE", "odd"), node("UPDATE", "small"), node("DELETE", "large")];
    const plan = { nodes, stages: [], taskCount: 0, addedServices: [], configChanges: [] } as PlanView;
    const { costAdded, costRemoved } = withCost(plan, PRICES);
    assert.equal(costInWords(costAdded!), "0.12 EUR/h + 1 node unknown");
    assert.equal(costInWords(costRemoved!), "1.005 USD/h");
  });
});
