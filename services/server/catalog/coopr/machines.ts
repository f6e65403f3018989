/** Providers, hardware types and image types of the source. */
import { parseDecimal } from "../../cost/decimal.js";
import type { HardwareType, ImageType, JsonObject, Provider } from "../types.js";
import { compact, readBase, type Fields } from "./reader.js";
import type { ConversionOptions } from "./types.js";

/** What stands before the name of a plugin type where Loom has another one of that name. */
const FOREIGN = "coopr-";

/** The plugin type's name, told apart from Loom's own. */
export function foreignType(type: string, own: readonly string[]): string {
  return own.includes(type) ? `${FOREIGN}${type}` : type;
}

export function readProvider(fields: Fields, { ownTypes }: ConversionOptions): Provider {
  const description = readBase(fields);
  const source = fields.name("providertype");
  if (source === undefined)
    fields.tell(
      "inactive",
      [...fields.path, "providertype"],
      "A provider has a type, and this one has none.",
      'Name one under "type".',
    );
  const type = foreignType(source ?? `${FOREIGN}unknown`, ownTypes.providers);
  if (source !== undefined)
    fields.tell(
      "inactive",
      [...fields.path, "providertype"],
      type === source
        ? `No provider type "${source}" ships with Loom.`
        : `Loom's provider type "${source}" is another one: it is "${type}" now.`,
      `A plugin of that name is needed to make machines; until then "loom plan" works and nothing else does.`,
    );
  const values: [string, JsonObject[string]][] = [];
  for (const [field, value] of Object.entries(fields.object("provisioner") ?? {})) {
    // Forms leave every field behind that was not filled in.
    if (value === "" || value === null) continue;
    values.push([field, value]);
    if (field.endsWith("_resource"))
      fields.tell(
        "inactive",
        [...fields.path, "provisioner", field],
        "The plugin resource it names is not in the folders of the catalog.",
        "Give the file to the provisioner.",
      );
  }
  fields.end();
  return { type, ...compact({ description, fields: Object.fromEntries(values) }) };
}

export function readHardware(fields: Fields, name: string, { currency }: ConversionOptions): HardwareType {
  const description = readBase(fields);
  const providers = fields.map("providermap").map(({ name: provider, fields: entry }) => {
    const flavor = offered(entry, "flavor", name);
    const cost = entry.text("cost");
    const price = cost === undefined ? undefined : priceOf(entry, cost, currency);
    const rest = restOf(entry, ["flavor", "cost"]);
    return [provider, compact({ flavor, fields: rest, price })] as const;
  });
  fields.end();
  return compact({ description, providers: Object.fromEntries(providers) });
}

export function readImage(fields: Fields, name: string): ImageType {
  const description = readBase(fields);
  const providers = fields.map("providermap").map(({ name: provider, fields: entry }) => {
    const image = offered(entry, "image", name);
    const user = entry.text("sshuser");
    entry.end("An image is what it is called and its user, nothing else.");
    return [provider, compact({ image, user })] as const;
  });
  fields.end();
  return compact({ description, providers: Object.fromEntries(providers) });
}

/** The provider's own word. The source also takes an empty one; for Loom it would be none. */
function offered(entry: Fields, field: string, name: string): string | undefined {
  const text = entry.text(field);
  if (text !== undefined || entry.raw(field) !== "") return text;
  entry.tell(
    "changed",
    [...entry.path, field],
    "An empty text is no offer in Loom: the document's own name is written instead.",
  );
  return name;
}

function priceOf(
  entry: Fields,
  cost: string,
  currency: string | undefined,
): { perHour: string; currency: string } | undefined {
  const path = [...entry.path, "cost"];
  if (currency === undefined)
    entry.tell(
      "dropped",
      path,
      "The source does not say in which currency a cost is.",
      "Give --currency, and costs become prices by the hour.",
    );
  else if (parseDecimal(cost) === undefined) entry.tell("dropped", path, `${JSON.stringify(cost)} is not a decimal.`);
  else return { perHour: cost, currency };
  return undefined;
}

/** Everything else a mapping says: the provider's plugin may know it. */
function restOf(entry: Fields, known: readonly string[]): JsonObject {
  const all = entry.all();
  return Object.fromEntries(
    Object.entries(all).filter(([key, value]) => !known.includes(key) && value !== "" && value !== null),
  );
}
