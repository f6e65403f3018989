/** Whether clusters can still be made of every template, and what must be said so that they can. Pure. */
import { LoomError } from "../../../common/errors.js";
import { LARGEST_CLUSTER, buildLayoutProblem } from "../../layout/problem.js";
import { solveLayout } from "../../layout/solve.js";
import type { LayoutProblem, NodeGroup } from "../../layout/types.js";
import { resolve } from "../resolve.js";
import type { ClusterTemplate, JsonObject, ServiceConstraint } from "../types.js";
import type { Work } from "./mend.js";
import type { TemplateOutcome } from "./types.js";

/** Sizes that are tried, from the least that a template allows on. */
const SIZES = 16;

interface Found {
  readonly fewest: number;
  /** True for the least size that the template allows. */
  readonly isLeast: boolean;
  readonly groups: readonly NodeGroup[];
  readonly services: readonly string[];
}

interface NotFound {
  readonly fewest?: undefined;
  readonly reason: string;
  /** False where the search was given up. */
  readonly isCertain: boolean;
}

/** The smallest cluster of every template with its own defaults. Where there is none but for a rule that the source has not, the rule is lifted. */
export function layOutTemplates(work: Work): TemplateOutcome[] {
  const names = [...work.catalog().ClusterTemplate.keys()].sort();
  return names.map((name) => layOut(work, name));
}

function layOut(work: Work, name: string): TemplateOutcome {
  const strict = smallest(work, name, false);
  if (strict.fewest === undefined) {
    const relaxed = strict.isCertain ? smallest(work, name, true) : strict;
    if (relaxed.fewest === undefined)
      return standAlone(work, name) ?? { name, fewest: undefined, layout: [], reason: strict.reason };
    for (const service of leftOut(relaxed)) permitNone(work, name, service);
    return { name, fewest: relaxed.fewest, layout: layoutOf(relaxed), reason: "" };
  }
  const relaxed = strict.isLeast ? strict : smallest(work, name, true);
  if (relaxed.fewest !== undefined && relaxed.fewest < strict.fewest)
    work
      .of("ClusterTemplate", name)
      .tell(
        "changed",
        ["constraints"],
        `Loom places every service at least once, which takes ${strict.fewest} nodes; on ${relaxed.fewest} the source leaves out ${quoted(leftOut(relaxed))}.`,
        'Write "min: 0" for a service that may be left out.',
      );
  return { name, fewest: strict.fewest, layout: layoutOf(strict), reason: "" };
}

/** The source makes clusters from a template as it stands. Where only that can be laid out, it stands alone here too. */
function standAlone(work: Work, name: string): TemplateOutcome | undefined {
  const target = work.of("ClusterTemplate", name);
  const { extends: parent, includes, ...alone } = target.document.body as ClusterTemplate;
  if (parent === undefined && includes === undefined) return undefined;
  if (smallest(work, name, true, alone).fewest === undefined) return undefined;
  const reason = "With what it builds on it cannot be laid out, and clusters of the source were made without.";
  let changed = target;
  if (parent !== undefined) changed = work.change(changed, ["extends"], undefined, "dropped", reason);
  if (includes !== undefined) work.change(changed, ["includes"], undefined, "dropped", reason);
  return layOut(work, name);
}

/** @param relaxed whether a service of which no minimum is stated may be on no node, as in the source */
function smallest(work: Work, name: string, relaxed: boolean, body?: ClusterTemplate): Found | NotFound {
  const catalog = work.catalog();
  const own = body ?? catalog.ClusterTemplate.get(name)!;
  const { template } = resolve(catalog, { kind: "ClusterTemplate", name, body: own });
  let reason = "";
  let isCertain = true;
  for (const [index, size] of sizesOf(template).entries()) {
    try {
      const request = { size, services: [], provider: "", hardwareType: "", imageType: "", withDependencies: false };
      const { problem, services } = buildLayoutProblem({ catalog, templateName: name, template, request });
      const solved = solveLayout(relaxed ? withoutLeast(problem, template) : problem);
      if (solved.outcome === "solved") return { fewest: size, isLeast: index === 0, groups: solved.groups, services };
      if (solved.outcome === "tooHard") isCertain = false;
      if (reason === "") reason = solved.sentence;
    } catch (thrown) {
      // What is wrong with the template's own defaults does not get better with more nodes.
      return { reason: LoomError.from(thrown).message, isCertain: true };
    }
  }
  return { reason, isCertain };
}

function sizesOf(template: ClusterTemplate): number[] {
  const least = template.constraints?.size?.min ?? 1;
  const most = Math.min(template.constraints?.size?.max ?? LARGEST_CLUSTER, LARGEST_CLUSTER);
  const services = template.defaults?.services ?? [];
  const sum = services.reduce((total, one) => total + (constraintOf(template, one)?.min ?? 1), 0);
  const sizes = Array.from({ length: SIZES }, (_, index) => least + index);
  return [...new Set([...sizes, sum])].filter((size) => size >= least && size <= most).sort((a, b) => a - b);
}

function constraintOf(template: ClusterTemplate, service: string): ServiceConstraint | undefined {
  const services = template.constraints?.services ?? {};
  return Object.hasOwn(services, service) ? services[service] : undefined;
}

/** The problem as the source has it: a service of which no minimum is stated may be on no node. */
function withoutLeast(problem: LayoutProblem, template: ClusterTemplate): LayoutProblem {
  const free = problem.services.filter((service) => constraintOf(template, service)?.min === undefined);
  const quantities = free.map((service) => {
    const max = Object.hasOwn(problem.quantities, service)
      ? problem.quantities[service]!.max
      : Number.POSITIVE_INFINITY;
    return [service, { min: 0, max }] as const;
  });
  return { ...problem, quantities: { ...problem.quantities, ...Object.fromEntries(quantities) } };
}

function leftOut({ groups, services }: Found): string[] {
  const placed = new Set(groups.flatMap((group) => group.services));
  return services.filter((service) => !placed.has(service));
}

function permitNone(work: Work, name: string, service: string): void {
  const target = work.of("ClusterTemplate", name);
  const { constraints } = target.document.body as ClusterTemplate;
  const services = { ...constraints?.services, [service]: { ...constraints?.services?.[service], min: 0 } };
  work.change(
    target,
    ["constraints"],
    { ...constraints, services } as unknown as JsonObject,
    "changed",
    `"${service}" is on no node of any layout the source finds. Loom places every service at least once, so "min: 0" is written for it.`,
  );
}

function layoutOf({ groups }: Found): TemplateOutcome["layout"] {
  return groups.map(({ count, services }) => ({ count, services }));
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(", ");
}
