/**
 * Puts more services on nodes that are there: for the whole cluster with its present nodes fixed. One service after the
 * other, those with the narrowest bounds first; each goes on as many nodes as it may, those of the most preferred
 * layouts first, and every choice is taken back where a later service finds no place. Pure.
 */
import type { LayoutProblem, NodeGroup } from "./types.js";

/** Distributions that are tried before the search is given up. */
const BUDGET = 200_000;

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
  readonly services: ReadonlySet<string>;
  readonly added: readonly string[];
}

/**
 * @param problem the constraints of the cluster with all its services, those to add included
 * @param present the groups of nodes that are there, in preference order
 * @param added services to add; none of them is there
 */
export function spreadServices(
  problem: LayoutProblem,
  present: readonly NodeGroup[],
  added: readonly string[],
): SpreadResult {
  const bounds = (service: string): { min: number; max: number } =>
    Object.hasOwn(problem.quantities, service)
      ? problem.quantities[service]!
      : { min: 1, max: Number.POSITIVE_INFINITY };
  const order = [...added].sort(
    (a, b) => bounds(a).max - bounds(b).max || bounds(b).min - bounds(a).min || (a < b ? -1 : 1),
  );
  let steps = 0;
  let furthest = 0;

  /** May these services share a node of the group? Services that are to come later are not missed yet. */
  function fits(part: Part, service: string): boolean {
    const group = present[part.from]!;
    const allowed = (table: LayoutProblem["hardwareOf"], type: string): boolean =>
      !Object.hasOwn(table, service) || table[service]!.includes(type);
    if (
      !allowed(problem.hardwareOf, group.hardwareType) ||
      !allowed(problem.imagesOf, group.imageType) ||
      !allowed(problem.variantsOf, group.imageType)
    )
      return false;
    const services = new Set([...part.services, service]);
    return problem.cantCoexist.every((set) => !set.includes(service) || !set.every((other) => services.has(other)));
  }

  /** Sets that must be together are, on every node, as far as their services are on the cluster. */
  function isTogether(parts: readonly Part[], there: ReadonlySet<string>): boolean {
    return problem.mustCoexist.every((set) => {
      const members = set.filter((service) => there.has(service));
      return parts.every((part) => {
        const count = members.filter((service) => part.services.has(service)).length;
        return part.count === 0 || count === 0 || count === members.length;
      });
    });
  }

  function place(index: number, parts: readonly Part[]): readonly Part[] | undefined {
    const service = order[index];
    if (service === undefined) {
      const there = new Set(parts.flatMap((part) => [...part.services]));
      return isTogether(parts, there) ? parts : undefined;
    }
    furthest = Math.max(furthest, index);
    const open = parts.map((part, at) => ({ part, at })).filter(({ part }) => fits(part, service));
    open.sort((a, b) => b.part.services.size - a.part.services.size || a.at - b.at);
    const room = open.reduce((sum, { part }) => sum + part.count, 0);
    const { min, max } = bounds(service);
    for (let count = Math.min(max, room); count >= min; count -= 1) {
      for (const shares of distributions(
        count,
        open.map(({ part }) => part.count),
      )) {
        steps += 1;
        if (steps > BUDGET) throw new TooHard();
        const found = place(index + 1, split(parts, open, shares, service));
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }

  try {
    const start = present.map((group, from): Part => ({
      from,
      count: group.count,
      services: new Set(group.services),
      added: [],
    }));
    const found = place(0, start);
    if (found === undefined) return { outcome: "unsolvable", service: order[furthest]! };
    return {
      outcome: "solved",
      groups: found
        .filter((part) => part.count > 0)
        .map(({ from, count, added: more }) => ({ from, count, added: [...more].sort() })),
    };
  } catch (thrown) {
    if (thrown instanceof TooHard) return { outcome: "tooHard", steps };
    throw thrown;
  }
}

class TooHard extends Error {}

/** Of each open part, the first nodes get the service. */
function split(
  parts: readonly Part[],
  open: readonly { readonly part: Part; readonly at: number }[],
  shares: readonly number[],
  service: string,
): Part[] {
  const shareAt = new Map(open.map(({ at }, index) => [at, shares[index]!]));
  return parts.flatMap((part, at) => {
    const share = shareAt.get(at) ?? 0;
    const more = {
      ...part,
      count: share,
      services: new Set([...part.services, service]),
      added: [...part.added, service],
    };
    return share === 0 ? [part] : share === part.count ? [more] : [more, { ...part, count: part.count - share }];
  });
}

/** Every way to share a number out under these limits, the lexicographically greatest first. */
function* distributions(count: number, limits: readonly number[]): Generator<number[]> {
  const [first, ...rest] = limits;
  if (first === undefined) {
    if (count === 0) yield [];
    return;
  }
  const room = rest.reduce((sum, limit) => sum + limit, 0);
  for (let share = Math.min(first, count); share >= Math.max(0, count - room); share -= 1)
    for (const others of distributions(count - share, rest)) yield [share, ...others];
}
