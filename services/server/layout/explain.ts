/**
 * Why a layout problem has no solution: an irreducible set of its constraints, found by leaving out one after the
 * other for good where there is no solution without it either. Leaving one out never makes a problem harder, so one
 * pass is enough. Pure.
 */
import type { Budget } from "./budget.js";
import { createCover } from "./cover.js";
import { hasSolution } from "./feasible.js";
import { ONCE_AT_LEAST, buildModel } from "./model.js";
import { ownValue } from "./own-value.js";
import type { ConstraintInWords, LayoutProblem, Quantity } from "./types.js";

/** A problem whose size may be left open. */
interface Relaxed {
  readonly problem: LayoutProblem;
  readonly anySize: boolean;
}

interface Removable {
  readonly words: ConstraintInWords;
  without(from: Relaxed): Relaxed;
}

/** The constraints left over. Empty where even without any of them there is no solution: no hardware, no image, no service. @throws OutOfSteps */
export function explain(problem: LayoutProblem, budget: Budget): ConstraintInWords[] {
  let relaxed: Relaxed = { problem, anySize: false };
  const left: ConstraintInWords[] = [];
  for (const { words, without } of removables(problem)) {
    const fewer = without(relaxed);
    if (isSolvable(fewer, budget)) left.push(words);
    else relaxed = fewer;
  }
  return left;
}

function isSolvable({ problem, anySize }: Relaxed, budget: Budget): boolean {
  const model = buildModel(problem);
  const cover = createCover(model.packing, budget);
  if (!anySize) return hasSolution(model, cover);
  // With a node for each thing that is needed there is a solution if there is one at all.
  const needed = model.items.reduce((sum, item) => sum + item.min, 0);
  const hasNodes = (problem.fixed ?? []).length > 0 && !model.needsNode;
  return hasSolution({ ...model, size: Math.max(needed, hasNodes ? 0 : 1) }, cover);
}

const quoted = (names: readonly string[]): string => {
  const texts = names.map((name) => `"${name}"`);
  return texts.length < 2 ? texts.join("") : `${texts.slice(0, -1).join(", ")} and ${texts.at(-1)}`;
};
const nodes = (count: number): string => (count === 1 ? "1 node" : `${count} nodes`);

/**
 * Every constraint, those first that are to be left out first: what remains is rather what people chose last, the size
 * and the quantities, than how the services are built.
 */
function removables(problem: LayoutProblem): Removable[] {
  const services = [...new Set(problem.services)].sort();
  return [
    ...bindings(services, problem, "variantsOf", "variant", "has actions only for image type"),
    ...bindings(services, problem, "imagesOf", "image", "needs image type"),
    ...bindings(services, problem, "hardwareOf", "hardware", "needs hardware type"),
    ...sets(services, problem, "mustCoexist", "are always on the same nodes"),
    ...sets(services, problem, "cantCoexist", "are never on the same node"),
    ...services.flatMap((name) => quantities(name, problem)),
    { words: { kind: "size", services: [], text: `the cluster has ${nodes(problem.size)}` }, without: (from) => ({ ...from, anySize: true }) },
  ];
}

function change(from: Relaxed, fields: Partial<LayoutProblem>): Relaxed {
  return { ...from, problem: { ...from.problem, ...fields } };
}

function bindings(services: readonly string[], problem: LayoutProblem, field: "hardwareOf" | "imagesOf" | "variantsOf", kind: ConstraintInWords["kind"], says: string): Removable[] {
  return services.flatMap((name) => {
    const list = ownValue(problem[field], name);
    if (list === undefined) return [];
    const text = `"${name}" ${says} ${list.map((value) => `"${value}"`).join(" or ")}`;
    return [{ words: { kind, services: [name], text }, without: (from: Relaxed) => {
      const { [name]: _left, ...rest } = from.problem[field];
      return change(from, { [field]: rest });
    } }];
  });
}

function sets(services: readonly string[], problem: LayoutProblem, field: "mustCoexist" | "cantCoexist", say: string): Removable[] {
  return problem[field].flatMap((set) => {
    const members = [...new Set(set)].filter((name) => services.includes(name));
    // Of a set that must be together those in the cluster count, one that must not counts only as a whole.
    const matters = field === "mustCoexist" ? members.length > 1 : members.length > 0 && set.every((name) => services.includes(name));
    if (!matters) return [];
    const text = members.length === 1 ? `"${members[0]}" is on no node` : `${quoted(members)} ${say}`;
    return [{ words: { kind: field, services: members, text }, without: (from: Relaxed) => change(from, { [field]: from.problem[field].filter((other) => other !== set) }) }];
  });
}

function quantities(name: string, problem: LayoutProblem): Removable[] {
  const { min, max } = ownValue(problem.quantities, name) ?? ONCE_AT_LEAST;
  const relax = (bound: Partial<Quantity>) => (from: Relaxed): Relaxed =>
    change(from, { quantities: { ...from.problem.quantities, [name]: { ...(ownValue(from.problem.quantities, name) ?? ONCE_AT_LEAST), ...bound } } });
  const found: Removable[] = [];
  if (max !== Number.POSITIVE_INFINITY) {
    found.push({ words: { kind: "max", services: [name], text: `"${name}" is on at most ${nodes(max)}` }, without: relax({ max: Number.POSITIVE_INFINITY }) });
  }
  if (min > 0) found.push({ words: { kind: "min", services: [name], text: `"${name}" is on at least ${nodes(min)}` }, without: relax({ min: 0 }) });
  return found;
}
