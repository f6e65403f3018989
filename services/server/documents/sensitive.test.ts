import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CatalogDocument, JsonObject, Provider } from "../catalog/types.js";
import { createSecretBox, type SecretBox } from "../store/secrets.js";
import type { PluginTypeView } from "../views.js";
import { openFields, sealSensitive } from "./sensitive.js";

const KEY = "-----BEGIN KEY-----\nabc\n";
const field = (name: string, sensitive: boolean) => ({
  name,
  type: "string",
  description: "",
  required: false,
  sensitive,
});
const OFFER: PluginTypeView = {
  kind: "PROVIDER",
  type: "cloud",
  description: "",
  fields: [field("url", false), field("keyFile", false), field("login", true)],
  available: true,
  unavailableReason: "",
};
const DOCUMENT: CatalogDocument = {
  kind: "Provider",
  name: "mine",
  body: { type: "cloud", fields: { url: "https://x", keyFile: "/a", login: KEY, size: 3 } },
};

describe("sensitive fields of providers", () => {
  let folder: string;
  let box: SecretBox;
  let other: SecretBox;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "loom-sensitive-"));
    box = await createSecretBox(join(folder, "key"));
    other = await createSecretBox(join(folder, "other"));
  });
  after(() => rmSync(folder, { recursive: true }));

  const seal = (
    document: CatalogDocument,
    more: { tenant?: string; known?: Provider; offers?: PluginTypeView[] } = {},
  ) => {
    const { tenant = "t", known, offers = [OFFER] } = more;
    const [sealed] = sealSensitive([document], { box, tenant, offers, known: () => known });
    return sealed!.body as Provider & { readonly fields: JsonObject };
  };

  it("are sealed, others are not, and opened they are what they were", () => {
    const { fields } = seal(DOCUMENT);
    assert.deepEqual({ ...fields, login: "" }, { ...(DOCUMENT.body as Provider).fields, login: "" });
    assert.match(fields["login"] as string, /^sealed:[A-Za-z0-9+/=]+$/);
    assert.deepEqual(openFields(box, fields), (DOCUMENT.body as Provider).fields);
    assert.throws(() => openFields(other, fields), { reason: "SECRET_UNREADABLE" });
  });

  it("stay the same text where they stay the same, and where a sealed one is applied again", () => {
    const first = seal(DOCUMENT);
    assert.deepEqual(seal(DOCUMENT, { known: first }), first);
    assert.deepEqual(seal({ ...DOCUMENT, body: first } as CatalogDocument, { known: first }), first);
    const changed = { ...DOCUMENT, body: { type: "cloud", fields: { login: "new" } } } as CatalogDocument;
    assert.deepEqual(openFields(box, seal(changed, { known: first }).fields), { login: "new" });
  });

  it("are refused in another document, another field, or another tenant's", () => {
    const body = seal(DOCUMENT);
    const refused = (document: CatalogDocument, tenant = "t"): void =>
      assert.throws(() => seal(document, { tenant }), {
        reason: "INVALID_FIELD",
        message: /sealed for another document/,
      });
    refused({ kind: "Provider", name: "yours", body });
    refused({ kind: "Provider", name: "mine", body }, "u");
    refused({ kind: "Provider", name: "mine", body: { type: "cloud", fields: { url: body.fields["login"]! } } });
    refused({ kind: "Provider", name: "mine", body: { type: "cloud", fields: { login: "sealed:AAAA" } } });
  });

  it("are guessed by their names where nobody offers the type", () => {
    const { fields } = seal(
      {
        kind: "Provider",
        name: "mine",
        body: { type: "cloud", fields: { apiToken: "x", PassWord: "y", region: "z" } },
      },
      { offers: [] },
    );
    assert.deepEqual(
      Object.entries(fields).map(([name, value]) => [name, (value as string).startsWith("sealed:")]),
      [
        ["apiToken", true],
        ["PassWord", true],
        ["region", false],
      ],
    );
  });
});
