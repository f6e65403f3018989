/** Arbitrary messages of any type, made from its descriptor. */
import { create, ScalarType, type DescField, type DescMessage, type Message } from "@bufbuild/protobuf";
import fc from "fast-check";

const text = fc.string({ unit: "binary", maxLength: 12 }).filter((value) => value !== "__proto__");

/** Any JSON value that protobuf's Value can hold: finite numbers, well-formed texts, odd keys. */
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (Object.is(number, -0) ? 0 : number)),
    text,
    fc.array(tie("value"), { maxLength: 3 }),
    tie("object"),
  ),
  object: fc.dictionary(fc.oneof(text, fc.constantFrom("constructor", "toString", "")), tie("value"), {
    maxKeys: 3,
    noNullPrototype: true,
  }),
}));

const WELL_KNOWN: Readonly<Record<string, (depth: number) => fc.Arbitrary<unknown>>> = {
  "google.protobuf.Struct": () => json.object,
  // The services hold times as Dates: whole milliseconds.
  "google.protobuf.Timestamp": () =>
    fc.date({ min: new Date(0), max: new Date("9999-12-31T23:59:59.999Z"), noInvalidDate: true }).map((date) => ({
      $typeName: "google.protobuf.Timestamp",
      seconds: BigInt(Math.floor(date.getTime() / 1000)),
      nanos: (date.getTime() % 1000) * 1_000_000,
    })),
};

function scalar(type: ScalarType): fc.Arbitrary<unknown> {
  switch (type) {
    case ScalarType.STRING:
      return text;
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 12 });
    case ScalarType.INT32:
      return fc.integer();
    case ScalarType.INT64:
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    default:
      throw new Error(`no arbitrary for scalar type ${ScalarType[type]} yet`);
  }
}

function listValue(): fc.Arbitrary<unknown> {
  const value = (element: unknown): unknown => {
    if (element === null) return { case: "nullValue", value: 0 };
    if (typeof element === "boolean") return { case: "boolValue", value: element };
    if (typeof element === "number") return { case: "numberValue", value: element };
    if (typeof element === "string") return { case: "stringValue", value: element };
    return Array.isArray(element)
      ? { case: "listValue", value: { values: element.map((each) => ({ kind: value(each) })) } }
      : {
          case: "structValue",
          value: {
            fields: Object.fromEntries(
              Object.entries(element as object).map(([key, each]) => [key, { kind: value(each) }]),
            ),
          },
        };
  };
  return fc
    .array(json.value, { maxLength: 3 })
    .map((values) => ({ values: values.map((each) => ({ kind: value(each) })) }));
}

function element(field: DescField, depth: number): fc.Arbitrary<unknown> {
  if (field.enum !== undefined) return fc.constantFrom(...field.enum.values.map(({ number }) => number));
  if (field.message !== undefined) return messageInit(field.message, depth + 1);
  return scalar(field.scalar as ScalarType);
}

function fieldValue(field: DescField, depth: number): fc.Arbitrary<unknown> {
  const maxLength = depth > 2 ? 0 : 3;
  switch (field.fieldKind) {
    case "list":
      return fc.array(element(field, depth), { maxLength });
    case "map":
      return fc.dictionary(fc.oneof(text, fc.constant("constructor")), element(field, depth), {
        maxKeys: maxLength,
        noNullPrototype: true,
      });
    case "message":
      return depth > 2 ? fc.constant(undefined) : fc.option(element(field, depth), { nil: undefined });
    default:
      return field.proto.proto3Optional === true
        ? fc.option(element(field, depth), { nil: undefined })
        : element(field, depth);
  }
}

function messageInit(desc: DescMessage, depth: number): fc.Arbitrary<unknown> {
  if (desc.typeName === "google.protobuf.ListValue") return listValue();
  const known = WELL_KNOWN[desc.typeName];
  if (known !== undefined) return known(depth);
  const parts: Record<string, fc.Arbitrary<unknown>> = {};
  for (const member of desc.members) {
    if (member.kind === "oneof") {
      const choices = member.fields.map((field) =>
        element(field, depth).map((value) => ({ case: field.localName, value })),
      );
      parts[member.localName] = fc.oneof(fc.constant({ case: undefined }), ...choices);
    } else {
      parts[member.localName] = fieldValue(member, depth);
    }
  }
  return fc
    .record(parts)
    .map((fields) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)));
}

/** Messages of this type, with every field, oneof and nesting. */
export function arbitraryMessage(desc: DescMessage): fc.Arbitrary<Message> {
  return messageInit(desc, 0).map((init) => create(desc, init as never));
}
