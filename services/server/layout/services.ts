/** Which services a cluster has: those asked for, with what they require, if they go together. Pure. */
import { LoomError } from "../../common/errors.js";
import { dependenciesOf, findCycles } from "../catalog/dependencies.js";
import type { Catalog, ClusterTemplate, Service } from "../catalog/types.js";
import { hint, listed } from "./words.js";

const requiresOf = (service: Service): string[] => [
  ...(service.install?.requires ?? []),
  ...(service.runtime?.requires ?? []),
];

/**
 * The services of a cluster, in code point order, and those of them that were added because others require them.
 *
 * @param template resolved
 * @throws SERVICE_NOT_FOUND, MISSING_DEPENDENCIES with the full list, INCOMPATIBLE, CONFLICTING_SERVICES,
 *   DEPENDENCY_CYCLE
 */
export function chooseServices(
  catalog: Catalog,
  templateName: string,
  template: ClusterTemplate,
  asked: readonly string[],
  withDependencies: boolean,
): { services: string[]; added: string[] } {
  const chosen = withRequired(catalog, asked, withDependencies, template.compatibility?.services ?? []);
  checkCompatible(template, templateName, chosen.services);
  checkConflicts(catalog, chosen.services);
  checkCycles(catalog, chosen.services);
  return chosen;
}

/**
 * @param allowed services the template allows; empty for all
 * @throws SERVICE_NOT_FOUND, MISSING_DEPENDENCIES with the full list
 */
function withRequired(
  catalog: Catalog,
  asked: readonly string[],
  withDependencies: boolean,
  allowed: readonly string[],
): { services: string[]; added: string[] } {
  const unknown = asked.filter((name) => !catalog.Service.has(name));
  if (unknown.length > 0) {
    throw new LoomError(
      "SERVICE_NOT_FOUND",
      unknown.map((name) => `There is no service "${name}".${hint(name, catalog.Service.keys())}`).join(" "),
      { metadata: { services: unknown.join(",") } },
    );
  }
  const chosen = new Set(asked);
  const added: string[] = [];
  const missing: string[] = [];
  /** Who could answer to a name: the service of that name, else the first that provides it; what the template allows goes first. */
  const answering = (name: string): string | undefined => {
    const providers = [...catalog.Service]
      .filter(([, service]) => service.provides?.includes(name) === true)
      .map(([other]) => other)
      .sort();
    const all = [...new Set(catalog.Service.has(name) ? [name, ...providers] : providers)];
    return all.find((other) => allowed.length === 0 || allowed.includes(other)) ?? all[0];
  };
  const isThere = (name: string): boolean =>
    chosen.has(name) || [...chosen].some((other) => catalog.Service.get(other)?.provides?.includes(name) === true);
  for (const name of chosen) {
    for (const required of requiresOf(catalog.Service.get(name)!)) {
      if (isThere(required)) continue;
      const provider = answering(required);
      if (withDependencies && provider !== undefined) {
        // A set is walked to its end, so what is added is looked at too.
        chosen.add(provider);
        added.push(provider);
      } else {
        missing.push(
          `"${name}" requires "${required}"${provider === undefined ? ", which nothing in the catalog provides" : ""}`,
        );
      }
    }
  }
  if (missing.length > 0) {
    throw new LoomError(
      "MISSING_DEPENDENCIES",
      `Services are missing: ${missing.join("; ")}. Name them too, or let Loom add them with --with-dependencies.`,
      { metadata: { missing: missing.join("; ") } },
    );
  }
  return { services: [...chosen].sort(), added: added.sort() };
}

/** @throws INCOMPATIBLE */
function checkCompatible(template: ClusterTemplate, templateName: string, services: readonly string[]): void {
  const allowed = template.compatibility?.services ?? [];
  const refused = allowed.length === 0 ? [] : services.filter((name) => !allowed.includes(name));
  if (refused.length > 0) {
    throw new LoomError(
      "INCOMPATIBLE",
      `Template "${templateName}" does not allow ${refused.map((name) => `"${name}"`).join(", ")}. It allows ${listed(allowed)}.`,
      { metadata: { services: refused.join(",") } },
    );
  }
}

/** @throws CONFLICTING_SERVICES */
function checkConflicts(catalog: Catalog, services: readonly string[]): void {
  const found = services.flatMap((name) =>
    (catalog.Service.get(name)?.conflicts ?? [])
      .filter((other) => services.includes(other))
      .map((other) => `"${name}" conflicts with "${other}"`),
  );
  if (found.length > 0)
    throw new LoomError("CONFLICTING_SERVICES", `These services cannot be in one cluster: ${found.join("; ")}.`, {
      metadata: { conflicts: found.join("; ") },
    });
}

/** @throws DEPENDENCY_CYCLE */
function checkCycles(catalog: Catalog, services: readonly string[]): void {
  const bodies = new Map(services.map((name) => [name, catalog.Service.get(name)!]));
  const namesItself = (name: string): boolean =>
    dependenciesOf(bodies.get(name)!).some((dependency) => dependency.name === name);
  // What a service provides itself it does not wait for.
  const circles = (["install", "runtime"] as const)
    .flatMap((phase) => findCycles(bodies, phase))
    .filter(({ services: circle }) => circle.length > 1 || namesItself(circle[0]!));
  const [first] = circles;
  if (first === undefined) return;
  const texts = circles.map(
    ({ phase, services: circle }) => `${[...circle, circle[0]!].map((name) => `"${name}"`).join(" -> ")} (${phase})`,
  );
  throw new LoomError(
    "DEPENDENCY_CYCLE",
    `Services wait for each other in a circle: ${texts.join("; ")}. Take one of these dependencies out of the catalog, or leave a service out.`,
    {
      metadata: { cycle: [...first.services, first.services[0]!].join(" -> "), phase: first.phase },
    },
  );
}
