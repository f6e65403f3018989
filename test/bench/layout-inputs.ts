/** Seeded layout problems like those of large clusters. */
import type { LayoutProblem, Quantity } from "../../services/server/layout/types.js";
import { createRandom } from "./random.js";

export interface LayoutInput {
  readonly size: number;
  /** Share of all pairs of services that never share a node, 0 to 1. */
  readonly density: number;
  readonly services: number;
  readonly seed: number;
}

/**
 * Every service is constrained: a third of them to a fixed small number of nodes, a third between two random bounds
 * that grow with the size of the cluster, a third from below only. A quarter are bound to some hardware types.
 */
export function layoutInput({ size, density, services: count, seed }: LayoutInput): LayoutProblem {
  const random = createRandom(seed * 1_000_003 + Math.round(density * 100) * 101 + size);
  const services = Array.from({ length: count }, (_, index) => `service-${String(index).padStart(2, "0")}`);
  const hardwareTypes = ["large", "medium", "small"];
  const cantCoexist: string[][] = [];
  for (const [index, name] of services.entries()) {
    for (const other of services.slice(index + 1)) if (random.chance(density)) cantCoexist.push([name, other]);
  }
  const quantities: Record<string, Quantity> = {};
  const hardwareOf: Record<string, string[]> = {};
  for (const name of services) {
    const kind = random.whole(0, 2);
    const share = Math.max(1, Math.floor(size / 20));
    if (kind === 0) {
      const fixed = random.whole(1, Math.min(3, share));
      quantities[name] = { min: fixed, max: fixed };
    } else {
      const min = random.whole(1, share);
      quantities[name] = {
        min,
        max: kind === 1 ? min + random.whole(0, Math.max(1, Math.floor(size / 4))) : Number.POSITIVE_INFINITY,
      };
    }
    if (random.chance(0.25)) hardwareOf[name] = hardwareTypes.slice(0, random.whole(1, 2));
  }
  return {
    size,
    services,
    hardwareTypes,
    imageTypes: ["debian"],
    mustCoexist: [],
    cantCoexist,
    quantities,
    hardwareOf,
    imagesOf: {},
    variantsOf: {},
  };
}
