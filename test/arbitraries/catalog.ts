/**
 * Arbitrary documents for property tests: every field, odd names and texts included, all of them valid by themselves.
 * Documents are in normal form: nothing in them is empty that says nothing.
 */
import fc from "fast-check";
import { normalizeBody } from "../../services/server/catalog/body.js";
import { SERVICE_ACTIONS } from "../../services/server/catalog/types.js";
import type { CatalogDocument, DocumentKind, Json, JsonObject } from "../../services/server/catalog/types.js";

/** A name as documents have it, mostly short and often the same. */
export const documentName = (): fc.Arbitrary<string> =>
  fc.oneof(
    fc.constantFrom("web", "lb", "db", "redis-primary", "a.b", "no", "1", "x_Y"),
    fc.stringMatching(/^[A-Za-z0-9][\w.-]{0,20}$/),
  );

/** Any text that can be stored: no NUL, no half of a surrogate pair. */
export const storableText = (): fc.Arbitrary<string> =>
  fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 20 }),
    fc.string({ unit: "binary", maxLength: 20 }).map((text) => text.replaceAll(/[\0\p{Surrogate}]/gu, "")),
    fc
      .array(
        fc.constantFrom(
          "echo",
          "\n",
          "\t",
          " ",
          "#",
          ": ",
          "- ",
          "%ip.self%",
          "'",
          '"',
          "\\",
          "\r\n",
          "é",
          "\u2028",
          "---",
          "...",
        ),
        { maxLength: 12 },
      )
      .map((parts) => parts.join("")),
    fc.constantFrom(
      "yes",
      "null",
      "~",
      "1e3",
      "0x10",
      "2001-01-01",
      "<<",
      "=",
      "!tag",
      "&a",
      "*a",
      "? x",
      "@",
      "`",
      "|",
      ">",
      "{}",
      "[]",
      "",
    ),
  );

/** Any JSON value a document may hold. */
export const jsonValue = (): fc.Arbitrary<Json> =>
  fc.letrec<{ value: Json; object: JsonObject }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      storableText(),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (number === 0 ? 0 : number)),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie("value"), { maxLength: 3 }),
      tie("object"),
    ),
    object: objectOf(tie("value")),
  })).value;

/** A free-form object: fields of plugins, configuration. Without the keys that Loom keeps for itself. */
export const jsonObject = (): fc.Arbitrary<JsonObject> => objectOf(jsonValue());

function objectOf(value: fc.Arbitrary<Json>): fc.Arbitrary<JsonObject> {
  const key = fc.oneof(
    documentName(),
    storableText().filter((text) => !["__proto__", "<<", "generate", "$secret"].includes(text)),
  );
  return fc.dictionary(
    key,
    fc.oneof({ weight: 9, arbitrary: value }, { weight: 1, arbitrary: fc.constant({ generate: "password" }) }),
    { maxKeys: 4, noNullPrototype: true },
  );
}

const names = (minLength = 0): fc.Arbitrary<string[]> => fc.uniqueArray(documentName(), { minLength, maxLength: 4 });
const mapOf = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<Record<string, T>> =>
  fc.dictionary(documentName(), value, { maxKeys: 3, noNullPrototype: true });
const some = <T extends object>(
  fields: { [K in keyof T]: fc.Arbitrary<T[K]> },
  requiredKeys: (keyof T)[] = [],
): fc.Arbitrary<object> => fc.record(fields, { requiredKeys, noNullPrototype: true });

const way = { type: documentName(), fields: jsonObject(), timeoutSeconds: fc.integer({ min: 0, max: 604_800 }) };
/** No image type stands in two variants, and only the last is for the rest. */
const variants = (): fc.Arbitrary<object[]> =>
  fc
    .tuple(
      fc.array(fc.tuple(some(way), fc.integer({ min: 1, max: 3 })), { maxLength: 3 }),
      fc.option(some(way), { nil: undefined }),
    )
    .map(([list, rest]) => [
      ...list.map(([one, count], index) => ({
        ...one,
        imageTypes: Array.from({ length: count }, (_, n) => `image-${index}-${n}`),
      })),
      ...(rest === undefined ? [] : [rest]),
    ]);
const action = (): fc.Arbitrary<object> => some({ ...way, variants: variants() });
const dependencies = (): fc.Arbitrary<object> => some({ requires: names(), uses: names() });
const link = (): fc.Arbitrary<object> => {
  const text = storableText().filter((one) => one !== "");
  return some({ label: text, url: text }, ["label", "url"]);
};
const bounds = (least: number): fc.Arbitrary<object> =>
  fc
    .tuple(
      fc.integer({ min: least, max: 100 }),
      fc.integer({ min: 0, max: 100 }),
      fc.constantFrom("both", "min", "max", "none"),
    )
    .map(([min, more, which]) =>
      which === "both"
        ? { min, max: min + more }
        : which === "min"
          ? { min }
          : which === "max"
            ? { max: 1 + more }
            : {},
    );

const template = {
  description: storableText(),
  extends: documentName(),
  includes: names(),
  defaults: some({
    services: names(),
    provider: documentName(),
    hardwareType: documentName(),
    imageType: documentName(),
    dnsSuffix: fc.constantFrom("local", "example.org", "a.b-c.d"),
    config: jsonObject(),
  }),
  compatibility: some({ hardwareTypes: names(), imageTypes: names(), services: names() }),
  constraints: some({
    layout: some({
      mustCoexist: fc.array(names(2), { maxLength: 2 }),
      cantCoexist: fc.array(names(2), { maxLength: 2 }),
    }),
    services: mapOf(
      fc
        .tuple(bounds(0), some({ hardwareTypes: names(), imageTypes: names() }))
        .map(([limits, lists]) => ({ ...limits, ...lists })),
    ),
    size: bounds(1),
  }),
  check: fc
    .tuple(
      documentName(),
      storableText().filter((text) => text !== ""),
      fc.integer({ min: 0, max: 600 }),
    )
    .map(([service, script, timeoutSeconds]) => ({ service, script, timeoutSeconds })),
  links: fc.array(link(), { maxLength: 2 }),
  stopBeforeDelete: fc.boolean(),
  lease: fc
    .tuple(
      fc.integer({ min: 1, max: 100 }),
      fc.integer({ min: 0, max: 100 }),
      fc.constantFrom("all", "initial", "max", "none"),
    )
    .map(([initial, more, which]) => ({
      ...(which === "all" || which === "initial" ? { initial: `${initial}h` } : { step: "0" }),
      ...(which === "all" || which === "max" ? { max: `${initial + more}h30m` } : {}),
    })),
};
const price = (): fc.Arbitrary<object> =>
  some({ perHour: fc.stringMatching(/^\d{1,3}(\.\d{1,4})?$/), currency: fc.constantFrom("EUR", "USD") }, [
    "perHour",
    "currency",
  ]);

const BODIES: Readonly<Record<DocumentKind, fc.Arbitrary<object>>> = {
  Provider: some({ type: documentName(), description: storableText(), fields: jsonObject() }, ["type"]),
  HardwareType: some({
    description: storableText(),
    providers: mapOf(some({ flavor: storableText(), fields: jsonObject(), price: price() })),
    price: price(),
  }),
  ImageType: some({
    description: storableText(),
    providers: mapOf(some({ image: storableText(), user: fc.constantFrom("root", "debian", "_apt") })),
  }),
  Service: some({
    description: storableText(),
    provides: names(),
    conflicts: names(),
    install: dependencies(),
    runtime: dependencies(),
    actions: fc.dictionary(fc.constantFrom(...SERVICE_ACTIONS), action(), { maxKeys: 4, noNullPrototype: true }),
    config: jsonObject(),
    links: fc.array(link(), { maxLength: 2 }),
  }),
  ClusterTemplate: some(template),
  PartialTemplate: some({ ...template, immutable: fc.boolean() }),
};

/** A document of one kind. */
export function documentOf(kind: DocumentKind): fc.Arbitrary<CatalogDocument> {
  return fc.tuple(documentName(), BODIES[kind]).map(([name, body]) => {
    // A configuration must not be one value to generate.
    const clean = JSON.parse(JSON.stringify(body)) as JsonObject;
    return { kind, name, body: normalizeBody(kind, clean) } as unknown as CatalogDocument;
  });
}

/** A document of any kind. */
export function catalogDocument(): fc.Arbitrary<CatalogDocument> {
  return fc.oneof(...(Object.keys(BODIES) as DocumentKind[]).map(documentOf));
}

/** Documents of which no two have the same kind and name. */
export function catalogDocuments(): fc.Arbitrary<CatalogDocument[]> {
  return fc.uniqueArray(catalogDocument(), { maxLength: 6, selector: ({ kind, name }) => `${kind}/${name}` });
}
