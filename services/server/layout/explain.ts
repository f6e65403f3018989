/**
 * Why a layout problem has no solution: an irreducible set of its constraints, found by leaving out one after the
 * other and keeping out those that were not needed. Pure.
 */
import { createCover } from "./cover.js";
import { buildModel, type Budget } from "./model.js";
import type { ConstraintInWords, LayoutProblem } from "./types.js";

interface Removable {
  readonly words: ConstraintInWords;
  without(problem: LayoutProblem): LayoutProblem;
}

const quoted = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(", ");
const nodes = (count: number): string => (count === 1 ? "1 node" : `${count} nodes`);

/** @throws BudgetExhausted */
export function explain(problem: LayoutProblem, budget: Budget): ConstraintInWords[] {
  let left = removables(problem);
  let relaxed = problem;
  for (const constraint of [...left]) {
    const fewer = constraint.without(relaxed);
    if (isSolvable(fewer, budget)) continue;
    relaxed = fewer;
    left = left.filter((other) => other !== constraint);
  }
  return left.map(({ words }) => words);
}

/** Whether there is any solution; a size of 0 stands for any size. */
function isSolvable(problem: LayoutProblem, budget: Budget): boolean {
  const model = buildModel(problem);
  const size = problem.size === 0 ? model.atoms.reduce((sum, atom) => sum + atom.min, 0) : model.size;
  if (problem.size !== 0 && size < 0) return false;
  if (size > 0 && (model.hardwareTypes.length === 0 || model.imageTypes.length === 0)) return false;
  if (model.atoms.some((atom) => atom.max < 0 || atom.min > atom.max)) return false;
  const capacity = model.atoms.reduce((sum, atom, index) => sum + (model.unusable[index] ? 0 : Math.min(atom.max, size)), 0);
  if (problem.size !== 0 && model.everywhere.length === 0 && capacity < size) return false;
  return createCover(model, budget).fits(model.atoms.map((atom) => atom.min), size);
}

function removables(problem: LayoutProblem): Removable[] {
  const found: Removable[] = [];
  const present = new Set(problem.services);
  const without = <K extends "hardwareOf" | "imagesOf" | "variantsOf">(field: K, name: string) => (from: LayoutProblem): LayoutProblem => {
    const { [name]: _left, ...rest } = from[field];
    return { ...from, [field]: rest };
  };
  const bind = (field: "hardwareOf" | "imagesOf" | "variantsOf", kind: ConstraintInWords["kind"], text: (name: string, list: readonly string[]) => string): void => {
    for (const name of problem.services) {
      const list = problem[field][name];
      if (list !== undefined) found.push({ words: { kind, services: [name], text: text(name, list) }, without: without(field, name) });
    }
  };
  bind("variantsOf", "variant", (name, list) => `"${name}" has actions only for the image types ${quoted(list)}`);
  bind("imagesOf", "image", (name, list) => `"${name}" runs only on the image types ${quoted(list)}`);
  bind("hardwareOf", "hardware", (name, list) => `"${name}" runs only on the hardware types ${quoted(list)}`);
  const sets = (field: "mustCoexist" | "cantCoexist", text: (names: readonly string[]) => string): void => {
    for (const set of problem[field]) {
      if (!set.every((name) => present.has(name)) && field === "cantCoexist") continue;
      const members = set.filter((name) => present.has(name));
      if (members.length > 1) found.push({ words: { kind: field, services: members, text: text(members) }, without: (from) => ({ ...from, [field]: from[field].filter((other) => other !== set) }) });
    }
  };
  sets("mustCoexist", (names) => `${quoted(names)} share their nodes`);
  sets("cantCoexist", (names) => `${quoted(names)} do not share a node`);
  for (const name of problem.services) {
    const { min, max } = problem.quantities[name] ?? { min: 1, max: Number.POSITIVE_INFINITY };
    const change = (bounds: { min?: number; max?: number }) => (from: LayoutProblem): LayoutProblem => {
      const now = from.quantities[name] ?? { min: 1, max: Number.POSITIVE_INFINITY };
      return { ...from, quantities: { ...from.quantities, [name]: { ...now, ...bounds } } };
    };
    if (max !== Number.POSITIVE_INFINITY) found.push({ words: { kind: "max", services: [name], text: `"${name}" is on at most ${nodes(max)}` }, without: change({ max: Number.POSITIVE_INFINITY }) });
    if (min > 0) found.push({ words: { kind: "min", services: [name], text: `"${name}" is on at least ${nodes(min)}` }, without: change({ min: 0 }) });
  }
  found.push({ words: { kind: "size", services: [], text: `the cluster has ${nodes(problem.size)}` }, without: (from) => ({ ...from, size: 0 }) });
  return found;
}
