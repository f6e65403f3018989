/**
 * Fields of provider documents that nobody may read, such as private keys. They are sealed before anything keeps or shows
 * them, and stay sealed in the catalog, in what clusters pin and in records; only what goes to a provisioner is opened.
 *
 * A sealed field is a text, so a document that was read can be applied again. It says within itself whose it is: it is
 * refused in another document, or another tenant's.
 */
import { LoomError } from "../../common/errors.js";
import type { CatalogDocument, JsonObject, Provider } from "../catalog/types.js";
import type { SecretBox } from "../store/secrets.js";
import type { PluginTypeView } from "../views.js";

const MARK = "sealed:";
const CONTEXT = "provider field";
/** Fields of a type that no provisioner has described yet. */
const SECRETIVE = /key|password|passphrase|secret|token|credential/i;

export interface SealingContext {
  readonly box: SecretBox;
  readonly tenant: string;
  readonly offers: readonly PluginTypeView[];
  /** The document of the catalog. */
  known(name: string): Provider | undefined;
}

/** The documents, the sensitive fields of providers sealed. @throws INVALID_FIELD for what was sealed for others */
export function sealSensitive(documents: readonly CatalogDocument[], context: SealingContext): CatalogDocument[] {
  return documents.map((document) =>
    document.kind === "Provider"
      ? { ...document, body: sealProvider(document.name, document.body, context) }
      : document,
  );
}

function sealProvider(name: string, provider: Provider, { box, tenant, offers, known }: SealingContext): Provider {
  if (provider.fields === undefined) return provider;
  const offer = offers.find(({ kind, type }) => kind === "PROVIDER" && type === provider.type);
  const isSensitive = (field: string): boolean =>
    offer === undefined ? SECRETIVE.test(field) : offer.fields.some((one) => one.name === field && one.sensitive);
  const before = known(name)?.fields ?? {};
  const fields: Record<string, JsonObject[string]> = { ...provider.fields };
  for (const [field, value] of Object.entries(provider.fields)) {
    if (typeof value !== "string") continue;
    const address = JSON.stringify([tenant, name, field]);
    if (value.startsWith(MARK)) {
      if (unseal(box, value)?.address !== address)
        throw new LoomError(
          "INVALID_FIELD",
          `The field ${field} of provider "${name}" was sealed for another document or by another Loom. Give its text instead.`,
          { metadata: { field: `fields.${field}`, document: `Provider/${name}` } },
        );
    } else if (isSensitive(field)) {
      const old = before[field];
      // Sealed anew it would look like a change.
      const isSame = typeof old === "string" && old.startsWith(MARK) && unseal(box, old)?.text === value;
      fields[field] = isSame ? old : MARK + box.seal(JSON.stringify([address, value]), CONTEXT).toString("base64");
    }
  }
  return { ...provider, fields };
}

/** The fields as a provisioner needs them. @throws SECRET_UNREADABLE where the key file is not the one they were sealed with */
export function openFields(box: SecretBox, fields: JsonObject): JsonObject {
  const opened = Object.entries(fields).map(([field, value]) =>
    typeof value === "string" && value.startsWith(MARK) ? [field, read(box, value).text] : [field, value],
  );
  return Object.fromEntries(opened) as JsonObject;
}

/** What holds a provider, with its fields open. @throws SECRET_UNREADABLE */
export function openProvider<T extends { readonly body: Provider }>(box: SecretBox, provider: T): T {
  const { fields } = provider.body;
  return fields === undefined ? provider : { ...provider, body: { ...provider.body, fields: openFields(box, fields) } };
}

function read(box: SecretBox, value: string): { address: string; text: string } {
  const sealed = Buffer.from(value.slice(MARK.length), "base64");
  const [address, text] = JSON.parse(box.open(sealed, CONTEXT)) as [string, string];
  return { address, text };
}

function unseal(box: SecretBox, value: string): { address: string; text: string } | undefined {
  try {
    return read(box, value);
  } catch (thrown) {
    if (thrown instanceof LoomError && thrown.reason === "SECRET_UNREADABLE") return undefined;
    throw thrown;
  }
}
