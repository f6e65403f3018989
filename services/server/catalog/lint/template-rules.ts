/** Templates and the services they are made of: what is missing, what is left over, what cannot come together. Pure. */
import { checkAction, coveredImageTypes, imageTypesOf } from "../actions.js";
import { answering, dependenciesOf } from "../dependencies.js";
import { textsOf } from "../macros.js";
import { parseMacros } from "../../macros/parse.js";
import type { ParsedDocument } from "../parse.js";
import type { Path } from "../paths.js";
import { resolve } from "../resolve.js";
import type { Action, Catalog, ClusterTemplate, Service } from "../types.js";
import type { LintFinding } from "./types.js";

export interface Found {
  readonly source: ParsedDocument;
  readonly path: Path;
  readonly finding: LintFinding;
}

/** A template of the folder with what it has. */
interface Made {
  readonly source: ParsedDocument;
  readonly name: string;
  /** With everything it builds on. */
  readonly template: ClusterTemplate;
  /** Services a cluster has where a request names none, and what those require. */
  readonly usual: ReadonlySet<string>;
  /** Services a request may add. */
  allows(service: string): boolean;
}

export function checkTemplates(catalog: Catalog, documents: readonly ParsedDocument[]): Found[] {
  const templates = documents.flatMap((source): Made[] => {
    const { document } = source;
    return document.kind === "ClusterTemplate" ? [made(catalog, source, document.name, document.body)] : [];
  });
  return [
    ...templates.flatMap((one) => missingCheck(one)),
    ...templates.flatMap((one) => [...noImage(catalog, documents, one)]),
    ...absentServices(catalog, documents, templates),
    ...unusedServices(documents, templates),
    ...documents.flatMap((source) => [...unevenCoverage(catalog, source)]),
    ...documents.flatMap((source) => [...noStop(source)]),
  ];
}

function made(catalog: Catalog, source: ParsedDocument, name: string, body: ClusterTemplate): Made {
  const { template } = resolve(catalog, { kind: "ClusterTemplate", name, body });
  const names = answering(catalog.Service);
  const usual = new Set<string>();
  const visit = (service: string): void => {
    if (usual.has(service) || !catalog.Service.has(service)) return;
    usual.add(service);
    for (const { field, name: needed } of dependenciesOf(catalog.Service.get(service)!)) {
      if (field !== "requires") continue;
      // Where several services answer to a name, one that the template names; else it may be any of them.
      const answers = names.get(needed) ?? [];
      const chosen = answers.filter((answer) => template.defaults?.services?.includes(answer));
      for (const answer of chosen.length > 0 ? chosen : answers) visit(answer);
    }
  };
  for (const service of template.defaults?.services ?? []) visit(service);
  const listed = template.compatibility?.services ?? [];
  return { source, name, template, usual, allows: (service) => listed.length === 0 || listed.includes(service) };
}

const at = (
  source: ParsedDocument,
  path: Path,
  finding: Omit<LintFinding, "place">,
  part: "key" | "value" = "value",
): Found => ({
  source,
  path,
  finding: { ...finding, place: source.locate(path, part) },
});

function missingCheck({ source, name, template }: Made): Found[] {
  if (template.check !== undefined) return [];
  return [
    at(source, ["name"], {
      rule: "no-check",
      severity: "note",
      message: `Template "${name}" has no check: a cluster counts as working when its scripts have succeeded.`,
      suggestion: 'Add "check: { service, script }" with what a user wants of the cluster, and a deadline.',
    }),
  ];
}

/** Services that no image can carry: of any provider, or of the one that clusters come from by default. */
function* noImage(
  catalog: Catalog,
  documents: readonly ParsedDocument[],
  { source, name, template, usual }: Made,
): Generator<Found> {
  const listed = template.compatibility?.imageTypes ?? [];
  const wanted = template.defaults?.imageType;
  const allowed = [...catalog.ImageType.keys()].filter(
    (image) =>
      (listed.length === 0 || listed.includes(image)) && (wanted === undefined || wanted === "" || image === wanted),
  );
  const provider = template.defaults?.provider ?? "";
  const here = allowed.filter((image) => (catalog.ImageType.get(image)!.providers?.[provider]?.image ?? "") !== "");
  for (const service of usual) {
    const constraint = template.constraints?.services?.[service]?.imageTypes ?? [];
    const covered = imageTypesOf(catalog.Service.get(service)!);
    const fits = (image: string): boolean =>
      (covered === undefined || covered.includes(image)) && (constraint.length === 0 || constraint.includes(image));
    if (covered === undefined && constraint.length === 0) continue;
    const nowhere = allowed.length > 0 && !allowed.some(fits);
    const notHere = !nowhere && catalog.Provider.has(provider) && here.length > 0 && !here.some(fits);
    if (!nowhere && !notHere) continue;
    const place = placeOfService(documents, source, service, nowhere ? allowed : here);
    const images = (nowhere ? allowed : here).map((image) => `"${image}"`).join(", ");
    const what = covered === undefined ? "its constraint leaves no" : "its actions cover no";
    yield at(
      place.source,
      place.path,
      {
        rule: "coverage",
        severity: nowhere ? "error" : "warning",
        message: nowhere
          ? `Template "${name}" can never have "${service}": ${what} image type of ${images}.`
          : `On provider "${provider}", the default of template "${name}", "${service}" cannot be placed: ${what} image type that is there (${images}).`,
        suggestion: `Add a variant with "imageTypes: [${(nowhere ? allowed : here)[0]}]" to its actions.`,
      },
      place.part,
    );
  }
}

/** The action of the service that covers none of the images, where the service is in the folder; else the template. */
function placeOfService(
  documents: readonly ParsedDocument[],
  template: ParsedDocument,
  service: string,
  images: readonly string[],
): { source: ParsedDocument; path: Path; part: "key" | "value" } {
  const own = documents.find(({ document }) => document.kind === "Service" && document.name === service);
  if (own !== undefined) {
    for (const [name, action] of Object.entries((own.document.body as Service).actions ?? {})) {
      const covered = coveredImageTypes(action);
      if (covered !== undefined && !images.some((image) => covered.includes(image)))
        return { source: own, path: ["actions", name], part: "key" };
    }
  }
  const body = template.document.body as ClusterTemplate;
  const index = body.defaults?.services?.indexOf(service) ?? -1;
  return {
    source: template,
    path: index === -1 ? ["defaults", "services"] : ["defaults", "services", index],
    part: "value",
  };
}

/** Macros of services that the template with the macro, or the service's template, does not have. */
function* absentServices(
  catalog: Catalog,
  documents: readonly ParsedDocument[],
  templates: readonly Made[],
): Generator<Found> {
  for (const source of documents) {
    const { document } = source;
    const users = templates.filter((one) =>
      document.kind === "Service" ? one.usual.has(document.name) : one.source === source,
    );
    if (users.length === 0) continue;
    for (const { text, path } of textsOf(document)) {
      for (const token of parseMacros(text)) {
        if (token.kind !== "macro" || !("service" in token.macro.term)) continue;
        const { service } = token.macro.term;
        // That nobody has it is reported already.
        if (!catalog.Service.has(service)) continue;
        // Who says that it uses a service has thought of clusters without it.
        if (document.kind === "Service" && dependenciesOf(document.body).some(({ name }) => name === service)) continue;
        const without = users.filter((one) => !one.usual.has(service));
        if (without.length === 0) continue;
        const never = without.filter((one) => !one.allows(service));
        const names = (never.length > 0 ? never : without).map((one) => `"${one.name}"`).join(", ");
        yield at(source, path, {
          rule: "absent-service",
          severity: never.length > 0 ? "warning" : "note",
          message:
            never.length > 0
              ? `Template ${names} can have no "${service}", and ${token.text} then stays as it is written.`
              : `Template ${names} has no "${service}" unless it is asked for, and ${token.text} then stays as it is written.`,
          suggestion: `Add "${service}" to "defaults.services", or name a service that is there.`,
        });
      }
    }
  }
}

/** Services of the folder that none of its templates can have. */
function* unusedServices(documents: readonly ParsedDocument[], templates: readonly Made[]): Generator<Found> {
  if (templates.length === 0) return;
  const used = new Set(
    templates.flatMap(({ usual, template }) => [
      ...usual,
      ...(template.compatibility?.services ?? []),
      ...Object.keys(template.constraints?.services ?? {}),
    ]),
  );
  for (const source of documents) {
    const { document } = source;
    if (document.kind !== "Service" || used.has(document.name)) continue;
    const provided = new Set(document.body.provides ?? []);
    if ([...provided].some((name) => used.has(name))) continue;
    yield at(source, ["name"], {
      rule: "unused-service",
      severity: "warning",
      message: `No template here has the service "${document.name}".`,
      suggestion: 'Add it to "defaults.services" or "compatibility.services" of a template, or remove it.',
    });
  }
}

/** Actions of one service that cover fewer image types than others of it. */
function* unevenCoverage(catalog: Catalog, source: ParsedDocument): Generator<Found> {
  const { document } = source;
  if (document.kind !== "Service" && document.kind !== "ClusterTemplate") return;
  const actions: (readonly [string, Path, Action])[] =
    document.kind === "Service"
      ? Object.entries(document.body.actions ?? {}).map(([name, action]) => [name, ["actions", name], action] as const)
      : [];
  if (document.kind === "ClusterTemplate" && document.body.check !== undefined) {
    const { check } = document.body;
    actions.push(["the check", ["check"], checkAction(check)]);
    const { usual } = made(catalog, source, document.name, document.body);
    // Image types that a whole cluster of the template can be on.
    const covered = imageTypesOf(catalog.Service.get(check.service) ?? {})?.filter((image) =>
      [...usual].every((service) => imageTypesOf(catalog.Service.get(service)!)?.includes(image) ?? true),
    );
    if (covered !== undefined && covered.length > 0)
      actions.push([`"${check.service}"`, [], { variants: [{ imageTypes: covered }] }]);
  }
  const covers = actions.flatMap(([name, path, action]) => {
    const images = coveredImageTypes(action);
    return images === undefined ? [] : [{ name, path, images }];
  });
  const all = [...new Set(covers.flatMap((one) => one.images))].filter((image) => catalog.ImageType.has(image));
  for (const { name, path, images } of covers) {
    if (path.length === 0) continue;
    const missing = all.filter((image) => !images.includes(image));
    if (missing.length === 0) continue;
    const by = covers.find((one) => one.images.includes(missing[0]!))!;
    const isCheck = path[0] === "check";
    yield at(
      source,
      path,
      {
        rule: "coverage",
        severity: "warning",
        message: `${isCheck ? "The check" : `"${name}"`} does not cover ${missing.map((image) => `"${image}"`).join(", ")}, which ${by.name.startsWith('"') ? by.name : `"${by.name}"`} covers: ${isCheck ? "clusters there are not checked" : "the service cannot be placed there"}.`,
        suggestion: `Add a variant with "imageTypes: [${missing[0]}]"; with the script "true" where there is nothing to do.`,
      },
      "key",
    );
  }
}

/** Services that start a program and never stop it. */
function* noStop(source: ParsedDocument): Generator<Found> {
  const { document } = source;
  if (document.kind !== "Service") return;
  const { start, stop } = document.body.actions ?? {};
  if (start === undefined || stop !== undefined) return;
  if (!JSON.stringify(start).includes("loom-service start")) return;
  yield at(
    source,
    ["actions", "start"],
    {
      rule: "no-stop",
      severity: "note",
      message: `"${document.name}" is started and has no action "stop": a stop or a restart of the cluster leaves it running.`,
      suggestion: 'Add "stop" with the script "loom-service stop NAME".',
    },
    "key",
  );
}
