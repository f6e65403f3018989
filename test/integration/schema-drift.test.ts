/**
 * Holds db/schema.prisma and the tables that db/migrations makes side by side. Prisma's own engine, which would notice
 * a difference, is not part of Loom.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { useDatabase } from "../support/database.js";
import { parseModels, type PrismaField } from "../support/prisma-schema.js";

/** PostgreSQL's name of a field's type. */
const COLUMN_TYPES: Readonly<Record<string, string>> = {
  String: "text",
  "String Uuid": "uuid",
  "Int Int4": "int4",
  BigInt: "int8",
  Boolean: "bool",
  "DateTime Timestamptz": "timestamptz",
  Json: "jsonb",
  Bytes: "bytea",
};

describe("db/schema.prisma", () => {
  const db = useDatabase();
  const models = parseModels(readFileSync(new URL("../../db/schema.prisma", import.meta.url), "utf8"));

  const columnOf = (field: PrismaField): string => {
    const type =
      COLUMN_TYPES[`${field.type} ${field.native}`.trim()] ??
      assert.fail(`no type for ${field.column}: ${field.type} @db.${field.native}`);
    return `${field.column} ${field.list ? `_${type}` : type}${field.optional ? "" : " NOT NULL"}`;
  };

  it("has a model for every table and no other", async () => {
    const { rows } = await db.database.pool.query<{ name: string }>(
      "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1",
    );
    assert.deepEqual(
      models.map(({ table }) => table).sort(),
      rows.map(({ name }) => name),
    );
  });

  it("names models and fields as programs do", () => {
    const camel = (text: string): string => text.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
    for (const { name, table } of models) assert.equal(name, camel(`_${table}`));
  });

  for (const model of models) {
    it(`sees ${model.table} as it is`, async () => {
      const { rows: columns } = await db.database.pool.query<{ text: string }>(
        `SELECT column_name || ' ' || udt_name || CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END AS text
         FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1 ORDER BY ordinal_position`,
        [model.table],
      );
      assert.deepEqual(
        model.fields.map(columnOf),
        columns.map(({ text }) => text),
      );

      const { rows: indexes } = await db.database.pool.query<{
        name: string;
        primary: boolean;
        unique: boolean;
        partial: boolean;
        columns: string[];
      }>(
        `SELECT c.relname AS name, i.indisprimary AS primary, i.indisunique AS unique, i.indpred IS NOT NULL AS partial,
           ARRAY(SELECT a.attname::text FROM unnest(i.indkey) WITH ORDINALITY k (number, place)
                 JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number ORDER BY k.place) AS columns
         FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
         WHERE i.indrelid = $1::regclass`,
        [model.table],
      );
      assert.deepEqual(model.primaryKey, indexes.find(({ primary }) => primary)?.columns);
      assert.deepEqual(
        [...model.indexes].sort(),
        indexes
          .filter(({ primary }) => !primary)
          .map(({ name, unique, partial, columns: on }) =>
            partial ? `${name} partial` : `${unique ? "unique " : ""}${name} (${on.join(", ")})`,
          )
          .sort(),
      );
    });
  }
});
