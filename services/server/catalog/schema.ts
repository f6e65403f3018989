/**
 * The shape of every document, in one table: which fields there are, what they hold and which names in them point to
 * other documents. The parser, the export, the comparison and the validation all read it. Field names are the proto
 * JSON names of proto/loom/v1/catalog.proto; test/contract/catalog-schema.test.ts holds the two side by side. `kind`
 * and `name` are the envelope of a document and stand in no table.
 */
import { DOCUMENT_KINDS, SERVICE_ACTIONS } from "./types.js";
import type { DocumentKind } from "./types.js";

/** What a name points to. */
export interface Reference {
  /** `Dependency`: a service, or a name that a service provides. */
  readonly to: DocumentKind | "Dependency";
  /** How bad it is when nothing has that name. */
  readonly missing: "error" | "warning";
}

export interface TextType {
  readonly type: "text";
  /**
   * `name`: as a document's name. `dnsSuffix`: labels of a host name. `user`: a user's name on a machine. `duration`:
   * such as 8h, where 0 is no limit. `decimal`: such as 0.12. `currency`: three capital letters.
   */
  readonly rule?: "name" | "dnsSuffix" | "user" | "duration" | "decimal" | "currency";
  /** The only texts allowed. */
  readonly oneOf?: readonly string[];
  readonly reference?: Reference;
  readonly required?: true;
}

export interface IntegerType {
  readonly type: "integer";
  readonly min: number;
  readonly max: number;
  /** True where 0 is something else than nothing. */
  readonly presence?: true;
}

export interface ListType {
  readonly type: "list";
  readonly of: FieldType;
  /** True where a value that comes again says nothing. */
  readonly set?: true;
}

export interface MapType {
  readonly type: "map";
  readonly of: RecordType;
  readonly keys: TextType;
}

export interface RecordType {
  readonly type: "record";
  readonly fields: Readonly<Record<string, FieldType>>;
}

/** `object` is free-form: any JSON object. */
export type FieldType =
  TextType | IntegerType | ListType | MapType | RecordType | { readonly type: "boolean" } | { readonly type: "object" };

/** What a document's name, and every name of a document, looks like. */
export const NAME_PATTERN = /^[A-Za-z0-9][\w.-]{0,254}$/;

/** Seconds; a week. */
const MAX_TIMEOUT = 604_800;
const MAX_INT32 = 2_147_483_647;
/** Nodes of the largest cluster. */
const MAX_NODES = 10_000;

const text: TextType = { type: "text" };
const boolean: FieldType = { type: "boolean" };
const object: FieldType = { type: "object" };
const list = (of: FieldType): ListType => ({ type: "list", of });
const record = (fields: RecordType["fields"]): RecordType => ({ type: "record", fields });
const map = (of: RecordType, keys: TextType): MapType => ({ type: "map", of, keys });
const name = (to?: Reference["to"], missing: Reference["missing"] = "error"): TextType =>
  to === undefined ? { type: "text", rule: "name" } : { type: "text", rule: "name", reference: { to, missing } };
const names = (to?: Reference["to"], missing?: Reference["missing"]): ListType => ({
  type: "list",
  of: name(to, missing),
  set: true,
});

const timeout: IntegerType = { type: "integer", min: 0, max: MAX_TIMEOUT };
const dependencies = record({ requires: names("Dependency", "error"), uses: names("Dependency", "warning") });
const link = record({ label: { ...text, required: true }, url: { ...text, required: true } });
const variant = record({
  imageTypes: names("ImageType", "warning"),
  type: name(),
  fields: object,
  timeoutSeconds: timeout,
});
const price = record({
  perHour: { type: "text", rule: "decimal", required: true },
  currency: { type: "text", rule: "currency", required: true },
});
const duration: TextType = { type: "text", rule: "duration" };
const action = record({ type: name(), fields: object, timeoutSeconds: timeout, variants: list(variant) });

const template = {
  description: text,
  extends: name("ClusterTemplate"),
  includes: names("PartialTemplate"),
  defaults: record({
    services: names("Service"),
    provider: name("Provider"),
    hardwareType: name("HardwareType"),
    imageType: name("ImageType"),
    dnsSuffix: { type: "text", rule: "dnsSuffix" },
    config: object,
  }),
  compatibility: record({
    hardwareTypes: names("HardwareType", "warning"),
    imageTypes: names("ImageType", "warning"),
    services: names("Service", "warning"),
  }),
  constraints: record({
    layout: record({ mustCoexist: list(names("Service", "warning")), cantCoexist: list(names("Service", "warning")) }),
    services: map(
      record({
        min: { type: "integer", min: 0, max: MAX_NODES, presence: true },
        max: { type: "integer", min: 0, max: MAX_INT32, presence: true },
        hardwareTypes: names("HardwareType", "warning"),
        imageTypes: names("ImageType", "warning"),
      }),
      name("Service", "warning"),
    ),
    size: record({
      min: { type: "integer", min: 1, max: MAX_NODES, presence: true },
      max: { type: "integer", min: 1, max: MAX_INT32, presence: true },
    }),
  }),
  check: record({
    service: { ...name("Service"), required: true },
    script: text,
    type: name(),
    fields: object,
    timeoutSeconds: timeout,
    variants: list(variant),
  }),
  links: list(link),
  stopBeforeDelete: boolean,
  lease: record({ initial: duration, max: duration, step: duration }),
} satisfies RecordType["fields"];

/** The body of a document of each kind. */
export const SCHEMA: Readonly<Record<DocumentKind, RecordType>> = {
  Provider: record({ type: { ...name(), required: true }, description: text, fields: object, provisioner: name() }),
  HardwareType: record({
    description: text,
    providers: map(record({ flavor: text, fields: object, price }), name()),
    price,
  }),
  ImageType: record({
    description: text,
    providers: map(record({ image: text, user: { type: "text", rule: "user" } }), name()),
  }),
  Service: record({
    description: text,
    provides: names(),
    conflicts: names("Service", "warning"),
    install: dependencies,
    runtime: dependencies,
    actions: map(action, { type: "text", oneOf: SERVICE_ACTIONS }),
    config: object,
    links: list(link),
  }),
  ClusterTemplate: record(template),
  PartialTemplate: record({ ...template, extends: name("PartialTemplate"), immutable: boolean }),
};

/** True where the text names a kind of document. */
export function isDocumentKind(kind: unknown): kind is DocumentKind {
  return typeof kind === "string" && (DOCUMENT_KINDS as readonly string[]).includes(kind);
}
