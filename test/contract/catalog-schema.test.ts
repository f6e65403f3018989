import assert from "node:assert/strict";
import { ScalarType } from "@bufbuild/protobuf";
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import {
  ClusterTemplateSchema,
  HardwareTypeSchema,
  ImageTypeSchema,
  ProviderSchema,
  ServiceSchema,
} from "../../gen/web/loom/v1/catalog_pb.js";
import { SCHEMA } from "../../services/server/catalog/schema.js";
import type { FieldType, RecordType } from "../../services/server/catalog/schema.js";

/** A shape as text, the same for the table and for the descriptors. */
function shapeOfTable(type: FieldType): unknown {
  switch (type.type) {
    case "text":
      return "string";
    case "integer":
      return type.presence === true ? "optional int32" : "int32";
    case "boolean":
      return "bool";
    case "object":
      return "Struct";
    case "list":
      // A list of lists has no type of its own in Protocol Buffers.
      return type.of.type === "list" ? ["ListValue"] : [shapeOfTable(type.of)];
    case "map":
      return { "map of": shapeOfTable(type.of) };
    case "record":
      return Object.fromEntries(
        Object.entries(type.fields)
          .map(([name, field]) => [name, shapeOfTable(field)])
          .sort(),
      );
  }
}

function shapeOfMessage(message: DescMessage): unknown {
  if (message.typeName.startsWith("google.protobuf.")) return message.name;
  return Object.fromEntries(message.fields.map((field) => [field.jsonName, shapeOfField(field)]).sort());
}

function shapeOfField(field: DescField): unknown {
  const scalar = (type: ScalarType): string => ScalarType[type].toLowerCase();
  switch (field.fieldKind) {
    case "scalar":
      return `${field.proto.proto3Optional ? "optional " : ""}${scalar(field.scalar)}`;
    case "message":
      return shapeOfMessage(field.message);
    case "list":
      assert.equal(field.listKind === "enum", false);
      return [
        field.listKind === "message" ? shapeOfMessage(field.message) : scalar((field as { scalar: ScalarType }).scalar),
      ];
    case "map":
      assert.equal(field.mapKey, ScalarType.STRING);
      assert.ok(field.mapKind === "message");
      return { "map of": shapeOfMessage(field.message) };
    case "enum":
      throw new Error(`${field.name}: documents have no enums`);
  }
}

describe("the table of document fields and the contract", () => {
  const bodies = {
    Provider: ProviderSchema,
    HardwareType: HardwareTypeSchema,
    ImageType: ImageTypeSchema,
    Service: ServiceSchema,
    PartialTemplate: ClusterTemplateSchema,
  };
  for (const [kind, message] of Object.entries(bodies)) {
    it(`say the same about ${kind}`, () => {
      assert.deepEqual(shapeOfTable(SCHEMA[kind as keyof typeof bodies]), shapeOfMessage(message));
    });
  }

  it("say the same about ClusterTemplate but for immutable, which only partial templates have", () => {
    const { immutable, ...fields } = SCHEMA.PartialTemplate.fields as RecordType["fields"];
    assert.deepEqual(immutable, { type: "boolean" });
    assert.deepEqual(shapeOfTable(SCHEMA.ClusterTemplate), shapeOfTable({ type: "record", fields }));
  });
});
