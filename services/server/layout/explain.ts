/**
 * Why a layout problem has no solution: an irreducible set of its constraints, found by dividing them in halves
 * (QuickXplain, Junker 2004). More constraints never make a problem easier, which is all this needs. Pure.
 */
import type { Budget } from "./budget.js";
import { createCover } from "./cover.js";
import { hasSolution } from "./feasible.js";
import { ONCE_AT_LEAST, buildModel } from "./model.js";
import { ownValue } from "./own-value.js";
import type { ConstraintInWords, LayoutProblem, Quantity } from "./types.js";

/** A problem that constraints are added to. */
interface Draft {
  sized: boolean;
  readonly quantities: Record<string, Quantity>;
  readonly mustCoexist: (readonly string[])[];
  readonly cantCoexist: (readonly string[])[];
  readonly hardwareOf: Record<string, readonly string[]>;
  readonly imagesOf: Record<string, readonly string[]>;
  readonly variantsOf: Record<string, readonly string[]>;
}

interface Constraint {
  readonly words: ConstraintInWords;
  addTo(draft: Draft): void;
}

/** Any one left out, the others can hold. Empty where nothing can be placed at all: no hardware, no image, no service. @throws OutOfSteps */
export function explain(problem: LayoutProblem, budget: Budget): ConstraintInWords[] {
  const services = [...new Set(problem.services)].sort();
  const all = constraintsOf(services, problem);
  const canHold = (constraints: readonly Constraint[]): boolean => isSolvable(problem, services, constraints, budget);

  /** What must be added to `given`, which can hold unless `isNew`, from `from`, with which it cannot. Earlier ones are taken rather than later ones. */
  const conflict = (
    given: readonly Constraint[],
    from: readonly Constraint[],
    isNew: boolean,
  ): readonly Constraint[] => {
    if (isNew && !canHold(given)) return [];
    if (from.length === 1) return from;
    const first = from.slice(0, from.length >> 1);
    const second = from.slice(first.length);
    const later = conflict([...given, ...first], second, true);
    return [...conflict([...given, ...later], first, later.length > 0), ...later];
  };
  const found = new Set(canHold([]) ? conflict([], all, false) : []);
  // What people chose last is said last.
  return all
    .filter((constraint) => found.has(constraint))
    .reverse()
    .map(({ words }) => words);
}

function isSolvable(
  problem: LayoutProblem,
  services: readonly string[],
  constraints: readonly Constraint[],
  budget: Budget,
): boolean {
  const draft: Draft = {
    sized: false,
    quantities: Object.fromEntries(services.map((name) => [name, { min: 0, max: Number.POSITIVE_INFINITY }])),
    mustCoexist: [],
    cantCoexist: [],
    hardwareOf: {},
    imagesOf: {},
    variantsOf: {},
  };
  for (const constraint of constraints) constraint.addTo(draft);
  const { sized, ...fields } = draft;
  const model = buildModel({ ...problem, ...fields });
  if (sized) return hasSolution(model, createCover(model.packing, budget));
  // With a node for each thing that is needed there is a solution if there is one at all.
  const needed = model.items.reduce((sum, item) => sum + item.min, 0);
  const size = Math.max(needed, (problem.fixed ?? []).length > 0 ? 0 : 1);
  return hasSolution({ ...model, size }, createCover(model.packing, budget));
}

const quoted = (names: readonly string[], word: "and" | "or"): string => {
  const texts = names.map((name) => `"${name}"`);
  return texts.length < 2 ? texts.join("") : `${texts.slice(0, -1).join(", ")} ${word} ${texts.at(-1)}`;
};
const nodes = (count: number): string => (count === 1 ? "1 node" : `${count} nodes`);

/** Every constraint, those first that people can change most easily: the size, quantities, then sets, then how services are built. */
function constraintsOf(services: readonly string[], problem: LayoutProblem): Constraint[] {
  return [
    {
      words: { kind: "size", services: [], text: `the cluster has ${nodes(problem.size)}` },
      addTo: (draft) => {
        draft.sized = true;
      },
    },
    ...services.toReversed().flatMap((name) => quantities(name, problem)),
    ...sets(services, problem, "cantCoexist", "are never on the same node"),
    ...sets(services, problem, "mustCoexist", "are always on the same nodes"),
    ...bindings(services, problem, "hardwareOf", "hardware", "needs hardware type"),
    ...bindings(services, problem, "imagesOf", "image", "needs image type"),
    ...bindings(services, problem, "variantsOf", "variant", "has actions only for image type"),
  ];
}

function quantities(name: string, problem: LayoutProblem): Constraint[] {
  const { min, max } = ownValue(problem.quantities, name) ?? ONCE_AT_LEAST;
  const bind =
    (bound: Partial<Quantity>) =>
    (draft: Draft): void => {
      draft.quantities[name] = { ...draft.quantities[name]!, ...bound };
    };
  return [
    ...(min === 0
      ? []
      : [
          {
            words: { kind: "min" as const, services: [name], text: `"${name}" is on at least ${nodes(min)}` },
            addTo: bind({ min }),
          },
        ]),
    ...(max === Number.POSITIVE_INFINITY
      ? []
      : [
          {
            words: { kind: "max" as const, services: [name], text: `"${name}" is on at most ${nodes(max)}` },
            addTo: bind({ max }),
          },
        ]),
  ];
}

function sets(
  services: readonly string[],
  problem: LayoutProblem,
  field: "mustCoexist" | "cantCoexist",
  say: string,
): Constraint[] {
  const known = new Set(services);
  return problem[field].toReversed().flatMap((set) => {
    const members = [...new Set(set)].filter((name) => known.has(name));
    // Of a set that must be together those in the cluster count; one that must not counts only as a whole.
    const matters =
      field === "mustCoexist" ? members.length > 1 : members.length > 0 && set.every((name) => known.has(name));
    if (!matters) return [];
    const text = members.length === 1 ? `"${members[0]}" is on no node` : `${quoted(members, "and")} ${say}`;
    return [{ words: { kind: field, services: members, text }, addTo: (draft: Draft) => void draft[field].push(set) }];
  });
}

function bindings(
  services: readonly string[],
  problem: LayoutProblem,
  field: "hardwareOf" | "imagesOf" | "variantsOf",
  kind: ConstraintInWords["kind"],
  says: string,
): Constraint[] {
  return services.toReversed().flatMap((name) => {
    const list = ownValue(problem[field], name);
    if (list === undefined) return [];
    return [
      {
        words: { kind, services: [name], text: `"${name}" ${says} ${quoted(list, "or")}` },
        addTo: (draft: Draft) => {
          draft[field][name] = list;
        },
      },
    ];
  });
}
