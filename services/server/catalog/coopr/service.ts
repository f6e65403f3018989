/** Services of the source. */
import { DEFAULT_AUTOMATOR } from "../actions.js";
import { SERVICE_ACTIONS } from "../types.js";
import type { Action, Dependencies, JsonObject, Link, Service, ServiceAction } from "../types.js";
import { foreignType } from "./machines.js";
import { compact, readBase, readFields, type Fields } from "./reader.js";
import { carriedText, carriedTexts } from "./texts.js";
import type { ConversionOptions } from "./types.js";

export function readService(fields: Fields, options: ConversionOptions): Service {
  const description = readBase(fields);
  const needs = fields.fields("dependencies");
  const [provides, conflicts] = [needs.names("provides"), needs.names("conflicts")];
  const [install, runtime] = [readDependencies(needs.fields("install")), readDependencies(needs.fields("runtime"))];
  needs.end();
  // Older documents have one flat list, of what must run before the service is initialized and started.
  const flat = fields.names("dependson");
  const requires = [...new Set([...(runtime.requires ?? []), ...flat])];
  const provisioner = fields.fields("provisioner");
  const actions = readActions(provisioner, options);
  provisioner.end();
  const links = readLinks(fields);
  fields.end();
  return compact({
    description,
    provides,
    conflicts,
    install,
    runtime: compact({ ...runtime, requires }),
    actions,
    links,
  });
}

function readDependencies(fields: Fields): Dependencies {
  const read = compact({ requires: fields.names("requires"), uses: fields.names("uses") });
  fields.end();
  return read;
}

function readActions(provisioner: Fields, options: ConversionOptions): Partial<Record<ServiceAction, Action>> {
  const found = new Map<string, Action>();
  const actions = provisioner.fields("actions");
  for (const [key, value] of Object.entries(actions.all())) {
    const path = [...actions.path, key];
    const name = key.toLowerCase();
    if (!(SERVICE_ACTIONS as readonly string[]).includes(name))
      actions.tell("dropped", path, `"${key}" is no action of a service.`);
    else if (found.has(name)) actions.tell("dropped", path, `The action "${name}" is here twice.`);
    else {
      const action = readAction(readFields(value, path, actions.tell), options);
      if (action !== undefined) found.set(name, action);
    }
  }
  return Object.fromEntries(
    SERVICE_ACTIONS.flatMap((name) => (found.has(name) ? [[name, found.get(name)!] as const] : [])),
  );
}

function readAction(fields: Fields, { ownTypes }: ConversionOptions): Action | undefined {
  const source = fields.name("type");
  const values = fields.object("fields") ?? {};
  fields.end();
  if (source === undefined) {
    fields.tell("dropped", fields.path, "An action has a type of automator, and this one has none.");
    return undefined;
  }
  const type = foreignType(source, ownTypes.automators);
  const where = [...fields.path, "type"];
  if (source === DEFAULT_AUTOMATOR && type !== source)
    fields.tell(
      "inactive",
      where,
      `The shell of the source runs a script that is a plugin resource, which is not in the folders of the catalog: the type is "${type}" now.`,
      'Put the text of the script under "fields.script" and change the type to "shell".',
    );
  else
    fields.tell(
      "inactive",
      where,
      type === source
        ? `No automator type "${source}" ships with Loom.`
        : `Loom's automator type "${source}" is another one: it is "${type}" now.`,
      `A plugin of that name is needed to carry it out, or an action of type "shell" in its place; "loom plan" works without.`,
    );
  const carried = Object.entries(values).map(
    ([key, value]) => [key, key === "script" ? value : carriedTexts(value)] as const,
  );
  return { type, ...compact({ fields: Object.fromEntries(carried) as JsonObject }) };
}

/** Links; one without a label is labelled with its address. */
export function readLinks(fields: Fields): Link[] {
  return fields.items("links").flatMap(({ value, path }) => {
    const link = readFields(value, path, fields.tell);
    const [label, url] = [link.text("label"), link.text("url")];
    link.end();
    if (url !== undefined) return [{ label: label ?? url, url: carriedText(url) }];
    fields.tell("dropped", path, "A link without an address leads nowhere.");
    return [];
  });
}
