/** From a template, a request and a catalog to a layout problem: names resolved, dependencies and conflicts checked. Pure. */
import { LoomError } from "../../common/errors.js";
import { imageTypesOf } from "../catalog/actions.js";
import type { Catalog, ClusterTemplate } from "../catalog/types.js";
import { ownValue } from "./own-value.js";
import { chooseServices } from "./services.js";
import type { LayoutProblem, Quantity } from "./types.js";
import { hint, listed } from "./words.js";

/** Most nodes a cluster can have. */
export const LARGEST_CLUSTER = 10_000;

export interface LayoutRequest {
  /** Nodes. */
  readonly size: number;
  /** Empty: the template's. */
  readonly services: readonly string[];
  /** Empty: the template's. */
  readonly provider: string;
  /** Empty: the template's, or the layout's choice. */
  readonly hardwareType: string;
  /** Empty: the template's, or the layout's choice. */
  readonly imageType: string;
  /** Add services that others require. */
  readonly withDependencies: boolean;
}

export interface BuiltProblem {
  readonly problem: LayoutProblem;
  /** Name of the provider document. */
  readonly provider: string;
  /** In code point order. */
  readonly services: readonly string[];
  /** Those of them that were added because others require them. */
  readonly addedServices: readonly string[];
}

/** What a layout is made for. The template has what it extends and includes merged in already. */
export interface LayoutSubject {
  readonly catalog: Catalog;
  readonly templateName: string;
  readonly template: ClusterTemplate;
}

/**
 * @throws INVALID_SIZE, PROVIDER_NOT_FOUND, SERVICE_NOT_FOUND, INCOMPATIBLE, MISSING_DEPENDENCIES, CONFLICTING_SERVICES,
 *   DEPENDENCY_CYCLE
 */
export function buildLayoutProblem({
  catalog,
  templateName,
  template,
  request,
}: LayoutSubject & { readonly request: LayoutRequest }): BuiltProblem {
  checkSize(template, templateName, request.size);
  const provider = request.provider === "" ? (template.defaults?.provider ?? "") : request.provider;
  if (!catalog.Provider.has(provider)) {
    throw new LoomError(
      "PROVIDER_NOT_FOUND",
      provider === ""
        ? `Template "${templateName}" has no default provider. Name one with --provider: ${listed(catalog.Provider.keys())}.`
        : `There is no provider "${provider}".${hint(provider, catalog.Provider.keys())} Known are ${listed(catalog.Provider.keys())}.`,
      { metadata: { provider } },
    );
  }
  const asked = request.services.length > 0 ? request.services : (template.defaults?.services ?? []);
  if (asked.length === 0)
    throw new LoomError(
      "SERVICE_NOT_FOUND",
      `Template "${templateName}" has no default services. Name some with --services.`,
    );
  const { services, added } = chooseServices(catalog, templateName, template, asked, request.withDependencies);

  const hardwareTypes = candidates(
    "hardware type",
    request.hardwareType,
    template.defaults?.hardwareType,
    template.compatibility?.hardwareTypes,
    catalog.HardwareType,
    (one) => (one.providers?.[provider]?.flavor ?? "") !== "",
    templateName,
    provider,
  );
  const imageTypes = candidates(
    "image type",
    request.imageType,
    template.defaults?.imageType,
    template.compatibility?.imageTypes,
    catalog.ImageType,
    (one) => (one.providers?.[provider]?.image ?? "") !== "",
    templateName,
    provider,
  );
  return {
    problem: problemOf(catalog, template, services, request.size, hardwareTypes, imageTypes),
    provider,
    services,
    addedServices: added,
  };
}

/** The constraints of a template for services and candidates that are chosen already. */
export function problemOf(
  catalog: Pick<Catalog, "Service">,
  template: ClusterTemplate,
  services: readonly string[],
  size: number,
  hardwareTypes: readonly string[],
  imageTypes: readonly string[],
): LayoutProblem {
  const quantities: Record<string, Quantity> = {};
  const hardwareOf: Record<string, readonly string[]> = {};
  const imagesOf: Record<string, readonly string[]> = {};
  const variantsOf: Record<string, readonly string[]> = {};
  for (const name of services) {
    const constraint = ownValue(template.constraints?.services ?? {}, name);
    if (constraint?.min !== undefined || constraint?.max !== undefined) {
      quantities[name] = { min: constraint.min ?? 1, max: constraint.max ?? Number.POSITIVE_INFINITY };
    }
    if ((constraint?.hardwareTypes ?? []).length > 0) hardwareOf[name] = constraint!.hardwareTypes!;
    if ((constraint?.imageTypes ?? []).length > 0) imagesOf[name] = constraint!.imageTypes!;
    const covered = imageTypesOf(catalog.Service.get(name)!);
    // A service that covers every candidate is not bound by it, and may be on every node.
    if (covered !== undefined && !imageTypes.every((imageType) => covered.includes(imageType)))
      variantsOf[name] = covered;
  }
  return {
    size,
    services,
    hardwareTypes,
    imageTypes,
    quantities,
    hardwareOf,
    imagesOf,
    variantsOf,
    mustCoexist: template.constraints?.layout?.mustCoexist ?? [],
    cantCoexist: template.constraints?.layout?.cantCoexist ?? [],
  };
}

/** @throws INVALID_SIZE */
function checkSize(template: ClusterTemplate, templateName: string, size: number): void {
  const { min = 1, max = LARGEST_CLUSTER } = template.constraints?.size ?? {};
  const most = Math.min(max, LARGEST_CLUSTER);
  if (Number.isInteger(size) && size >= min && size <= most) return;
  throw new LoomError(
    "INVALID_SIZE",
    `A cluster of template "${templateName}" has ${min === most ? `${min} ${min === 1 ? "node" : "nodes"}` : `${min} to ${most} nodes`}, not ${size}.`,
    {
      metadata: { min: String(min), max: String(most), size: String(size) },
      violations: [{ field: "node_count", description: `must be ${min} to ${most}` }],
    },
  );
}

/** @throws INCOMPATIBLE where no candidate is left */
function candidates<T>(
  what: string,
  asked: string,
  byDefault: string | undefined,
  allowed: readonly string[] | undefined,
  known: ReadonlyMap<string, T>,
  isOffered: (one: T) => boolean,
  templateName: string,
  provider: string,
): string[] {
  const wanted = asked === "" ? (byDefault ?? "") : asked;
  const isAllowed = (name: string): boolean => allowed === undefined || allowed.length === 0 || allowed.includes(name);
  const usable = [...known]
    .filter(([name, one]) => isAllowed(name) && isOffered(one))
    .map(([name]) => name)
    .sort();
  if (wanted === "") {
    if (usable.length > 0) return usable;
    throw new LoomError(
      "INCOMPATIBLE",
      `No ${what} that template "${templateName}" allows is offered by provider "${provider}".`,
      { metadata: { template: templateName, provider } },
    );
  }
  if (usable.includes(wanted)) return [wanted];
  const why = !known.has(wanted)
    ? `is not in the catalog.${hint(wanted, known.keys())}`
    : !isAllowed(wanted)
      ? `is not allowed by template "${templateName}".`
      : `is not offered by provider "${provider}".`;
  throw new LoomError("INCOMPATIBLE", `The ${what} "${wanted}" ${why} Usable here: ${listed(usable)}.`, {
    metadata: { name: wanted, template: templateName, provider },
  });
}
