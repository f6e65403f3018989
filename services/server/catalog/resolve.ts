/**
 * Templates made of others: `extends`, `includes` and immutable configuration. The order of merging is the parent's
 * order, then the partial templates in the order given, then the template itself; a document comes in once, at its
 * first place. A partial template may build on others the same way.
 */
import { LoomError } from "../../common/errors.js";
import { leavesOf, mergeConfig, overridden } from "./config.js";
import { formatPath } from "./paths.js";
import type { Path } from "./paths.js";
import { didYouMean } from "./suggest.js";
import type { Catalog, ClusterTemplate, ServiceConstraint } from "./types.js";

/** Templates one on top of the other; nobody can follow more. */
const MAX_DEPTH = 32;

type TemplateKind = "ClusterTemplate" | "PartialTemplate";

/** One document of the order of merging. */
export interface TemplatePart {
  readonly kind: TemplateKind;
  readonly name: string;
  readonly body: ClusterTemplate;
}

/** Why a template cannot be put together. */
export interface ResolveFault {
  /** Of the template asked for: its field that leads to the fault. */
  readonly path: Path;
  /** True where the template's own field names something that does not exist. */
  readonly dangling: boolean;
  readonly message: string;
  readonly suggestion: string;
}

export interface Resolution {
  /** In order of merging, the template itself last. Only what could be found. */
  readonly parts: readonly TemplatePart[];
  /** Everything merged. Without `extends` and `includes`. */
  readonly template: ClusterTemplate;
  /** Paths in the configuration that immutable partial templates fix. */
  readonly locked: readonly Path[];
  readonly faults: readonly ResolveFault[];
}

/**
 * The template with everything it builds on merged: texts and numbers, the last one that says something; lists of
 * names and links, all of them, the earlier first; configuration and constraints, key by key.
 *
 * @throws TEMPLATE_NOT_FOUND where there is no such template, TEMPLATE_UNUSABLE where what it builds on is not there,
 *   goes round in a circle or sets a locked key
 */
export function resolveTemplate(catalog: Catalog, name: string): ClusterTemplate {
  return resolved(catalog, name).template;
}

/** Paths in the configuration that a request for this template must not set. Throws as resolveTemplate. */
export function lockedConfig(catalog: Catalog, name: string): readonly Path[] {
  return resolved(catalog, name).locked;
}

function resolved(catalog: Catalog, name: string): Resolution {
  const body = catalog.ClusterTemplate.get(name);
  if (body === undefined) {
    const advice = didYouMean(name, catalog.ClusterTemplate.keys());
    const message = `There is no template "${name}".${advice === "" ? " List the templates with: loom catalog list" : ` ${advice}`}`;
    throw new LoomError("TEMPLATE_NOT_FOUND", message, { metadata: { template: name } });
  }
  const resolution = resolve(catalog, { kind: "ClusterTemplate", name, body });
  const [fault] = resolution.faults;
  if (fault !== undefined) {
    const message = `The template "${name}" cannot be used: ${fault.message}${fault.suggestion === "" ? "" : ` ${fault.suggestion}`}`;
    throw new LoomError("TEMPLATE_UNUSABLE", message, { metadata: { template: name, path: formatPath(fault.path) } });
  }
  return resolution;
}

/** As resolveTemplate, for either kind, with everything that is wrong instead of an error. */
export function resolve(catalog: Catalog, target: TemplatePart): Resolution {
  const faults: ResolveFault[] = [];
  const parts = new Map<string, TemplatePart>();
  collect(catalog, target, [], [], parts, faults);
  let template: ClusterTemplate = {};
  const locks: { path: Path; by: string }[] = [];
  for (const part of parts.values()) {
    const config = part.body.defaults?.config;
    if (config !== undefined) {
      for (const path of overridden(
        config,
        locks.map((lock) => lock.path),
      )) {
        const { by } = locks.find((lock) => lock.path === path)!;
        const own = part.name === target.name && part.kind === target.kind;
        faults.push({
          path: own ? ["defaults", "config", ...path] : leadsTo(catalog, target, part),
          dangling: false,
          message: `${part.kind} "${part.name}" sets "${formatPath(path)}" in its configuration, which the immutable partial template "${by}" fixes.`,
          suggestion: own ? "Remove it." : "",
        });
      }
      if (part.kind === "PartialTemplate" && part.body.immutable === true) {
        locks.push(...leavesOf(config).map((path) => ({ path, by: part.name })));
      }
    }
    template = merge(template, part.body);
  }
  return { parts: [...parts.values()], template, locked: locks.map((lock) => lock.path), faults };
}

/** Documents that the target builds on, in order, with what is missing and what goes round in a circle. */
function collect(
  catalog: Catalog,
  part: TemplatePart,
  way: readonly TemplatePart[],
  from: Path,
  parts: Map<string, TemplatePart>,
  faults: ResolveFault[],
): void {
  const key = `${part.kind}/${part.name}`;
  const round = way.findIndex((earlier) => earlier.kind === part.kind && earlier.name === part.name);
  if (round !== -1) {
    const circle = [...way.slice(round), part].map((one) => `"${one.name}"`).join(" -> ");
    faults.push({
      path: from,
      dangling: false,
      message: `It builds on itself: ${circle}.`,
      suggestion: "Remove one of these steps.",
    });
    return;
  }
  if (parts.has(key)) return;
  if (way.length > MAX_DEPTH) {
    faults.push({
      path: from,
      dangling: false,
      message: `It builds on more than ${MAX_DEPTH} templates, one on top of the other.`,
      suggestion: "",
    });
    return;
  }
  const step = (kind: TemplateKind, name: string, own: Path): void => {
    const path = way.length === 0 ? own : from;
    const body = catalog[kind].get(name);
    if (body === undefined) {
      const message = `${way.length === 0 ? "It" : `${part.kind} "${part.name}"`} builds on the ${words(kind)} "${name}", which does not exist.`;
      faults.push({ path, dangling: way.length === 0, message, suggestion: didYouMean(name, catalog[kind].keys()) });
    } else collect(catalog, { kind, name, body }, [...way, part], path, parts, faults);
  };
  if (part.body.extends !== undefined) step(part.kind, part.body.extends, ["extends"]);
  for (const [index, name] of (part.body.includes ?? []).entries()) step("PartialTemplate", name, ["includes", index]);
  parts.set(key, part);
}

/** The field of the target through which the part comes in. */
function leadsTo(catalog: Catalog, target: TemplatePart, part: TemplatePart): Path {
  const { extends: parent, includes = [] } = target.body;
  const brings = (kind: TemplateKind, name: string): boolean => {
    const body = catalog[kind].get(name);
    const found = new Map<string, TemplatePart>();
    if (body !== undefined) collect(catalog, { kind, name, body }, [target], [], found, []);
    return found.has(`${part.kind}/${part.name}`);
  };
  if (parent !== undefined && brings(target.kind, parent)) return ["extends"];
  const index = includes.findIndex((name) => brings("PartialTemplate", name));
  return index === -1 ? [] : ["includes", index];
}

function words(kind: TemplateKind): string {
  return kind === "ClusterTemplate" ? "template" : "partial template";
}

/** Lays one document over what was merged before it. */
function merge(base: ClusterTemplate, over: ClusterTemplate): ClusterTemplate {
  const description = over.description ?? base.description;
  const config = join(base.defaults?.config, over.defaults?.config, mergeConfig);
  const defaults = compact({
    ...base.defaults,
    ...over.defaults,
    services: union(base.defaults?.services, over.defaults?.services),
    config,
  });
  const compatibility = compact({
    hardwareTypes: union(base.compatibility?.hardwareTypes, over.compatibility?.hardwareTypes),
    imageTypes: union(base.compatibility?.imageTypes, over.compatibility?.imageTypes),
    services: union(base.compatibility?.services, over.compatibility?.services),
  });
  const check = over.check ?? base.check;
  const links = union(base.links, over.links);
  const constraints = mergeConstraints(base.constraints, over.constraints);
  const stopBeforeDelete = over.stopBeforeDelete === true || base.stopBeforeDelete === true ? true : undefined;
  const lease = compact({ ...base.lease, ...over.lease });
  return compact({ description, defaults, compatibility, constraints, check, links, stopBeforeDelete, lease }) ?? {};
}

type Constraints = NonNullable<ClusterTemplate["constraints"]>;

function mergeConstraints(base: Constraints = {}, over: Constraints = {}): Constraints | undefined {
  const services = new Map<string, ServiceConstraint>(Object.entries(base.services ?? {}));
  for (const [name, constraint] of Object.entries(over.services ?? {}))
    services.set(name, { ...services.get(name), ...constraint });
  return compact({
    layout: compact({
      mustCoexist: union(base.layout?.mustCoexist, over.layout?.mustCoexist),
      cantCoexist: union(base.layout?.cantCoexist, over.layout?.cantCoexist),
    }),
    services: services.size === 0 ? undefined : Object.fromEntries(services),
    size: compact({ ...base.size, ...over.size }),
  });
}

function join<T>(base: T | undefined, over: T | undefined, both: (base: T, over: T) => T): T | undefined {
  if (base === undefined) return over;
  return over === undefined ? base : both(base, over);
}

/** Both lists, the earlier first, equal values once. */
function union<T>(base: readonly T[] | undefined, over: readonly T[] | undefined): readonly T[] | undefined {
  return join(base, over, (first, second) => {
    const seen = new Set(first.map((item) => JSON.stringify(item)));
    return [...first, ...second.filter((item) => !seen.has(JSON.stringify(item)))];
  });
}

type Compact<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Without the fields that are undefined; undefined where none is left. */
function compact<T extends object>(value: T): Compact<T> | undefined {
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as Compact<T>);
}
