/**
 * Puts more services on nodes that are there: for the whole cluster with its present nodes fixed. Each goes on as many
 * nodes as it may; where services keep one another off, as many services as possible go together. Services without
 * which the cluster may be (`min: 0`) come where they leave a place to all others. Pure.
 */
import { Budget, OutOfSteps } from "./budget.js";
import { search } from "./search.js";
import { quantityOf, spreadModel, type Unit } from "./spread-model.js";
import type { LayoutProblem, NodeGroup } from "./types.js";

/** Steps after which the search is given up: under a second. */
const MOST_STEPS = 1_000_000;

/** What is asked: see `spreadServices`. */
export interface SpreadRequest {
  readonly problem: LayoutProblem;
  readonly present: readonly NodeGroup[];
  readonly added: readonly string[];
}

export type SpreadResult =
  /** How many nodes of each present group get which services; services in code point order. */
  | {
      readonly outcome: "solved";
      readonly groups: readonly { readonly from: number; readonly count: number; readonly added: readonly string[] }[];
    }
  /** The service that nothing more could be found for. */
  | { readonly outcome: "unsolvable"; readonly service: string }
  | { readonly outcome: "tooHard"; readonly steps: number };

interface Part {
  /** Index of the group the nodes come from. */
  readonly from: number;
  readonly count: number;
  readonly added: readonly string[];
}

/**
 * @param problem the constraints of the cluster with all its services, those to add included
 * @param present the groups of nodes that are there, in preference order
 * @param added services to add; none of them is there
 */
export function spreadServices({ problem, present, added }: SpreadRequest): SpreadResult {
  const budget = new Budget(MOST_STEPS);
  const bounds = (service: string) => quantityOf(problem, service);
  const isNeeded = (service: string): boolean => bounds(service).min > 0;
  // Those with the narrowest bounds choose first.
  const order = [...added].sort(
    (a, b) =>
      Number(isNeeded(b)) - Number(isNeeded(a)) ||
      bounds(a).max - bounds(b).max ||
      bounds(b).min - bounds(a).min ||
      (a < b ? -1 : 1),
  );
  const solved = (parts: readonly Part[]): SpreadResult => ({
    outcome: "solved",
    groups: parts.map(({ from, count, added: more }) => ({ from, count, added: [...more].sort() })),
  });
  /** What nobody needs and can be nowhere does not keep others away that must be with it. */
  const isPossible = (service: string): boolean => {
    const [unit] = spreadModel({ ...problem, mustCoexist: [] }, present, [service], budget).free;
    return unit!.max > 0 && unit!.groups.length > 0;
  };
  try {
    const wanted = order.filter((service) => isNeeded(service) || isPossible(service));
    const all = place(problem, present, wanted, budget);
    if (all !== undefined) return solved(all);
    // A solution without the services that it leaves out is one for the others, so they can be tried one by one.
    let chosen: string[] = [];
    let found: readonly Part[] = [];
    for (const service of wanted) {
      const parts = place(problem, present, [...chosen, service], budget);
      if (parts === undefined && isNeeded(service)) return { outcome: "unsolvable", service };
      if (parts === undefined) continue;
      chosen = [...chosen, service];
      found = parts;
    }
    return solved(chosen.length === 0 ? present.map(({ count }, from) => ({ from, count, added: [] })) : found);
  } catch (thrown) {
    if (thrown instanceof OutOfSteps) return { outcome: "tooHard", steps: budget.steps };
    throw thrown;
  }
}

/** All of these services on the nodes; undefined where there is no place for all. @throws OutOfSteps */
function place(
  problem: LayoutProblem,
  present: readonly NodeGroup[],
  services: readonly string[],
  budget: Budget,
): readonly Part[] | undefined {
  const { free, model, kinds, isHopeless } = spreadModel(problem, present, services, budget);
  if (isHopeless) return undefined;
  const isSorted = new Set(kinds.flat());
  let parts: readonly Part[] = present.flatMap(({ count }, from) =>
    model !== undefined && isSorted.has(from) ? [] : [{ from, count, added: [] }],
  );
  if (model !== undefined) {
    const found = search(model, budget);
    if (found === undefined) return undefined;
    parts = [
      ...parts,
      ...kinds.flatMap((groups, kind) =>
        share(
          groups.map((from) => ({ from, count: present[from]!.count })),
          found.filter(({ hardwareType }) => hardwareType === String(kind)),
        ),
      ),
    ];
  }
  for (const unit of free) parts = give(parts, unit, present);
  return [...parts].sort((a, b) => a.from - b.from || b.added.length - a.added.length);
}

/** Nodes of these groups, one after the other, get what these layouts say, which are for as many nodes. */
function share(
  groups: readonly { readonly from: number; readonly count: number }[],
  layouts: readonly Pick<NodeGroup, "count" | "services">[],
): Part[] {
  const parts: Part[] = [];
  let group = 0;
  let used = 0;
  for (const { count, services } of layouts) {
    for (let left = count; left > 0;) {
      const { from, count: size } = groups[group]!;
      const part = Math.min(left, size - used);
      parts.push({ from, count: part, added: services });
      left -= part;
      used += part;
      if (used < size) continue;
      group += 1;
      used = 0;
    }
  }
  return parts;
}

/** The unit goes on as many nodes as it may, those with most services first. */
function give(parts: readonly Part[], unit: Unit, present: readonly NodeGroup[]): Part[] {
  const load = ({ from, added }: Part): number => present[from]!.services.length + added.length;
  let left = unit.max;
  return [...parts]
    .sort((a, b) => load(b) - load(a) || a.from - b.from)
    .flatMap((part) => {
      const count = unit.groups.includes(part.from) ? Math.min(left, part.count) : 0;
      left -= count;
      const more = { ...part, count, added: [...part.added, ...unit.services] };
      const others = { ...part, count: part.count - count };
      return [more, others].filter((one) => one.count > 0);
    });
}
